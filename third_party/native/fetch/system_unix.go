//go:build unix

package fetch

import (
	"errors"
	"os"
	"syscall"
)

// become replaces this process by the program at path, which keeps the process ID and so receives
// every signal. It returns only on failure.
func become(path string, args, env []string) (status int, err error) {
	return 0, &os.PathError{Op: "run", Path: path, Err: syscall.Exec(path, args, env)}
}

// interrupt asks a process to end, as Ctrl-C does.
func interrupt(p *os.Process) error { return p.Signal(os.Interrupt) }

// diskFull reports whether err means that the disk or the user's quota is full.
func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
