package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"cyclegan/cmd/internal/clitest"
	"cyclegan/infer/pixels"
	"cyclegan/train/scenes"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"train": main})
}

func TestScripts(t *testing.T) {
	clitest.Run(t, "testdata", clitest.Options{
		Env: map[string]string{
			"TF_CPP_MIN_LOG_LEVEL": os.Getenv("TF_CPP_MIN_LOG_LEVEL"),
			"FIXTURES":             clitest.Testdata(t, "graph", "pytorch", "testdata"),
			"DEEP":                 clitest.Testdata(t, "testdata", "deep"),
			"WORKER1":              freeAddress(t),
			"WORKER2":              freeAddress(t),
		},
		Commands:  clitest.Commands{"draw": drawScenes, "appears": appears},
		Condition: func(name string) (holds, known bool) { return withTensorFlow, name == "tensorflow" },
	})
}

// drawScenes is draw summer|winter DIR N, which draws images to train on.
func drawScenes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: draw summer|winter DIR N")
	}
	season := scenes.Summer
	if args[0] == "winter" {
		season = scenes.Winter
	}
	ts.Check(os.MkdirAll(ts.MkAbs(args[1]), 0o755))
	for i := range clitest.Number(ts, args[2]) {
		img := scenes.Draw(1, uint64(i), season, 48, 40)
		ts.Check(pixels.Save(filepath.Join(ts.MkAbs(args[1]), fmt.Sprintf("%d.png", i)), img, pixels.SaveOptions{}))
	}
}

// appears is appears FILE, which waits until another process has written FILE.
func appears(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: appears FILE")
	}
	for start := time.Now(); time.Since(start) < 2*time.Minute; time.Sleep(20 * time.Millisecond) {
		if info, err := os.Stat(ts.MkAbs(args[0])); err == nil && info.Size() > 0 {
			return
		}
	}
	ts.Fatalf("%s did not appear", args[0])
}

// freeAddress returns an address of this machine on which nobody listens.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
