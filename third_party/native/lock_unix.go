//go:build unix

package native

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the whole file for this process, or says that another has it. The lock ends with the file or with the process.
func tryLock(f *os.File) (taken bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}

// diskFull says whether err is the system's word that there is no room, on the disk or for this person.
func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
