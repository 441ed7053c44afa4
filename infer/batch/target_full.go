//go:build !windows

package batch

import (
	"errors"
	"syscall"
)

// TargetLost tells whether an error in writing one picture is one for all that follow, since the disk is full or read-only, and what to say of it.
// A Batch stops there.
func TargetLost(err error) (string, bool) {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full", true
	case errors.Is(err, syscall.EDQUOT):
		return "the quota on the disk is used up", true
	case errors.Is(err, syscall.EROFS):
		return "the output folder has become read-only", true
	}
	return "", false
}
