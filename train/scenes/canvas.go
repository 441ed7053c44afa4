package scenes

import (
	"image"
	"math"
)

// color is red, green and blue, from 0 to 1.
type color struct{ r, g, b float32 }

func rgb(hex uint32) color {
	return color{float32(hex>>16&255) / 255, float32(hex>>8&255) / 255, float32(hex&255) / 255}
}

// to returns the mixture of c and the share t of d.
func (c color) to(d color, t float64) color {
	f := float32(clamp01(t))
	return color{c.r + (d.r-c.r)*f, c.g + (d.g-c.g)*f, c.b + (d.b-c.b)*f}
}

func (c color) times(t float64) color {
	f := float32(t)
	return color{c.r * f, c.g * f, c.b * f}
}

func clamp01(t float64) float64 { return max(0, min(t, 1)) }

// smooth rises from 0 at lo to 1 at hi.
func smooth(lo, hi, x float64) float64 {
	t := clamp01((x - lo) / (hi - lo))
	return t * t * (3 - 2*t)
}

// canvas is painted with several samples per pixel. Averaging them is the only antialiasing.
type canvas struct {
	w, h  int     // samples
	fine  int     // samples per pixel and axis
	unit  float64 // samples per image height
	width float64 // in image heights
	pix   []color
}

func newCanvas(w, h int) *canvas {
	fine := 2
	if max(w, h) <= 160 {
		fine = 3
	}
	c := &canvas{w: w * fine, h: h * fine, fine: fine}
	c.unit = float64(c.h)
	c.width = float64(c.w) / c.unit
	c.pix = make([]color, c.w*c.h)
	return c
}

func (c *canvas) column(x float64) int { return int(math.Ceil(x*c.unit - 0.5)) }

// spans calls paint for each sample between the edges that sides returns, in the rows from y0 to
// y1.
func (c *canvas) spans(y0, y1 float64, sides func(y float64) (x0, x1 float64), paint func(x, y float64, old color) color) {
	for j := max(c.column(y0), 0); j < min(c.column(y1), c.h); j++ {
		y := (float64(j) + 0.5) / c.unit
		x0, x1 := sides(y)
		row := c.pix[j*c.w:][:c.w]
		for i := max(c.column(x0), 0); i < min(c.column(x1), c.w); i++ {
			row[i] = paint((float64(i)+0.5)/c.unit, y, row[i])
		}
	}
}

// rect paints a rectangle.
func (c *canvas) rect(x0, y0, x1, y1 float64, paint func(x, y float64, old color) color) {
	c.spans(y0, y1, func(float64) (float64, float64) { return x0, x1 }, paint)
}

// below paints everything from the line top(x) down to the line bottom. It follows the line at
// every sample but calls paint once per pixel, which is enough for textures and several times
// faster.
func (c *canvas) below(top func(x float64) float64, bottom float64, paint func(x, y float64) color) {
	last := min(c.column(bottom), c.h)
	texture := make([]color, (c.h+c.fine-1)/c.fine)
	for left := 0; left < c.w; left += c.fine {
		x := (float64(left) + 0.5*float64(c.fine)) / c.unit
		lowest := len(texture) // texture is filled from here down
		for i := left + c.fine - 1; i >= left; i-- {
			from := max(c.column(top((float64(i)+0.5)/c.unit)), 0)
			for j := last - 1; j >= from; j-- {
				k := j / c.fine
				if k < lowest {
					lowest = k
					texture[k] = paint(x, (float64(k)+0.5)*float64(c.fine)/c.unit)
				}
				c.pix[j*c.w+i] = texture[k]
			}
		}
	}
}

// octaves returns n plus the octaves that only a large image can show.
func (c *canvas) octaves(n int) int {
	for side := 256.0; side < c.unit/float64(c.fine) && n < 8; side *= 2 {
		n++
	}
	return n
}

// level returns a horizontal line for below.
func level(y float64) func(float64) float64 { return func(float64) float64 { return y } }

// disc paints an ellipse. The d passed to paint is the distance from the centre, from 0 to 1.
func (c *canvas) disc(cx, cy, rx, ry float64, paint func(x, y, d float64, old color) color) {
	c.spans(cy-ry, cy+ry, func(y float64) (float64, float64) {
		t := (y - cy) / ry
		half := rx * math.Sqrt(max(0, 1-t*t))
		return cx - half, cx + half
	}, func(x, y float64, old color) color {
		return paint(x, y, math.Hypot((x-cx)/rx, (y-cy)/ry), old)
	})
}

// image averages the samples of each pixel.
func (c *canvas) image(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	scale := 255 / float32(c.fine*c.fine)
	for y := range h {
		for x := range w {
			var r, g, b float32
			for j := range c.fine {
				for _, p := range c.pix[(y*c.fine+j)*c.w+x*c.fine:][:c.fine] {
					r, g, b = r+max(0, min(p.r, 1)), g+max(0, min(p.g, 1)), b+max(0, min(p.b, 1))
				}
			}
			p := img.Pix[img.PixOffset(x, y):][:4]
			p[0], p[1], p[2], p[3] = uint8(r*scale+0.5), uint8(g*scale+0.5), uint8(b*scale+0.5), 255
		}
	}
	return img
}
