package main

import (
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"cyclegan/cmd/internal/clitest"
	"cyclegan/infer/pixels"
	"cyclegan/third_party/native"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"infer": main})
}

func TestScripts(t *testing.T) {
	canRun := clitest.RuntimeMissing(t) == nil
	library, _ := native.FindONNXRuntime()
	cache, err := native.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	clitest.Run(t, filepath.Join("testdata", "script"), clitest.Options{
		Env: map[string]string{
			"MODELS":   clitest.Testdata(t, "testdata", "models"),
			"STREAMS":  clitest.Testdata(t, "infer", "y4m", "testdata"),
			"PICTURES": clitest.Testdata(t, "testdata", "pictures"),
			"CACHE":    cache,
		},
		Condition: func(name string) (holds, known bool) {
			switch name {
			case "cpu_build":
				// Scripts may hide the library, and one that is nowhere would be fetched.
				path, named, err := native.FindONNXRuntimeWith(native.CPU)
				return canRun && err == nil && !named && path == library, true
			case "openvino":
				return canRun && native.Installed(native.OpenVINO), true
			}
			return false, false
		},
		Commands: clitest.Commands{"await": await, "crash": crash, "picture": picture, "negated": negated, "sized": sized},
	})
}

// crash DIR COMMAND... kills a command as soon as it has written some images into DIR, and checks
// that every file there is a whole image, except one with a temporary name.
func crash(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: crash DIR COMMAND...")
	}
	cmd := clitest.Command(ts, args[1:]...)
	ts.Check(cmd.Start())
	images := func() []string {
		found, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "[^.]*"))
		ts.Check(err)
		return found
	}
	for begin := time.Now(); len(images()) < 3 && time.Since(begin) < time.Minute; {
		time.Sleep(time.Millisecond)
	}
	ts.Check(cmd.Process.Kill())
	cmd.Wait() // it was killed
	found := images()
	if len(found) < 3 {
		ts.Fatalf("%d images were written before the end", len(found))
	}
	for _, path := range found {
		_, err := pixels.Load(path, pixels.Limits{})
		ts.Check(err)
	}
	ts.Logf("killed after %d images", len(found))
}

// await FILE waits until a file exists.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await FILE")
	}
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		if time.Since(begin) > time.Minute {
			ts.Fatalf("%s does not appear", args[0])
		}
	}
}

// picture FILE W H SEED draws an image.
func picture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: picture FILE W H SEED")
	}
	w, h, seed := clitest.Number(ts, args[1]), clitest.Number(ts, args[2]), clitest.Number(ts, args[3])
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

// sized FILE W H checks the size of a PNG.
func sized(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: sized FILE W H")
	}
	pic, err := pixels.Load(ts.MkAbs(args[0]), pixels.Limits{})
	ts.Check(err)
	if got, want := pic.Image.Rect.Size(), image.Pt(clitest.Number(ts, args[1]), clitest.Number(ts, args[2])); got != want || pic.Format != "png" {
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
