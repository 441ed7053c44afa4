package batch

import (
	"context"
	"errors"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cyclegan/infer"
	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// translator is a function as a Translator.
type translator func(ctx context.Context, img image.Image) (image.Image, error)

func (f translator) Translate(ctx context.Context, img image.Image) (image.Image, error) {
	return f(ctx, img)
}

var inverter = translator(func(_ context.Context, img image.Image) (image.Image, error) { return imagetest.Negative(img), nil })

// convert plans and runs a conversion.
func convert(ctx context.Context, model Translator, input, output, format string, opt *Options) (*Summary, error) {
	plan, err := NewPlan([]string{input}, output, format)
	if err != nil {
		return nil, err
	}
	c, err := New(model, opt)
	if err != nil {
		return nil, err
	}
	return c.Run(ctx, plan)
}

// photographs writes small images to a new folder, in which the test then runs.
func photographs(t *testing.T, files ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for i, f := range files {
		if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := pixels.Save(f, imagetest.Pattern(9+i, 7), pixels.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// check compares an output with the negative of its input.
func check(t *testing.T, input, output string, tolerance int) {
	t.Helper()
	in, err := pixels.Load(input, pixels.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := pixels.Load(output, pixels.Limits{})
	if err != nil {
		t.Error(err)
		return
	}
	if err := imagetest.Equal(imagetest.Negative(in.Image), out.Image, tolerance); err != nil {
		t.Errorf("%s: %v", output, err)
	}
}

func TestRun(t *testing.T) {
	photographs(t, "in/a.png", "in/sub/b.bmp", "in/sub/c.png", "in/d.tiff")
	if err := os.WriteFile("in/bad.png", []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	var done []Result
	s, err := convert(t.Context(), inverter, "in", "out", "", &Options{Workers: 2, Files: 2, Done: func(r Result) { done = append(done, r) }})
	if err != nil {
		t.Fatal(err)
	}
	if s.Total != 5 || s.Converted != 4 || s.Skipped != 0 || s.Left != 0 || s.Elapsed <= 0 || len(done) != 5 {
		t.Errorf("summary %+v, done %d", s, len(done))
	}
	if len(s.Failed) != 1 || s.Failed[0].Path != filepath.Join("in", "bad.png") || !strings.Contains(s.Failed[0].Err.Error(), "not a") {
		t.Errorf("failed %v", s.Failed)
	}
	for _, name := range []string{"a.png", "sub/b.bmp", "sub/c.png", "d.tiff"} {
		check(t, filepath.Join("in", name), filepath.Join("out", name), 0)
	}
	if _, err := os.Stat("out/bad.png"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a bad image left an output: %v", err)
	}
	i := slices.IndexFunc(done, func(r Result) bool { return r.Input == filepath.Join("in", "a.png") })
	if r := done[i]; r.Width != 9 || r.Height != 7 || r.Read <= 0 || r.Write <= 0 || r.Err != nil {
		t.Errorf("result %+v", r)
	}
}

func TestRunSkipsExisting(t *testing.T) {
	photographs(t, "in/a.png", "in/b.png")
	for i, want := range []Summary{{Total: 2, Converted: 2}, {Total: 2, Skipped: 2}, {Total: 2, Converted: 1, Skipped: 1}} {
		s, err := convert(t.Context(), inverter, "in", "out", "bmp", &Options{SkipExisting: true})
		if err != nil {
			t.Fatal(err)
		}
		if s.Converted != want.Converted || s.Skipped != want.Skipped || s.Total != want.Total {
			t.Errorf("run %d: %+v, want %+v", i, s, want)
		}
		if i == 1 {
			os.Remove("out/a.bmp")
		}
	}
	check(t, "in/a.png", "out/a.bmp", 0)
}

func TestRunFailures(t *testing.T) {
	photographs(t, "in/a.png", "in/b.png", "in/c.png", "in/d.png")
	// c cannot be written, since a folder has its name.
	if err := os.MkdirAll("out/c.png", 0o755); err != nil {
		t.Fatal(err)
	}
	wrong := errors.New("the model does not like it")
	fails := translator(func(_ context.Context, img image.Image) (image.Image, error) {
		if img.Bounds().Dx() == 10 { // b
			return nil, wrong
		}
		return imagetest.Negative(img), nil
	})
	s, err := convert(t.Context(), fails, "in", "out", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Converted != 2 || len(s.Failed) != 2 || !errors.Is(s.Failed[0].Err, wrong) || s.Failed[1].Path != filepath.Join("in", "c.png") {
		t.Errorf("summary %+v", s)
	}
	if left, _ := filepath.Glob("out/.*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// On a full disk every further image would fail too, so the run ends.
func TestRunFullDisk(t *testing.T) {
	var files []string
	for _, c := range "abcdefghijklmnop" {
		files = append(files, "in/"+string(c)+".png")
	}
	photographs(t, files...)
	var ran atomic.Int32
	full := translator(func(_ context.Context, img image.Image) (image.Image, error) {
		ran.Add(1)
		return nil, &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	})
	s, err := convert(t.Context(), full, "in", "out", "", &Options{Files: 1})
	var outputErr *OutputError
	if !errors.As(err, &outputErr) || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("error %v", err)
	}
	if ran.Load() > 5 || s.Left < 10 {
		t.Errorf("%d images ran, %d left", ran.Load(), s.Left)
	}
}

// After Stop, the image in the model is finished and written; the end of the context aborts it.
func TestRunEndsEarly(t *testing.T) {
	for _, abort := range []bool{false, true} {
		photographs(t, "in/a.png", "in/b.png", "in/c.png", "in/d.png", "in/e.png")
		ctx, cancel := context.WithCancel(t.Context())
		var c *Converter
		var once sync.Once
		end := translator(func(ctx context.Context, img image.Image) (image.Image, error) {
			once.Do(func() {
				if abort {
					cancel()
				} else {
					c.Stop()
				}
			})
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			return imagetest.Negative(img), nil
		})
		plan, err := NewPlan([]string{"in"}, "out", "")
		if err != nil {
			t.Fatal(err)
		}
		if c, err = New(end, &Options{Workers: 1}); err != nil {
			t.Fatal(err)
		}
		s, err := c.Run(ctx, plan)
		if abort {
			if !errors.Is(err, context.Canceled) || s.Converted != 0 || s.Left != 5 || len(s.Failed) != 0 {
				t.Errorf("aborted: %+v, %v", s, err)
			}
			continue
		}
		if err != nil || s.Converted != 1 || s.Left != 4 || len(s.Failed) != 0 {
			t.Errorf("stopped: %+v, %v", s, err)
		}
		check(t, "in/a.png", "out/a.png", 0)
		if s, err := c.Run(ctx, plan); err != nil || s.Left != 5 {
			t.Errorf("run again after Stop: %+v, %v", s, err)
		}
		cancel()
	}
}

// Reading, translating and writing overlap: together they take little longer than the slowest
// stage.
func TestRunOverlaps(t *testing.T) {
	var files []string
	for _, c := range "abcdefgh" {
		files = append(files, "in/"+string(c)+".png")
	}
	photographs(t, files...)
	var now, most atomic.Int32
	counts := translator(func(_ context.Context, img image.Image) (image.Image, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(20 * time.Millisecond)
		return img, nil
	})
	if _, err := convert(t.Context(), counts, "in", "out", "", &Options{Workers: 3}); err != nil {
		t.Fatal(err)
	}
	if most.Load() != 3 {
		t.Errorf("%d images were in the model at once, want 3", most.Load())
	}
}

func TestRunRefuses(t *testing.T) {
	photographs(t, "in/a.png", "file.png")
	for _, c := range []struct {
		model         Translator
		input, output string
		opt           *Options
		want          []string
	}{
		{nil, "in", "out", &Options{Quality: 101, Workers: -1, Files: -2}, []string{"model is nil", "quality 101", "workers -1", "files -2"}},
		{inverter, "nowhere", "out", nil, []string{"nowhere"}},
		{inverter, "in", "file.png/out", nil, []string{"output folder"}},
	} {
		_, err := convert(t.Context(), c.model, c.input, c.output, "", c.opt)
		if err == nil {
			t.Errorf("%+v: accepted", c)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q is missing in %q", want, err)
			}
		}
	}
}

// With ONNX Runtime, padding, and JPEG as input and output.
func TestRunWithModel(t *testing.T) {
	m, err := infer.Open(filepath.Join("..", "..", "testdata", "models", "multiple8.onnx"), nil)
	var missing *session.NotFoundError
	if errors.As(err, &missing) || errors.Is(err, session.ErrNoCgo) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	photographs(t, "in/a.png", "in/b.jpg")
	s, err := convert(t.Context(), m, "in", "out", "", &Options{Quality: 100, Workers: 2})
	if err != nil || s.Converted != 2 {
		t.Fatalf("%+v, %v", s, err)
	}
	check(t, "in/a.png", "out/a.png", 0)
	in, err := pixels.Load("out/b.jpg", pixels.Limits{})
	if err != nil || in.Format != "jpeg" || in.Image.Rect != image.Rect(0, 0, 10, 7) {
		t.Errorf("%+v, %v", in, err)
	}
}
