package batch

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"cyclegan/infer/pixels"
)

// Files and bytes keep their metadata and lose it with Strip, but not their profile.
func TestMetadata(t *testing.T) {
	source, err := pixels.Load("../pixels/testdata/metadata.jpg", pixels.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	wide, err := pixels.Load("../../testdata/pictures/wide.png", pixels.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	in := filepath.Join(dir, "in.jpg")
	if err := pixels.Save(in, source.Image, pixels.SaveOptions{Profile: wide.Profile, Metadata: source.Metadata}); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, strip := range []bool{false, true} {
		opt := &Options{Strip: strip}
		out := filepath.Join(dir, "out")
		if s, err := convert(t.Context(), inverter, in, out, "", opt); err != nil || s.Converted != 1 {
			t.Fatal(s, err)
		}
		written, err := os.ReadFile(filepath.Join(out, "in.jpg"))
		if err != nil {
			t.Fatal(err)
		}
		c, err := New(inverter, opt)
		if err != nil {
			t.Fatal(err)
		}
		converted, _ := c.Convert(t.Context(), Job{"in.jpg", "out.jpg"}, file)
		if !bytes.Equal(written, converted) {
			t.Error("the file differs from the bytes")
		}
		p, err := pixels.Decode(written, pixels.Limits{})
		if err != nil || !bytes.Equal(p.Profile, wide.Profile) {
			t.Fatal(err, "or the profile is lost")
		}
		if kept := bytes.Contains(p.Metadata.Exif, []byte("Jane Doe")); kept == strip {
			t.Errorf("strip %v: metadata kept: %v", strip, kept)
		}
	}
}
