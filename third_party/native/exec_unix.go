//go:build unix

package native

import (
	"os"
	"syscall"
)

// become replaces this process by the program at path, which keeps the process number and so gets every signal.
// It returns only on failure.
func become(path string, args, env []string) (status int, err error) {
	return 0, &os.PathError{Op: "run", Path: path, Err: syscall.Exec(path, args, env)}
}

// interrupt asks a process to end as Ctrl-C does.
func interrupt(p *os.Process) error { return p.Signal(os.Interrupt) }
