package main

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
	"cyclegan/third_party/native"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"evaluate": main})
}

func TestScripts(t *testing.T) {
	models, err := filepath.Abs(filepath.Join("..", "..", "train", "metric", "features", "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	missing := runtimeMissing(t, models)
	library, _ := native.FindONNXRuntime()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("MODELS", models)
			e.Setenv(native.EnvCache, filepath.Join(e.WorkDir, "home", "cache"))
			if library != "" {
				e.Setenv(native.EnvONNXRuntime, library)
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "onnxruntime":
				return missing == nil, nil
			case "cgo":
				return !errors.Is(missing, session.ErrNoCgo), nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status, "pictures": pictures, "samescores": sameScores, "damage": damage, "truncate": truncate, "interrupt": interrupt,
		},
	})
}

// runtimeMissing says why models cannot be run on this machine, or gives nil. Another fault fails the test.
func runtimeMissing(t *testing.T, models string) error {
	s, err := session.Open(filepath.Join(models, "tiny.onnx"), nil)
	var notFound *session.NotFoundError
	if errors.As(err, &notFound) || errors.Is(err, session.ErrNoCgo) {
		t.Logf("the scripts that run models are skipped: %v", err)
		return err
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	return nil
}

// status CODE COMMAND... runs a command and checks its exit status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE COMMAND...")
	}
	checkStatus(ts, whole(ts, args[0]), ts.Exec(args[1], args[2:]...))
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

// pictures FOLDER N W H SEED draws 0.png to N-1.png, of other content for each seed.
func pictures(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 5 {
		ts.Fatalf("usage: pictures FOLDER N W H SEED")
	}
	n, w, h, seed := whole(ts, args[1]), whole(ts, args[2]), whole(ts, args[3]), whole(ts, args[4])
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	for i := range n {
		img := image.NewNRGBA(image.Rect(0, 0, w, h))
		for y := range h {
			for x := range w {
				img.SetNRGBA(x, y, color.NRGBA{uint8(x*9*seed + i*20), uint8(y*(11-i)*seed + 3*x), uint8((x*y/8 + y) * 3 * seed), 255})
			}
		}
		ts.Check(pixels.Save(filepath.Join(dir, fmt.Sprintf("%d.png", i)), img, pixels.SaveOptions{}))
	}
}

func whole(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

// samescores TABLE TABLE checks that two printed tables have equal scores, and some.
func sameScores(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: samescores TABLE TABLE")
	}
	var scores [2]string
	for i, name := range args {
		_, scores[i], _ = strings.Cut(ts.ReadFile(name), "n real")
	}
	if !strings.Contains(scores[0], "SWD") || scores[0] != scores[1] {
		ts.Fatalf("the scores are%s\nand%s", scores[0], scores[1])
	}
}

// damage FOLDER changes the last byte of every file in a folder.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*"))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("there is nothing in %s", args[0])
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		ts.Check(err)
		data[len(data)-1] ^= 1
		ts.Check(os.WriteFile(f, data, 0o600))
	}
}

// truncate FILE keeps the header of a PNG and loses its pixels.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.Truncate(ts.MkAbs(args[0]), 45))
}

// interrupt CODE COMMAND... runs a command, interrupts it once it has said how much there is to read, and checks its exit status. What
// it said goes to the file interrupted.txt.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: interrupt CODE COMMAND...")
	}
	path := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		p := filepath.Join(dir, args[1])
		if _, err := os.Stat(p); path == "" && err == nil {
			path = p
		}
	}
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), native.EnvCache+"="+ts.Getenv(native.EnvCache))
	out, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.HasSuffix(lines.Text(), "to read") {
			ts.Check(cmd.Process.Signal(os.Interrupt))
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs("interrupted.txt"), []byte(said.String()), 0o644))
	checkStatus(ts, whole(ts, args[0]), cmd.Wait())
}
