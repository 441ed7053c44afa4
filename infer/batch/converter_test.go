package batch

import (
	"bytes"
	"context"
	"errors"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/pixels"
)

// Convert returns the same bytes and notes for every kind of image as a run over their folder.
func TestConverter(t *testing.T) {
	pictures, err := filepath.Abs(filepath.Join("..", "..", "testdata", "pictures"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, format := range []string{"", "jpg"} {
		var want []Result
		opt := &Options{Quality: 80, Limits: pixels.Limits{MaxPixels: 100_000},
			Size: func(w, h int) (int, int) { return w + 1, h }, Done: func(r Result) { want = append(want, r) }}
		if _, err := convert(t.Context(), inverter, pictures, "out"+format, format, opt); err != nil {
			t.Fatal(err)
		}
		c, err := New(inverter, opt)
		if err != nil {
			t.Fatal(err)
		}
		failed := 0
		for _, w := range want {
			file, err := os.ReadFile(w.Input)
			if err != nil {
				t.Fatal(err)
			}
			content, got := c.Convert(t.Context(), w.Job, file)
			if w.Err != nil || got.Err != nil {
				if w.Err == nil || got.Err == nil || w.Err.Error() != got.Err.Error() {
					t.Errorf("%s: %v, and for the batch %v", w.Input, got.Err, w.Err)
				}
				failed++
				continue
			}
			if written, err := os.ReadFile(w.Output); err != nil || !bytes.Equal(content, written) {
				t.Errorf("%s: %d bytes, the batch has written %d, %v", w.Output, len(content), len(written), err)
			}
			if got.Width != w.Width || got.Height != w.Height || !slices.Equal(got.Notes, w.Notes) {
				t.Errorf("%s is %dx%d, %q, and for the batch %dx%d, %q", w.Input, got.Width, got.Height, got.Notes, w.Width, w.Height, w.Notes)
			}
		}
		if failed == 0 || failed > len(want)/2 {
			t.Errorf("%d of %d images cannot be read", failed, len(want))
		}
	}
}

func TestConverterErrors(t *testing.T) {
	var file bytes.Buffer
	if err := pixels.Encode(&file, imagetest.Pattern(8, 6), pixels.SaveOptions{Format: "png"}); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	fails := translator(func(context.Context, image.Image) (image.Image, error) { return nil, broken })
	ended, end := context.WithCancel(t.Context())
	end()
	newConverter := func(model Translator, opt *Options) *Converter {
		c, err := New(model, opt)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	full := newConverter(inverter, &Options{Workers: 1})
	if err := full.inModel.Acquire(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if n := newConverter(inverter, &Options{Workers: 3, Files: 4}).MaxInMemory(); n != 11 {
		t.Errorf("%d in memory for 3 images in the model, 4 that are read and 4 that are written", n)
	}
	for _, c := range []struct {
		name      string
		converter *Converter
		ctx       context.Context
		job       Job
		file      []byte
		want      string
	}{
		{"no image", newConverter(inverter, nil), t.Context(), Job{"gs://b/a.png", "x.png"}, []byte("no image"), `read image "gs://b/a.png": `},
		{"limits", newConverter(inverter, &Options{Limits: pixels.Limits{MaxPixels: 47}}), t.Context(), Job{"a.png", "x.png"}, file.Bytes(), "more than the limit of 47 pixels"},
		{"size", newConverter(inverter, &Options{Size: func(int, int) (int, int) { return 0, 5 }}), t.Context(), Job{"a.png", "x.png"}, file.Bytes(), `resize "a.png": image of 0x5`},
		{"model", newConverter(fails, nil), t.Context(), Job{"a.png", "x.png"}, file.Bytes(), `convert "a.png": broken`},
		{"format", newConverter(inverter, nil), t.Context(), Job{"a.png", "x.svg"}, file.Bytes(), `write image "x.svg": cannot write images of format ".svg"`},
		{"end", full, ended, Job{"a.png", "x.png"}, file.Bytes(), `convert "a.png": context canceled`},
	} {
		content, r := c.converter.Convert(c.ctx, c.job, c.file)
		if r.Err == nil || !strings.Contains(r.Err.Error(), c.want) || content != nil {
			t.Errorf("%s: %d bytes and %v, want an error with %q", c.name, len(content), r.Err, c.want)
		}
	}
}
