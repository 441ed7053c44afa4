package native

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
)

// become runs the program at path in this one's place, as near as Windows comes to it: it is a child,
// gets Ctrl-C by being on the same console, and its exit status is returned.
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

// interrupt ends a process; there is no way to ask.
func interrupt(p *os.Process) error { return p.Kill() }
