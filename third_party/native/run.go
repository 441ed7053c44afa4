package native

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Run runs a command in this process's place, with the settings of env over its environment.
// On Unix it returns only if the command cannot be started; elsewhere it returns the command's exit status.
func Run(args, env []string) (status int, err error) {
	if len(args) == 0 {
		return 0, errors.New("no command to run")
	}
	env = overlay(os.Environ(), env)
	for _, e := range env {
		if path, ok := strings.CutPrefix(e, "PATH="); ok {
			os.Setenv("PATH", path)
		}
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return 0, fmt.Errorf("run %s: %w", args[0], err)
	}
	return become(path, args, env)
}

// overlay puts settings into an environment, replacing those of the same name.
func overlay(env, settings []string) []string {
	replaced := map[string]bool{}
	for _, s := range settings {
		name, _, _ := strings.Cut(s, "=")
		replaced[name] = true
	}
	out := make([]string, 0, len(env)+len(settings))
	for _, e := range env {
		if name, _, _ := strings.Cut(e, "="); !replaced[name] {
			out = append(out, e)
		}
	}
	return append(out, settings...)
}
