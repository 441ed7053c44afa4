package main

import (
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cyclegan/infer/pixels"
)

func TestOutputsAgree(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, values ...float32) string {
		path := filepath.Join(dir, name)
		if err := writeFloats(path, values); err != nil {
			t.Fatal(err)
		}
		return path
	}
	us := file("ours", -1, 0, 0.5)
	for _, c := range []struct{ path, left string }{
		{file("same", -1, 0, 0.5), ""},
		{file("near", -1, 0.001, 0.5), ""},
		{file("far", -1, 0.25, 0.5), "differ from ours by up to 0.25"},
		{file("none", -1, float32(math.NaN()), 0.5), "NaN"},
		{file("short", -1, 0), "2 values, ours 3"},
		{filepath.Join(dir, "missing"), "missing"},
	} {
		r := &result{}
		agreeOutputs(r, us, c.path)
		if c.left == "" && r.Left != "" || !strings.Contains(r.Left, c.left) {
			t.Errorf("%s: left out for %q, want %q", filepath.Base(c.path), r.Left, c.left)
		}
	}
}

func TestFilesAgree(t *testing.T) {
	dir := t.TempDir()
	picture := func(folder string, side int, gray uint8) string {
		img := image.NewNRGBA(image.Rect(0, 0, side, side))
		for i := range side * side {
			img.SetNRGBA(i%side, i/side, color.NRGBA{gray, gray, gray, 255})
		}
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := pixels.Save(filepath.Join(dir, folder, "a.png"), img, pixels.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, folder)
	}
	us := picture("ours", 4, 100)
	for _, c := range []struct{ folder, wrong string }{
		{picture("near", 4, 102), ""},
		{picture("far", 4, 140), "its files differ from ours by 40 levels"},
		{picture("small", 2, 100), "different sizes"},
		{filepath.Join(dir, "empty"), "a.png"},
	} {
		if wrong := agreeFiles(us, c.folder); c.wrong == "" && wrong != "" || !strings.Contains(wrong, c.wrong) {
			t.Errorf("%s: %q, want %q", filepath.Base(c.folder), wrong, c.wrong)
		}
	}
}
