//go:build !windows

package infer

import (
	"errors"
	"syscall"
)

// targetLost tells whether an error in writing one picture is one for all that follow, and what to say of the target.
func targetLost(err error) (string, bool) {
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
