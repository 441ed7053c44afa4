package infer

import (
	"errors"
	"image"
	"slices"
	"testing"

	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/pixels"
)

func TestBounce(t *testing.T) {
	for n, want := range map[int][]int{
		1: {0, 0, 0, 0},
		2: {0, 1, 0, 1, 0},
		3: {0, 1, 2, 1, 0, 1, 2, 1, 0},
		4: {0, 1, 2, 3, 2, 1, 0, 1, 2, 3},
	} {
		got := make([]int, len(want))
		for i := range got {
			got[i] = reflectIndex(i, n)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d pixels: %v, want %v", n, got, want)
		}
	}
}

func TestPadded(t *testing.T) {
	for _, c := range []struct{ n, multiple, smallest, want int }{
		{1, 1, 1, 1}, {1, 4, 1, 4}, {4, 4, 1, 4}, {5, 4, 1, 8}, {5, 4, 13, 16}, {640, 256, 1, 768}, {3, 1, 8, 8},
	} {
		if got := padded(c.n, c.multiple, c.smallest); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// Every value of a padded image is that of the pixel which the mirror's formula names.
func TestFill(t *testing.T) {
	for _, spec := range []Port{{Layout: "NCHW", Channels: 3}, {Layout: "NHWC", Channels: 3}, {Layout: "NCHW", Channels: 1}} {
		spec.Range = byteRange
		e := newEngine(Info{Input: spec})
		for _, s := range [][4]int{{1, 1, 8, 4}, {2, 3, 9, 8}, {5, 4, 8, 16}, {5, 4, 5, 4}, {5, 4, 5, 7}} {
			w, h, W, H := s[0], s[1], s[2], s[3]
			place := func(c, x, y, w, h int) int {
				if e.in.Layout == pixels.NHWC {
					return (y*w+x)*spec.Channels + c
				}
				return (c*h+y)*w + x
			}
			img := imagetest.Pattern(w, h)
			src, dst := make([]float32, e.in.Len(w, h)), make([]float32, e.in.Len(W, H))
			if err := errors.Join(e.in.Put(src, img), e.fill(dst, W, H, img)); err != nil {
				t.Fatal(err)
			}
			for c := range spec.Channels {
				for y := range H {
					for x := range W {
						got, want := dst[place(c, x, y, W, H)], src[place(c, reflectIndex(x, w), reflectIndex(y, h), w, h)]
						if got != want {
							t.Fatalf("%v %dx%d to %dx%d: channel %d at %d,%d is %v, want %v", spec.Layout, w, h, W, H, c, x, y, got, want)
						}
					}
				}
			}
		}
	}
}

// A part of a padded image is the same whether the whole was filled or the part alone.
func TestFillPart(t *testing.T) {
	for _, layout := range []pixels.Layout{pixels.NCHW, pixels.NHWC} {
		m := newEngine(Info{SizeMultiple: 1, MinSize: 1, Input: Port{Layout: layout.String(), Range: byteRange, Channels: 3}})
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
			whole := make([]float32, m.in.Len(c.W, c.H))
			if err := m.fill(whole, c.W, c.H, img); err != nil {
				t.Fatal(err)
			}
			got := make([]float32, m.in.Len(c.part.Dx(), c.part.Dy()))
			if err := m.fillPart(got, c.part, img); err != nil {
				t.Fatal(err)
			}
			var want []float32
			planes, unit := planes(m.in)
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
