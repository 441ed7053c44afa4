package pixels

import (
	"image"
	"image/color"
	"math"
	"testing"
)

// The reference places chroma samples at the centers of the pixels they cover
// and interpolates between them linearly, in floating point.
func TestChromaIsInterpolated(t *testing.T) {
	for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio440} {
		for _, r := range []image.Rectangle{image.Rect(0, 0, 12, 8), image.Rect(0, 0, 7, 5), image.Rect(0, 0, 1, 1), image.Rect(3, 5, 10, 12)} {
			m := image.NewYCbCr(r, ratio)
			for _, plane := range [][]byte{m.Y, m.Cb, m.Cr} {
				for i := range plane {
					plane[i] = byte(i*53 + i/5)
				}
			}
			sx, sy := 2.0, 2.0
			if ratio == image.YCbCrSubsampleRatio440 {
				sx = 1
			}
			if ratio == image.YCbCrSubsampleRatio422 {
				sy = 1
			}
			got := toNRGBA(m)
			for y := r.Min.Y; y < r.Max.Y; y++ {
				for x := r.Min.X; x < r.Max.X; x++ {
					cb := chromaAt(m, m.Cb, x, y, sx, sy)
					cr := chromaAt(m, m.Cr, x, y, sx, sy)
					wr, wg, wb := color.YCbCrToRGB(m.Y[m.YOffset(x, y)], cb, cr)
					g := got.NRGBAAt(x-r.Min.X, y-r.Min.Y)
					for _, d := range []int{int(g.R) - int(wr), int(g.G) - int(wg), int(g.B) - int(wb)} {
						if d > 2 || d < -2 {
							t.Fatalf("%v %v at %d,%d: %v, want %d %d %d", ratio, r, x, y, g, wr, wg, wb)
						}
					}
				}
			}
		}
	}
}

func chromaAt(m *image.YCbCr, plane []byte, x, y int, sx, sy float64) uint8 {
	at := func(cx, cy float64) float64 {
		px := min(max(int(cx*sx), m.Rect.Min.X), m.Rect.Max.X-1)
		py := min(max(int(cy*sy), m.Rect.Min.Y), m.Rect.Max.Y-1)
		return float64(plane[m.COffset(px, py)])
	}
	u, v := (float64(x)+0.5)/sx-0.5, (float64(y)+0.5)/sy-0.5
	u0, v0 := math.Floor(u), math.Floor(v)
	fu, fv := u-u0, v-v0
	return uint8((at(u0, v0)*(1-fu)+at(u0+1, v0)*fu)*(1-fv) + (at(u0, v0+1)*(1-fu)+at(u0+1, v0+1)*fu)*fv + 0.5)
}

func TestStudioRange(t *testing.T) {
	for _, c := range [][6]uint8{{16, 128, 128, 0, 0, 0}, {235, 128, 128, 255, 255, 255}, {0, 128, 128, 0, 0, 0}, {255, 128, 128, 255, 255, 255},
		{81, 90, 240, 254, 0, 0}, {145, 54, 34, 0, 255, 1}, {41, 240, 110, 0, 0, 255}} {
		r, g, b := studioToRGB(c[0], c[1], c[2])
		for i, d := range []int{int(r) - int(c[3]), int(g) - int(c[4]), int(b) - int(c[5])} {
			if d > 1 || d < -1 {
				t.Errorf("%v: channel %d is off by %d", c, i, d)
			}
		}
	}
}
