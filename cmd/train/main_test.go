package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"train": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			// The libraries lie in the real home's cache.
			for _, name := range []string{"CYCLEGAN_ONNXRUNTIME", "TF_CPP_MIN_LOG_LEVEL"} {
				e.Setenv(name, os.Getenv(name))
			}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "tensorflow" {
				return withTensorFlow, nil
			}
			return false, fmt.Errorf("condition %q is unknown", cond)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			// appears FILE waits until another process has written FILE.
			"appears": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) != 1 {
					ts.Fatalf("usage: appears FILE")
				}
				for start := time.Now(); time.Since(start) < 2*time.Minute; time.Sleep(20 * time.Millisecond) {
					if info, err := os.Stat(ts.MkAbs(args[0])); err == nil && info.Size() > 0 {
						return
					}
				}
				ts.Fatalf("%s did not appear", args[0])
			},
		},
	})
}
