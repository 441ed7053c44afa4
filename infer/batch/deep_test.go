package batch

import (
	"context"
	"image"
	"image/color"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cyclegan/infer"
	"cyclegan/infer/pixels"
)

// A Translator gets 16 bits per sample, and the results keep them if their format stores them.
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
		{"deep.png", "", func(w, h int) (int, int) { return w, h }, true}, {"base.png", "", nil, false},
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

// In formats with 8 bits, the window of the results is black to white. A gray result has no profile
// for colors.
func TestWindowInBytes(t *testing.T) {
	pictures, err := filepath.Abs("../../testdata/pictures")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	values := []uint16{0, 1000, 3000, 5000, 60000}
	gray := translator(func(context.Context, image.Image) (image.Image, error) {
		img := image.NewGray16(image.Rect(0, 0, 5, 1))
		for x, v := range values {
			img.SetGray16(x, 0, color.Gray16{Y: v})
		}
		return img, nil
	})
	for format, want := range map[string][]uint8{"bmp": {0, 0, 128, 255, 255}, "png": nil} {
		var got Result
		opt := &Options{Window: infer.Window{Lo: 1000, Hi: 5000}, Done: func(r Result) { got = r }}
		if _, err := convert(t.Context(), gray, filepath.Join(pictures, "wide.png"), t.TempDir(), format, opt); err != nil || got.Err != nil {
			t.Fatal(err, got.Err)
		}
		out, err := pixels.Load(got.Output, pixels.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		notes := strings.Join(got.Notes, "; ")
		if noted := strings.Contains(notes, "the values 1000 to 5000 become 0 to 255"); noted != (want != nil) {
			t.Errorf("%s: notes %q", format, notes)
		}
		if out.Profile != nil || !strings.Contains(notes, "ICC profile") {
			t.Errorf("%s: profile %q, notes %q", format, out.Profile.Name(), notes)
		}
		for x, v := range values {
			if want != nil && out.Image.Pix[4*x] != want[x] {
				t.Errorf("%s: %d became %d, want %d", format, v, out.Image.Pix[4*x], want[x])
			}
			if want == nil && out.Deep.(*image.Gray16).Gray16At(x, 0).Y != v {
				t.Errorf("%s: %d became %v", format, v, out.Deep.At(x, 0))
			}
		}
	}
}
