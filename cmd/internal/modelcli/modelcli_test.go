package modelcli

import (
	"testing"

	"cyclegan/infer"
)

func TestSizes(t *testing.T) {
	trained := infer.Info{TrainWidth: 256, TrainHeight: 128}
	for _, c := range []struct {
		resize string
		w, h   int
		wantW  int
		wantH  int
	}{
		{"training", 1000, 10, 256, 128}, {"300x200", 7, 9, 300, 200},
		{"256", 1024, 768, 341, 256}, {"256", 768, 1024, 256, 341}, {"256", 100, 100, 256, 256}, {"256", 1, 3, 256, 768},
	} {
		size, err := Sizes(c.resize, trained)
		if err != nil {
			t.Fatal(err)
		}
		if w, h := size(c.w, c.h); w != c.wantW || h != c.wantH {
			t.Errorf("-resize %s turns %dx%d into %dx%d, want %dx%d", c.resize, c.w, c.h, w, h, c.wantW, c.wantH)
		}
	}
	for _, bad := range []string{"0", "-3", "256x", "x256", "0x9", "9x0", "256x256x3", "wide", "20000", "256.5", "99999999999999999999"} {
		if _, err := Sizes(bad, trained); err == nil {
			t.Errorf("-resize %q is accepted", bad)
		}
		if _, err := parseResize(""); err == nil {
			t.Error("an empty -resize is accepted")
		}
	}
	if size, err := Sizes("", trained); size != nil || err != nil {
		t.Errorf("without -resize: %v", err)
	}
	if _, err := Sizes("training", infer.Info{}); err == nil {
		t.Error("-resize training is accepted for a model without a training size")
	}
}
