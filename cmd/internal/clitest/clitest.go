// Package clitest runs the testscript files of the commands. [Run] adds what they share: conditions
// for the native libraries and commands for exit statuses and interruptions.
package clitest

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"cyclegan/infer/session"
	"cyclegan/third_party/native"
)

// Commands are commands of scripts by name.
type Commands = map[string]func(ts *testscript.TestScript, neg bool, args []string)

// Options extend what all scripts have.
type Options struct {
	Env       map[string]string
	Commands  Commands
	Condition func(name string) (holds, known bool)
}

// Run runs the scripts in dir. They find ONNX Runtime where this machine has it, although they run
// with a home folder of their own, and EfficientNet-Lite0's weights. Their conditions are
// [onnxruntime], [features] (both are there) and [cgo], their commands
//
//	status CODE COMMAND...        run a command and check its exit status
//	interrupt CODE N COMMAND...   also interrupt it N times, when it announces its work and after the
//	                              first interruption; interrupted.txt gets its standard error
func Run(t *testing.T, dir string, o Options) {
	missing := RuntimeMissing(t)
	library, _ := native.FindONNXRuntime()
	weights, _ := native.FindFeatures()
	commands := Commands{"status": status, "interrupt": interrupt}
	maps.Copy(commands, o.Commands)
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TF_CPP_MIN_LOG_LEVEL", "3") // TensorFlow logs to standard error
			if library != "" {
				e.Setenv(native.EnvONNXRuntime, library)
			}
			if weights != "" {
				e.Setenv(native.EnvFeatures, weights)
			}
			for name, value := range o.Env {
				e.Setenv(name, strings.ReplaceAll(value, "$WORK", e.WorkDir))
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "onnxruntime":
				return missing == nil, nil
			case "features":
				return missing == nil && weights != "", nil
			case "cgo":
				return !errors.Is(missing, session.ErrNoCgo), nil
			}
			if o.Condition != nil {
				if holds, known := o.Condition(name); known {
					return holds, nil
				}
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: commands,
	})
}

// Testdata returns the absolute path of a file or folder of the project, named from its root.
func Testdata(t *testing.T, path ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for filepath.Base(dir) != "cmd" {
		if dir = filepath.Dir(dir); dir == filepath.Dir(dir) {
			t.Fatal("the test does not run in a folder of cmd")
		}
	}
	return filepath.Join(append([]string{filepath.Dir(dir)}, path...)...)
}

// RuntimeMissing returns why this machine cannot run models, nil if it can. Another fault fails the
// test.
func RuntimeMissing(t *testing.T) error {
	t.Helper()
	s, err := session.Open(Testdata(t, "testdata", "models", "invert.onnx"), nil)
	var notFound *session.NotFoundError
	if errors.As(err, &notFound) || errors.Is(err, session.ErrNoCgo) {
		t.Logf("skipping what runs models: %v", err)
		return err
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	return nil
}

func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE COMMAND...")
	}
	checkStatus(ts, Number(ts, args[0]), ts.Exec(args[1], args[2:]...))
}

func checkStatus(ts *testscript.TestScript, want int, err error) {
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: interrupt CODE N COMMAND...")
	}
	cmd := Command(ts, args[2:]...)
	out, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	var printed strings.Builder
	signals := Number(ts, args[1])
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Text()
		printed.WriteString(line + "\n")
		announced := strings.Contains(line, " to convert") || strings.HasSuffix(line, " to read")
		// The second signal waits for the answer to the first, since two at once may arrive as one.
		if signals > 0 && (announced || strings.HasPrefix(line, "interrupted:")) {
			signals--
			ts.Check(cmd.Process.Signal(os.Interrupt))
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs("interrupted.txt"), []byte(printed.String()), 0o644))
	checkStatus(ts, Number(ts, args[0]), cmd.Wait())
}

// Command returns a command of the scripts that has not been started.
func Command(ts *testscript.TestScript, args ...string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...) // testscript.Main has put it into PATH
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = os.Environ()
	for _, name := range []string{native.EnvONNXRuntime, native.EnvFeatures, native.EnvCache} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

// Number parses an argument of a command.
func Number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}
