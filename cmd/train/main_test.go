package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"cyclegan/infer/pixels"
	"cyclegan/train/scenes"
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
			fixtures, err := filepath.Abs(filepath.Join("..", "..", "graph", "pytorch", "testdata"))
			e.Setenv("FIXTURES", fixtures)
			if err != nil {
				return err
			}
			for _, name := range []string{"WORKER1", "WORKER2"} {
				address, err := freeAddress()
				if err != nil {
					return err
				}
				e.Setenv(name, address)
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
			// draw summer|winter DIR N draws pictures to train on.
			"draw": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) != 3 {
					ts.Fatalf("usage: draw summer|winter DIR N")
				}
				season := scenes.Summer
				if args[0] == "winter" {
					season = scenes.Winter
				}
				n, err := strconv.Atoi(args[2])
				ts.Check(err)
				ts.Check(os.MkdirAll(ts.MkAbs(args[1]), 0o755))
				for i := range n {
					img := scenes.Draw(1, uint64(i), season, 48, 40)
					ts.Check(pixels.Save(filepath.Join(ts.MkAbs(args[1]), fmt.Sprintf("%d.png", i)), img, pixels.SaveOptions{}))
				}
			},
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

// freeAddress is one of this machine's, where nobody listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
