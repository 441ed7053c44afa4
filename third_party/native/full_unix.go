//go:build unix

package native

import (
	"errors"
	"syscall"
)

// diskFull says whether err is the system's word that there is no room, on the disk or for this person.
func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
