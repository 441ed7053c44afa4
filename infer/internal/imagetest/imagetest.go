// Package imagetest draws and compares images for the tests of infer and of the packages below it.
package imagetest

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
)

// Pattern returns the image that testdata/models/make.py draws too: two gradients and a noisy blue
// channel.
func Pattern(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, color.NRGBA{uint8(x * 255 / max(w-1, 1)), uint8(y * 255 / max(h-1, 1)), uint8(x*37 + y*91), 255})
		}
	}
	return img
}

// Negative returns img with inverted colors, which is what most fixture models compute.
func Negative(img image.Image) *image.NRGBA {
	out := image.NewNRGBA(img.Bounds())
	draw.Draw(out, out.Rect, img, out.Rect.Min, draw.Src)
	for i := range out.Pix {
		if i%4 != 3 {
			out.Pix[i] = 255 - out.Pix[i]
		}
	}
	return out
}

// Equal returns an error that names the first pixel where a and b differ by more than tolerance in
// any channel.
func Equal(a, b image.Image, tolerance int) error {
	if a.Bounds() != b.Bounds() {
		return fmt.Errorf("bounds %v and %v", a.Bounds(), b.Bounds())
	}
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			p := color.NRGBAModel.Convert(a.At(x, y)).(color.NRGBA)
			q := color.NRGBAModel.Convert(b.At(x, y)).(color.NRGBA)
			for _, d := range [...]int{int(p.R) - int(q.R), int(p.G) - int(q.G), int(p.B) - int(q.B), int(p.A) - int(q.A)} {
				if max(d, -d) > tolerance {
					return fmt.Errorf("at %d,%d: %v and %v", x, y, p, q)
				}
			}
		}
	}
	return nil
}
