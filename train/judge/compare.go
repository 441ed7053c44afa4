package judge

import (
	"image"
	"math"

	"cyclegan/infer/pixels"
)

// difference is the mean absolute difference of two pictures of one size, in
// parts of the range from black to white.
func difference(a, b *image.NRGBA) float64 {
	var sum int64
	each(a, b, func(p, q []byte) {
		for c := range 3 {
			d := int64(p[c]) - int64(q[c])
			sum += max(d, -d)
		}
	})
	return float64(sum) / float64(255*3*a.Rect.Dx()*a.Rect.Dy())
}

// correlation is Pearson's between the brightness of two pictures of one size;
// 0 where one of them is of one brightness throughout.
func correlation(a, b *image.NRGBA) float64 {
	var x, y, xx, yy, xy float64
	each(a, b, func(p, q []byte) {
		u, v := float64(pixels.Luma(p[0], p[1], p[2])), float64(pixels.Luma(q[0], q[1], q[2]))
		x, y, xx, yy, xy = x+u, y+v, xx+u*u, yy+v*v, xy+u*v
	})
	n := float64(a.Rect.Dx() * a.Rect.Dy())
	varX, varY := xx/n-x/n*x/n, yy/n-y/n*y/n
	if varX <= 0 || varY <= 0 {
		return 0
	}
	return (xy/n - x/n*y/n) / math.Sqrt(varX*varY)
}

// gray is a picture with its brightness in every channel.
func gray(img *image.NRGBA) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, img.Rect.Dx(), img.Rect.Dy()))
	each(img, out, func(p, q []byte) {
		y := pixels.Luma(p[0], p[1], p[2])
		q[0], q[1], q[2], q[3] = y, y, y, p[3]
	})
	return out
}

// each goes through the pixels of two pictures of one size.
func each(a, b *image.NRGBA, f func(p, q []byte)) {
	for y := range a.Rect.Dy() {
		p := a.Pix[a.PixOffset(a.Rect.Min.X, a.Rect.Min.Y+y):]
		q := b.Pix[b.PixOffset(b.Rect.Min.X, b.Rect.Min.Y+y):]
		for x := range a.Rect.Dx() {
			f(p[4*x:4*x+4], q[4*x:4*x+4])
		}
	}
}
