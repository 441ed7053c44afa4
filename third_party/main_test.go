package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"third_party": main,
		"python3":     python,
		"mycc":        func() {},
	})
}

// python stands in for a Python whose pip downloads what TEST_WHEEL names, or says TEST_SAYS and
// fails.
func python() {
	if slices.Contains(os.Args, "--version") {
		return
	}
	if says := os.Getenv("TEST_SAYS"); says != "" {
		fmt.Fprintln(os.Stderr, says)
		os.Exit(1)
	}
	data, err := os.ReadFile(os.Getenv("TEST_WHEEL"))
	if err == nil {
		err = os.WriteFile(filepath.Join(os.Args[len(os.Args)-1], "some.whl"), data, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits},
		Setup: func(e *testscript.Env) error {
			e.Setenv("CYCLEGAN_CACHE", filepath.Join(e.WorkDir, "cache"))
			e.Setenv("CYCLEGAN_TENSORFLOW", "")
			e.Setenv("CYCLEGAN_ONNXRUNTIME", "")
			e.Setenv("CYCLEGAN_WITH", "")
			// no C compiler is needed, only that there is one
			e.Setenv("CC", "mycc")
			return nil
		},
	})
}

// exits is a script's command: exits STATUS COMMAND..., which passes if the command ends with that
// exit status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARGUMENT...]")
	}
	status := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(status) != args[0] {
		ts.Fatalf("the exit status is %d, and should be %s", status, args[0])
	}
}
