package fetch

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"

	"golang.org/x/sys/windows"
)

// become runs the program at path as a child, since Windows cannot replace a process. The child
// receives Ctrl-C from the shared console, and become returns its exit status.
func become(path string, args, env []string) (status int, err error) {
	signal.Ignore(os.Interrupt)
	cmd := &exec.Cmd{Path: path, Args: args, Env: env, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// interrupt kills a process, since Windows has no way to ask it to end.
func interrupt(p *os.Process) error { return p.Kill() }

// diskFull reports whether err means that the disk is full.
func diskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
