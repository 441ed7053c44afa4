package batch

import (
	"errors"
	"syscall"
)

// TargetLost tells whether an error in writing one picture is one for all that follow, since the disk is full or read-only, and what to say of it.
// A Batch stops there.
func TargetLost(err error) (string, bool) {
	const (
		errorWriteProtect   = syscall.Errno(19)
		errorHandleDiskFull = syscall.Errno(39)
		errorDiskFull       = syscall.Errno(112)
	)
	switch {
	case errors.Is(err, errorDiskFull), errors.Is(err, errorHandleDiskFull):
		return "the disk is full", true
	case errors.Is(err, errorWriteProtect):
		return "the output folder has become read-only", true
	}
	return "", false
}
