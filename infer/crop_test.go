package infer

import (
	"image"
	"slices"
	"testing"

	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/pixels"
)

// A part of a padded picture is the same whether the whole was filled or the part alone.
func TestFillPart(t *testing.T) {
	for _, layout := range []pixels.Layout{pixels.NCHW, pixels.NHWC} {
		m := &Model{info: Info{SizeMultiple: 1, MinSize: 1, Input: pixels.Spec{Layout: layout, Range: pixels.Byte, Channels: 3}}}
		for _, c := range []struct {
			w, h, W, H int
			part       image.Rectangle
		}{
			{20, 10, 20, 10, image.Rect(3, 2, 9, 8)},
			{20, 10, 24, 16, image.Rect(16, 4, 24, 16)},
			{3, 1, 40, 8, image.Rect(30, 2, 40, 8)},
			{5, 30, 8, 32, image.Rect(4, 20, 8, 32)},
			{20, 10, 24, 16, image.Rect(22, 12, 24, 16)},
		} {
			img := imagetest.Pattern(c.w, c.h)
			whole := make([]float32, m.info.Input.Len(c.W, c.H))
			if err := m.fill(whole, c.W, c.H, img); err != nil {
				t.Fatal(err)
			}
			got := make([]float32, m.info.Input.Len(c.part.Dx(), c.part.Dy()))
			if err := m.fillPart(got, c.part, img); err != nil {
				t.Fatal(err)
			}
			var want []float32
			planes, unit := planes(m.info.Input)
			for p := range planes {
				for y := c.part.Min.Y; y < c.part.Max.Y; y++ {
					want = append(want, whole[(p*c.W*c.H+y*c.W+c.part.Min.X)*unit:][:c.part.Dx()*unit]...)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v, %+v: %v, want %v", layout, c, got, want)
			}
		}
	}
}
