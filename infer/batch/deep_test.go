package batch

import (
	"context"
	"image"
	"path/filepath"
	"slices"
	"testing"

	"cyclegan/infer/pixels"
)

// A Translator that keeps 16 bits per sample gets them, if the output format stores them and the image is
// not resized.
func TestRunKeepsDeep(t *testing.T) {
	pictures, err := filepath.Abs("../../testdata/pictures")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	echo := translator(func(_ context.Context, img image.Image) (image.Image, error) { return img, nil })
	for _, c := range []struct {
		file, format string
		size         func(w, h int) (int, int)
		deep         bool
	}{
		{"deep.png", "", nil, true}, {"deep.tiff", "", nil, true}, {"deep_alpha.png", "tiff", nil, true}, {"deep.tiff", "png", nil, true},
		{"deep.png", "jpg", nil, false}, {"deep.png", "bmp", nil, false},
		{"deep.png", "", func(w, h int) (int, int) { return w, h }, false}, {"base.png", "", nil, false},
	} {
		var got Result
		opt := &Options{Size: c.size, Done: func(r Result) { got = r }}
		if _, err := convert(t.Context(), echo, filepath.Join(pictures, c.file), t.TempDir(), c.format, opt); err != nil || got.Err != nil {
			t.Fatal(err, got.Err)
		}
		in, err := pixels.Load(got.Input, pixels.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		out, err := pixels.Load(got.Output, pixels.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if noted := slices.Contains(got.Notes, pixels.NoteDeep); (out.Deep != nil) != c.deep || noted == (c.deep || in.Deep == nil) {
			t.Errorf("%s as %q: %T, notes %q", c.file, c.format, out.Deep, got.Notes)
		}
		if out.Deep == nil {
			continue
		}
		w, h := in.Image.Rect.Dx(), in.Image.Rect.Dy()
		want, have := make([]uint16, 4*w), make([]uint16, 4*w)
		for y := range h {
			pixels.Rows(in.Deep)(want, y)
			pixels.Rows(out.Deep)(have, y)
			if !slices.Equal(want, have) {
				t.Fatalf("%s as %q: row %d differs", c.file, c.format, y)
			}
		}
	}
}
