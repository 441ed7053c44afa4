package batch

import (
	"errors"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/pixels"
)

// The temporary files of killed runs are never read, and are removed when they are old.
func TestRunSweeps(t *testing.T) {
	photographs(t, "in/a.png", "in/sub/b.png", "out/sub/x.png")
	old := time.Now().Add(-2 * partialAge)
	for name, gone := range map[string]bool{
		"out/.0123456789abcdef.partial": true, "out/sub/.fedcba9876543210.partial": true, "out/.Probe-123.partial": true,
		"out/.0000000000000000.partial": false, // too young
		"out/.mine.partial":             false, "out/notes.partial": false, "other/.0123456789abcdef.partial": false,
		"in/.0123456789abcdef.partial": false, // inputs are not changed
	} {
		touch(t, name)
		if name != "out/.0000000000000000.partial" {
			if err := os.Chtimes(name, old, old); err != nil {
				t.Fatal(err)
			}
		}
		defer func() {
			if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) != gone {
				t.Errorf("%s: %v", name, err)
			}
		}()
	}
	s, err := convert(t.Context(), inverter, "in", "out", "", nil)
	if err != nil || s.Total != 2 || s.Converted != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

// Metadata is kept if the output format can store it; otherwise a note tells.
func TestRunKeepsOrTells(t *testing.T) {
	pictures, err := filepath.Abs("../../testdata/pictures")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		file, format string
		profile      bool
		notes        string
	}{
		{"wide.png", "", true, ""}, {"wide.jpg", "", true, ""}, {"wide.tiff", "", true, ""}, {"wide.webp", "", true, ""}, {"wide.png", "jpg", true, ""},
		{"wide.png", "bmp", false, `bmp cannot store its ICC profile "Wide test space"`},
		{"wide.jpg", "gif", false, `gif cannot store its ICC profile "Wide test space"`},
		{"base.png", "gif", false, ""},
		{"alpha.png", "jpg", false, "jpg cannot store its transparency: it is blended onto white"},
		{"alpha.png", "bmp", false, "bmp cannot store its transparency: it is blended onto white"},
		{"alpha.png", "tiff", false, ""},
		{"deep_alpha.png", "", false, "16 bits per sample are rounded to 8"},
		{"animated.gif", "png", false, ""}, {"animated.gif", "tiff", false, "only the first frame of the animation is read"},
		{"cmyk.jpg", "", false, "CMYK is converted to RGB without a profile"},
		{"orientation_6.jpg", "", false, ""},
	} {
		var got Result
		opt := &Options{Quality: 100, Done: func(r Result) { got = r }}
		if _, err := convert(t.Context(), inverter, filepath.Join(pictures, c.file), c.file+"-"+c.format, c.format, opt); err != nil || got.Err != nil {
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
		if (out.Profile != nil) != c.profile || c.profile && !slices.Equal(out.Profile, in.Profile) || strings.Join(got.Notes, "; ") != c.notes {
			t.Errorf("%s as %q: profile of %d bytes, notes %q", c.file, c.format, len(out.Profile), got.Notes)
		}
		if out.Orientation != 1 || out.Image.Rect != in.Image.Rect {
			t.Errorf("%s as %q: orientation %d, %v", c.file, c.format, out.Orientation, out.Image.Rect)
		}
		if ext := filepath.Ext(got.Output); in.Alpha && ext != ".jpg" && ext != ".bmp" {
			if err := imagetest.Equal(imagetest.Negative(in.Image), out.Image, 0); err != nil {
				t.Errorf("%s as %q: %v", c.file, c.format, err)
			}
		}
	}
}

func TestRunResizes(t *testing.T) {
	photographs(t, "in/a.png", "in/b.png")
	opt := &Options{Limits: pixels.Limits{MaxPixels: 1000}, Size: func(w, h int) (int, int) {
		if w == 10 { // b
			return 1000, 1000
		}
		return 2 * w, 3 * h
	}}
	s, err := convert(t.Context(), inverter, "in", "out", "", opt)
	if err != nil || s.Converted != 1 || len(s.Failed) != 1 || !strings.Contains(s.Failed[0].Err.Error(), `resize "in`) {
		t.Fatalf("%+v, %v", s, err)
	}
	in, err := pixels.Load("in/a.png", pixels.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := pixels.Load("out/a.png", pixels.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if out.Image.Rect != image.Rect(0, 0, 18, 21) {
		t.Fatal(out.Image.Rect)
	}
	if err := imagetest.Equal(imagetest.Negative(pixels.Resize(in.Image, 18, 21)), out.Image, 0); err != nil {
		t.Error(err)
	}
}

// Every bad image is reported, and those with complete pixels are converted.
func TestRunBadPictures(t *testing.T) {
	bad, err := filepath.Abs("../../testdata/badpictures")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	s, err := convert(t.Context(), inverter, bad, "out", "", &Options{Workers: 2, Files: 2})
	if err != nil {
		t.Fatal(err)
	}
	if s.Total < 100 || s.Converted < 15 || s.Converted+len(s.Failed) != s.Total || len(s.Failed) < 90 {
		t.Errorf("%d of %d converted, %d failed", s.Converted, s.Total, len(s.Failed))
	}
	for _, f := range s.Failed {
		if !strings.Contains(f.Err.Error(), filepath.Base(f.Path)) {
			t.Errorf("error without its file: %v", f.Err)
		}
	}
	written, err := os.ReadDir("out")
	if err != nil || len(written) != s.Converted {
		t.Errorf("%d files were written, %v", len(written), err)
	}
}

// An unreadable file is a failure like others.
func TestRunUnreadableFile(t *testing.T) {
	photographs(t, "in/a.png", "in/b.png")
	if err := os.Chmod("in/a.png", 0); err != nil {
		t.Fatal(err)
	}
	if f, err := os.Open("in/a.png"); err == nil {
		f.Close()
		t.Skip("this user may read everything")
	}
	s, err := convert(t.Context(), inverter, "in", "out", "", nil)
	if err != nil || s.Converted != 1 || len(s.Failed) != 1 || !errors.Is(s.Failed[0].Err, os.ErrPermission) {
		t.Errorf("%+v, %v", s, err)
	}
}
