package pixels

import (
	"fmt"
	"image"
	"runtime"
	"sync"
)

// Put writes an image to dst, whose length must be Channels*W*H. It ignores alpha and keeps the colors.
func (s Spec) Put(dst []float32, img image.Image) error {
	if err := Valid(img); err != nil {
		return fmt.Errorf("pixels: %w", err)
	}
	b := img.Bounds()
	if err := s.check(len(dst), b.Dx(), b.Dy()); err != nil {
		return err
	}
	table := s.Range.Table()
	w, h := b.Dx(), b.Dy()
	bands(w, h, func(from, to int) {
		row := make([]byte, 4*w) // without a copy of the image
		convert := rowConverter(img)
		for y := from; y < to; y++ {
			convert(row, b.Min.Y+y)
			s.putRow(dst, row, y, w, h, &table)
		}
	})
	return nil
}

// leastShared is the number of pixels from which on several goroutines share an image.
const leastShared = 1 << 20

// bands calls f with ranges of rows that cover an image of w x h, concurrently for a large one.
func bands(w, h int, f func(from, to int)) {
	if w*h < leastShared {
		f(0, h)
		return
	}
	var group sync.WaitGroup
	n := min(runtime.GOMAXPROCS(0), h)
	for i := range n {
		group.Go(func() { f(i*h/n, (i+1)*h/n) })
	}
	group.Wait()
}

// putRow writes row y of a w x h image; row holds RGBA bytes.
func (s Spec) putRow(dst []float32, row []byte, y, w, h int, table *[256]float32) {
	if s.Channels == 1 {
		out := dst[y*w : (y+1)*w]
		for x := range out {
			p := row[4*x : 4*x+4 : 4*x+4]
			out[x] = table[Luma(p[0], p[1], p[2])]
		}
		return
	}
	first, last := 0, 2
	if s.BGR {
		first, last = 2, 0
	}
	if s.Layout == NHWC {
		out := dst[3*y*w : 3*(y+1)*w]
		for x := range w {
			p := row[4*x : 4*x+4 : 4*x+4]
			q := out[3*x : 3*x+3 : 3*x+3]
			q[0], q[1], q[2] = table[p[first]], table[p[1]], table[p[last]]
		}
		return
	}
	n := w * h
	c0, c1, c2 := dst[y*w:(y+1)*w], dst[n+y*w:n+(y+1)*w], dst[2*n+y*w:2*n+(y+1)*w]
	for x := range c0 {
		p := row[4*x : 4*x+4 : 4*x+4]
		c0[x], c1[x], c2[x] = table[p[first]], table[p[1]], table[p[last]]
	}
}

// Luma returns the ITU-R 601 brightness of a color, rounded as PIL does for mode "L".
func Luma(r, g, b uint8) uint8 {
	return uint8((uint32(r)*19595 + uint32(g)*38470 + uint32(b)*7471 + 1<<15) >> 16)
}

// Picture converts a tensor to an image of w x h pixels, as [Spec.Draw] does.
func (s Spec) Picture(src []float32, w, h int) (*image.NRGBA, error) {
	if err := s.check(len(src), w, h); err != nil {
		return nil, err
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	return img, s.Draw(img, img.Rect, src, w, h, image.Point{})
}

// Draw copies a part of a tensor, which holds an image of w x h pixels, to the rectangle r of dst. The
// tensor's pixel sp goes to r.Min, as in [image/draw.Draw]. Values are clamped to the range and rounded
// half up; NaN becomes 0. One channel becomes gray. The drawn pixels are opaque. Parts outside dst or
// the tensor are an error.
func (s Spec) Draw(dst *image.NRGBA, r image.Rectangle, src []float32, w, h int, sp image.Point) error {
	if err := s.check(len(src), w, h); err != nil {
		return err
	}
	part := r.Sub(r.Min).Add(sp)
	if !r.In(dst.Rect) || !part.In(image.Rect(0, 0, w, h)) {
		return fmt.Errorf("pixels: cannot draw %v of a %dx%d tensor to %v of an image of %v", part, w, h, r, dst.Rect)
	}
	q := s.Range.quantizer()
	bands(r.Dx(), r.Dy(), func(from, to int) {
		for y := from; y < to; y++ {
			row := dst.Pix[dst.PixOffset(r.Min.X, r.Min.Y+y):][:4*r.Dx()]
			s.drawRow(row, src, (sp.Y+y)*w+sp.X, w*h, q)
		}
	})
	return nil
}

// drawRow reads pixels from index i on. A plane has n pixels.
func (s Spec) drawRow(row []byte, src []float32, i, n int, q quantizer) {
	width := len(row) / 4
	if s.Channels == 1 {
		for x, v := range src[i : i+width] {
			l := q.level(v)
			p := row[4*x : 4*x+4 : 4*x+4]
			p[0], p[1], p[2], p[3] = l, l, l, 255
		}
		return
	}
	first, last := 0, 2
	if s.BGR {
		first, last = 2, 0
	}
	if s.Layout == NHWC {
		from := src[3*i : 3*(i+width)]
		for x := range width {
			v := from[3*x : 3*x+3 : 3*x+3]
			p := row[4*x : 4*x+4 : 4*x+4]
			p[0], p[1], p[2], p[3] = q.level(v[first]), q.level(v[1]), q.level(v[last]), 255
		}
		return
	}
	red, green, blue := src[first*n+i:][:width], src[n+i:][:width], src[last*n+i:][:width]
	for x := range red {
		p := row[4*x : 4*x+4 : 4*x+4]
		p[0], p[1], p[2], p[3] = q.level(red[x]), q.level(green[x]), q.level(blue[x]), 255
	}
}

// quantizer maps a tensor value to its level. The offset includes the half that makes truncation round.
type quantizer struct{ scale, offset float32 }

func (r Range) quantizer() quantizer {
	scale := 255 / (float64(r.Hi) - float64(r.Lo))
	return quantizer{scale: float32(scale), offset: float32(-float64(r.Lo)*scale + 0.5)}
}

func (q quantizer) level(v float32) uint8 {
	x := v*q.scale + q.offset
	if !(x >= 0) { // also NaN
		return 0
	}
	if x >= 255 {
		return 255
	}
	return uint8(x)
}
