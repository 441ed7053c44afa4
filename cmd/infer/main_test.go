package main

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
	"cyclegan/third_party/native"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"infer": main})
}

// runtimeMissing says why models cannot be run on this machine, or gives nil. Another fault fails the test.
func runtimeMissing(t *testing.T, models string) error {
	s, err := session.Open(filepath.Join(models, "invert.onnx"), nil)
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

func TestScripts(t *testing.T) {
	models, err := filepath.Abs(filepath.Join("..", "..", "testdata", "models"))
	if err != nil {
		t.Fatal(err)
	}
	missing := runtimeMissing(t, models)
	library, _ := native.FindONNXRuntime()
	cache, err := native.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("MODELS", models)
			e.Setenv("CACHE", cache)
			e.Setenv("PICTURES", filepath.Join(filepath.Dir(models), "pictures"))
			if library != "" {
				// The scripts have a home of their own, where the cache is not.
				e.Setenv(native.EnvONNXRuntime, library)
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "onnxruntime":
				return missing == nil, nil
			case "cpu_build":
				// the scripts may take its place away, and what is nowhere would be fetched
				path, named, err := native.FindONNXRuntimeWith(native.CPU)
				return missing == nil && err == nil && !named && path == library, nil
			case "openvino":
				return missing == nil && native.Installed(native.OpenVINO), nil
			case "cgo":
				return !errors.Is(missing, session.ErrNoCgo), nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status, "interrupt": interrupt, "crash": crash, "picture": picture, "negated": negated, "sized": sized,
		},
	})
}

// status CODE COMMAND... runs a command and checks its exit status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE COMMAND...")
	}
	checkStatus(ts, number(ts, args[0]), ts.Exec(args[1], args[2:]...))
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

// picture FILE W H SEED draws a picture.
func picture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: picture FILE W H SEED")
	}
	w, h, seed := number(ts, args[1]), number(ts, args[2]), number(ts, args[3])
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, color.NRGBA{uint8(x*9 + seed), uint8(y * 11), uint8((x + y) * 3 * seed), 255})
		}
	}
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(pixels.Save(path, img, pixels.SaveOptions{}))
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

// sized FILE W H checks the size of a PNG.
func sized(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: sized FILE W H")
	}
	pic, err := pixels.Load(ts.MkAbs(args[0]), pixels.Limits{})
	ts.Check(err)
	if got, want := pic.Image.Rect.Size(), image.Pt(number(ts, args[1]), number(ts, args[2])); got != want || pic.Format != "png" {
		ts.Fatalf("%s is %s of %v, want png of %v", args[0], pic.Format, got, want)
	}
}

// negated IN OUT FORMAT checks that OUT is of that format and the negative of IN.
func negated(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: negated IN OUT FORMAT")
	}
	in, err := pixels.Load(ts.MkAbs(args[0]), pixels.Limits{})
	ts.Check(err)
	out, err := pixels.Load(ts.MkAbs(args[1]), pixels.Limits{})
	ts.Check(err)
	if err := compare(in, out, args[2]); (err != nil) != neg {
		ts.Fatalf("%s and %s: %v", args[0], args[1], err)
	}
}

func compare(in, out *pixels.Picture, format string) error {
	if out.Format != format {
		return fmt.Errorf("format %s", out.Format)
	}
	if in.Image.Rect != out.Image.Rect {
		return fmt.Errorf("sizes %v and %v", in.Image.Rect, out.Image.Rect)
	}
	tolerance := 0
	if format == "jpeg" {
		tolerance = 40
	}
	for i, v := range in.Image.Pix {
		want := 255 - int(v)
		if i%4 == 3 {
			want = int(v)
		}
		if d := want - int(out.Image.Pix[i]); max(d, -d) > tolerance {
			return fmt.Errorf("value %d is %d, want %d", i, out.Image.Pix[i], want)
		}
	}
	return nil
}
