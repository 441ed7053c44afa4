package main

import (
	"context"
	"image"
	"image/color"
	"strings"
	"testing"
)

// echo returns its input.
type echo struct{}

func (echo) Translate(_ context.Context, img image.Image) (image.Image, error) { return img, nil }

// gradient returns an image whose pixels encode their positions.
func gradient(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, color.NRGBA{uint8(x), uint8(y), 7, 255})
		}
	}
	return img
}

func TestPreprocessingSizes(t *testing.T) {
	for _, c := range []struct {
		p    preprocessing
		w, h int
		want image.Point
	}{
		{preprocessing{resizeAndCrop, 256, 256, 1}, 40, 30, image.Pt(256, 256)},
		{preprocessing{resizeAndCrop, 286, 256, 1}, 40, 30, image.Pt(256, 256)},
		{preprocessing{resizeAndCrop, 64, 256, 1}, 40, 30, image.Pt(64, 64)}, // nothing to cut off
		{preprocessing{cropOnly, 286, 32, 1}, 40, 30, image.Pt(32, 30)},
		{preprocessing{scaleWidth, 64, 32, 1}, 100, 51, image.Pt(64, 32)},
		{preprocessing{scaleWidth, 64, 32, 1}, 100, 99, image.Pt(64, 63)},
		{preprocessing{scaleWidth, 64, 16, 1}, 64, 51, image.Pt(64, 51)},
		{preprocessing{scaleWidthAndCrop, 64, 40, 1}, 100, 99, image.Pt(40, 40)},
		{preprocessing{none, 0, 0, 1}, 50, 38, image.Pt(48, 40)}, // halves go to the even multiple
		{preprocessing{none, 0, 0, 1}, 1, 2, image.Pt(4, 4)},
		{preprocessing{none, 0, 0, 1.5}, 8, 8, image.Pt(12, 8)},
		{preprocessing{none, 0, 0, 0.5}, 8, 8, image.Pt(8, 16)},
	} {
		out, err := prepared{echo{}, &c.p}.Translate(t.Context(), gradient(c.w, c.h))
		if err != nil {
			t.Fatalf("%+v: %v", c.p, err)
		}
		if out.Bounds().Size() != c.want {
			t.Errorf("%+v turns %dx%d into %v, want %v", c.p, c.w, c.h, out.Bounds().Size(), c.want)
		}
	}
}

func TestPreprocessingCrop(t *testing.T) {
	in := gradient(40, 30)
	in.SetNRGBA(20, 15, color.NRGBA{20, 15, 7, 0})
	out, err := prepared{echo{}, &preprocessing{cropOnly, 0, 10, 1}}.Translate(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	corner := out.Bounds().Min
	for y := range 10 {
		for x := range 10 {
			if got, want := out.At(corner.X+x, corner.Y+y), (color.NRGBA{uint8(x + 15), uint8(y + 10), 7, 255}); got != want {
				t.Fatalf("pixel %d,%d is %v, want %v", x, y, got, want)
			}
		}
	}
}

func TestPreprocessingTooLarge(t *testing.T) {
	for _, c := range []struct {
		p    preprocessing
		w, h int
		want string
	}{
		{preprocessing{scaleWidth, 256, 256, 1}, 1, 300, "-preprocess scale_width turns 1x300 into 256x76800"},
		{preprocessing{resizeAndCrop, 256, 256, 100}, 8, 8, "-aspect_ratio 100 turns 256x256 into 25600x256"},
	} {
		_, err := prepared{echo{}, &c.p}.Translate(t.Context(), gradient(c.w, c.h))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.p, err, c.want)
		}
	}
}
