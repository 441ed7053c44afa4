package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cyclegan/infer/pixels"
	"cyclegan/train/scenes"
)

// photographs makes a dataroot of JPEG files, 40 pixels wide and high.
func photographs(t *testing.T, testA int) string {
	t.Helper()
	dir := t.TempDir()
	for folder, count := range map[string]int{"trainA": 1, "trainB": 1, "testA": testA, "testB": 1} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range count {
			path := filepath.Join(dir, folder, fmt.Sprintf("%d.jpg", i))
			if err := pixels.Save(path, scenes.Draw(1, uint64(i), scenes.Summer, 40, 40), pixels.SaveOptions{Quality: 60}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func pictureSpec(t *testing.T, dataroot string, size, pictures int) (spec, error) {
	t.Helper()
	s := settingsOf(workConvert, setting{NetG: "resnet_6blocks", NGF: 2, Size: size, Pictures: pictures})[0]
	return (&files{dir: t.TempDir(), command: &command{dataroot: dataroot}}).spec(s)
}

// A picture that has the size is given to all as it is; others are resized.
func TestPictures(t *testing.T) {
	dataroot := photographs(t, 3)
	for _, size := range []int{40, 32} {
		s, err := pictureSpec(t, dataroot, size, 3)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			original, err := os.ReadFile(filepath.Join(dataroot, "testA", fmt.Sprintf("%d.jpg", i)))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(s.In, fmt.Sprintf("%06d.jpg", i))
			data, err := os.ReadFile(path)
			if err != nil || bytes.Equal(data, original) != (size == 40) {
				t.Errorf("size %d: picture %d is the original: %v (%v)", size, i, size != 40, err)
			}
			h, err := pixels.Header(bytes.NewReader(data), pixels.Limits{})
			if err != nil || h.Width != size || h.Height != size {
				t.Errorf("size %d: picture %d is %dx%d (%v)", size, i, h.Width, h.Height, err)
			}
		}
		values, err := readFloats(s.CheckInput)
		if err != nil || len(values) != checkedPictures*3*size*size {
			t.Errorf("size %d: %d values to check (%v)", size, len(values), err)
		}
	}
}

func TestTooFewPictures(t *testing.T) {
	_, err := pictureSpec(t, photographs(t, 2), 32, 3)
	if err == nil || !strings.Contains(err.Error(), "fewer than the 3 to convert") {
		t.Errorf("error %v", err)
	}
}
