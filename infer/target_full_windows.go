package infer

import (
	"errors"
	"syscall"
)

// targetLost tells whether an error in writing one picture is one for all that follow, and what to say of the target.
func targetLost(err error) (string, bool) {
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
