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

// photographs writes small pictures below a new folder, in which the test then runs.
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

func TestBatch(t *testing.T) {
	photographs(t, "in/a.png", "in/sub/b.bmp", "in/sub/c.png", "in/d.tiff")
	if err := os.WriteFile("in/bad.png", []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	var planned int
	var done []Result
	b := Batch{Model: inverter, Inputs: []string{"in"}, Output: "out", Workers: 2, Files: 2,
		Begin: func(p *Plan) { planned = len(p.Pictures) },
		Done:  func(r Result) { done = append(done, r) }}
	s, err := b.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.Total != 5 || s.Converted != 4 || s.Skipped != 0 || s.Left != 0 || s.Elapsed <= 0 || planned != 5 || len(done) != 5 {
		t.Errorf("summary %+v, planned %d, done %d", s, planned, len(done))
	}
	if len(s.Failed) != 1 || s.Failed[0].Path != filepath.Join("in", "bad.png") || !strings.Contains(s.Failed[0].Err.Error(), "not a") {
		t.Errorf("failed %v", s.Failed)
	}
	for _, name := range []string{"a.png", "sub/b.bmp", "sub/c.png", "d.tiff"} {
		check(t, filepath.Join("in", name), filepath.Join("out", name), 0)
	}
	if _, err := os.Stat("out/bad.png"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a bad picture left an output: %v", err)
	}
	i := slices.IndexFunc(done, func(r Result) bool { return r.Input == filepath.Join("in", "a.png") })
	if r := done[i]; r.Width != 9 || r.Height != 7 || r.Read <= 0 || r.Write <= 0 || r.Err != nil {
		t.Errorf("result %+v", r)
	}
}

func TestBatchSkipsExisting(t *testing.T) {
	photographs(t, "in/a.png", "in/b.png")
	b := Batch{Model: inverter, Inputs: []string{"in"}, Output: "out", Format: "bmp", SkipExisting: true}
	for i, want := range []Summary{{Total: 2, Converted: 2}, {Total: 2, Skipped: 2}, {Total: 2, Converted: 1, Skipped: 1}} {
		s, err := b.Run(t.Context())
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

func TestBatchFailures(t *testing.T) {
	photographs(t, "in/a.png", "in/b.png", "in/c.png", "in/d.png")
	// c cannot be written, since a folder has its name.
	if err := os.MkdirAll("out/c.png", 0o755); err != nil {
		t.Fatal(err)
	}
	wrong := errors.New("the model does not like it")
	b := Batch{Inputs: []string{"in"}, Output: "out", Model: translator(func(_ context.Context, img image.Image) (image.Image, error) {
		if img.Bounds().Dx() == 10 { // b
			return nil, wrong
		}
		return imagetest.Negative(img), nil
	})}
	s, err := b.Run(t.Context())
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

// A full disk fails every picture after the first one too, so the batch ends instead of computing for nothing.
func TestBatchFullDisk(t *testing.T) {
	var files []string
	for _, c := range "abcdefghijklmnop" {
		files = append(files, "in/"+string(c)+".png")
	}
	photographs(t, files...)
	var ran atomic.Int32
	b := Batch{Inputs: []string{"in"}, Output: "out", Files: 1, Model: translator(func(_ context.Context, img image.Image) (image.Image, error) {
		ran.Add(1)
		return nil, &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	})}
	s, err := b.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("error %v", err)
	}
	if ran.Load() > 5 || s.Left < 10 {
		t.Errorf("%d pictures ran, %d left", ran.Load(), s.Left)
	}
}

// Stop lets the picture in the model be finished and written; the context breaks it off.
func TestBatchEndsEarly(t *testing.T) {
	for _, hard := range []bool{false, true} {
		photographs(t, "in/a.png", "in/b.png", "in/c.png", "in/d.png", "in/e.png")
		ctx, cancel := context.WithCancel(t.Context())
		stop := make(chan struct{})
		var once sync.Once
		b := Batch{Inputs: []string{"in"}, Output: "out", Workers: 1, Stop: stop, Model: translator(func(ctx context.Context, img image.Image) (image.Image, error) {
			once.Do(func() {
				if hard {
					cancel()
				} else {
					close(stop)
				}
			})
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			return imagetest.Negative(img), nil
		})}
		s, err := b.Run(ctx)
		if hard {
			if !errors.Is(err, context.Canceled) || s.Converted != 0 || s.Left != 5 || len(s.Failed) != 0 {
				t.Errorf("broken off: %+v, %v", s, err)
			}
			continue
		}
		if err != nil || s.Converted != 1 || s.Left != 4 || len(s.Failed) != 0 {
			t.Errorf("stopped: %+v, %v", s, err)
		}
		check(t, "in/a.png", "out/a.png", 0)
		cancel()
	}
}

// Reading, translating and writing overlap: all stages together take hardly longer than the slowest alone.
func TestBatchOverlaps(t *testing.T) {
	var files []string
	for _, c := range "abcdefgh" {
		files = append(files, "in/"+string(c)+".png")
	}
	photographs(t, files...)
	var now, most atomic.Int32
	b := Batch{Inputs: []string{"in"}, Output: "out", Workers: 3, Model: translator(func(_ context.Context, img image.Image) (image.Image, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(20 * time.Millisecond)
		return img, nil
	})}
	if _, err := b.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if most.Load() != 3 {
		t.Errorf("%d pictures were in the model at once, want 3", most.Load())
	}
}

// Left to itself, a batch has two small pictures in the model at once, and a large one alone.
func TestBatchChoosesWorkers(t *testing.T) {
	photographs(t, "in/a.png", "in/b.png", "in/c.png", "in/d.png", "in/e.png", "in/f.png")
	if err := pixels.Save("in/c.png", imagetest.Pattern(1024, 257), pixels.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	var now, most, beside atomic.Int32
	b := Batch{Inputs: []string{"in"}, Output: "out", Model: translator(func(_ context.Context, img image.Image) (image.Image, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(20 * time.Millisecond)
		if img.Bounds().Dx() == 1024 {
			beside.Store(max(n, now.Load()))
		}
		return img, nil
	})}
	if s, err := b.Run(t.Context()); err != nil || s.Converted != 6 {
		t.Fatal(s, err)
	}
	if most.Load() != 2 || beside.Load() != 1 {
		t.Errorf("%d pictures were in the model at once, and %d with the large one; want 2 and 1", most.Load(), beside.Load())
	}
}

func TestBatchRefuses(t *testing.T) {
	photographs(t, "in/a.png", "file.png")
	for _, c := range []struct {
		b    Batch
		want []string
	}{
		{Batch{Inputs: []string{"in"}, Output: "out", Quality: 101, Workers: -1, Files: -2}, []string{"no model", "quality 101", "workers -1", "files -2"}},
		{Batch{Model: inverter, Inputs: []string{"nowhere"}, Output: "out"}, []string{"nowhere"}},
		{Batch{Model: inverter, Inputs: []string{"in"}, Output: "file.png/out"}, []string{"output folder"}},
	} {
		_, err := c.b.Run(t.Context())
		if err == nil {
			t.Errorf("%+v: accepted", c.b)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q is missing in %q", want, err)
			}
		}
	}
}

// Through ONNX Runtime, with padding and JPEG on both ends.
func TestBatchWithModel(t *testing.T) {
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
	s, err := (&Batch{Model: m, Inputs: []string{"in"}, Output: "out", Quality: 100, Workers: 2}).Run(t.Context())
	if err != nil || s.Converted != 2 {
		t.Fatalf("%+v, %v", s, err)
	}
	check(t, "in/a.png", "out/a.png", 0)
	in, err := pixels.Load("out/b.jpg", pixels.Limits{})
	if err != nil || in.Format != "jpeg" || in.Image.Rect != image.Rect(0, 0, 10, 7) {
		t.Errorf("%+v, %v", in, err)
	}
}
