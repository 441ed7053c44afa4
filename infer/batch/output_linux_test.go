package batch

import (
	"context"
	"image"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"cyclegan/infer/pixels"

	"golang.org/x/sys/unix"
)

// mount mounts a small disk named out in a new folder, in which the test then runs.
func mount(t *testing.T, files ...string) {
	t.Helper()
	photographs(t, files...)
	if err := os.MkdirAll("out", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("none", "out", "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("a small disk can't be mounted here: %v", err)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(dir+"/out", unix.MNT_DETACH) })
}

// A full disk ends the run with the reason and leaves only complete files.
func TestRunFillsDisk(t *testing.T) {
	var files []string
	for _, c := range "abcdefghijklmnop" {
		files = append(files, "in/"+string(c)+".png")
	}
	mount(t, files...)
	var ran atomic.Int32
	large := translator(func(context.Context, image.Image) (image.Image, error) {
		ran.Add(1)
		return image.NewNRGBA(image.Rect(0, 0, 70, 70)), nil // 19 KB as BMP
	})
	s, err := convert(t.Context(), large, "in", "out", "bmp", &Options{Files: 1})
	if err == nil || !strings.Contains(err.Error(), "stopped because the disk is full") {
		t.Fatalf("%+v, %v", s, err)
	}
	if s.Converted < 1 || s.Left < 5 || ran.Load() > 10 {
		t.Errorf("%+v, %d images ran", s, ran.Load())
	}
	entries, err := os.ReadDir("out")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, err := pixels.Load("out/"+e.Name(), pixels.Limits{}); err != nil {
			t.Error(err)
		}
	}
	if len(entries) != s.Converted {
		t.Errorf("%d files of %d images", len(entries), s.Converted)
	}
}

// A read-only output folder is found before any image is computed.
func TestRunReadOnlyTarget(t *testing.T) {
	mount(t, "in/a.png")
	if err := unix.Mount("none", "out", "", unix.MS_REMOUNT|unix.MS_RDONLY, "size=64k"); err != nil {
		t.Skipf("no disk can be made read-only here: %v", err)
	}
	never := translator(func(context.Context, image.Image) (image.Image, error) {
		t.Error("a image was computed")
		return nil, os.ErrInvalid
	})
	for _, out := range []string{"out", "out/sub"} {
		s, err := convert(t.Context(), never, "in", out, "", nil)
		if err == nil || !strings.Contains(err.Error(), "output folder") || !strings.Contains(err.Error(), "read-only") {
			t.Errorf("%s: %+v, %v", out, s, err)
		}
	}
}
