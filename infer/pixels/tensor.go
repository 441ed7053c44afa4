package pixels

import (
	"fmt"
	"image"
	"runtime"
	"sync"
)

// Put writes an image to dst, whose length must be Channels*W*H. It ignores alpha and keeps the
// colors with all their bits.
func (s Spec) Put(dst []float32, img image.Image) error {
	if err := Valid(img); err != nil {
		return fmt.Errorf("pixels: %w", err)
	}
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if err := s.check(len(dst), w, h); err != nil {
		return err
	}
	if Deep(img) {
		put(s, dst, w, h, s.Range.DeepTable(), func() func([]uint16, int) { return from(b.Min.Y, Rows(img)) })
	} else {
		table := s.Range.Table()
		put(s, dst, w, h, table[:], func() func([]byte, int) { return from(b.Min.Y, rowConverter(img)) })
	}
	return nil
}

// from returns a function that reads rows counted from the top of an image.
func from[T sample](top int, read func([]T, int)) func([]T, int) {
	return func(row []T, y int) { read(row, top+y) }
}

// sample is the type of a sample in an image.
type sample interface{ uint8 | uint16 }

// put writes an image of w x h row by row, without a copy of it. Rows returns a function that reads
// a row of RGBA samples; each goroutine calls it once.
func put[T sample](s Spec, dst []float32, w, h int, table []float32, rows func() func([]T, int)) {
	bands(w, h, func(from, to int) {
		row, read := make([]T, 4*w), rows()
		for y := from; y < to; y++ {
			read(row, y)
			putRow(s, dst, row, y, w, h, table)
		}
	})
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

// putRow writes row y of a w x h image; row holds RGBA samples, and table a value for each level.
func putRow[T sample](s Spec, dst []float32, row []T, y, w, h int, table []float32) {
	if s.Channels == 1 {
		out := dst[y*w : (y+1)*w]
		for x := range out {
			p := row[4*x : 4*x+4 : 4*x+4]
			out[x] = table[luma(p[0], p[1], p[2])]
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
func Luma(r, g, b uint8) uint8 { return luma(r, g, b) }

func luma[T sample](r, g, b T) T {
	return T((uint32(r)*19595 + uint32(g)*38470 + uint32(b)*7471 + 1<<15) >> 16)
}

// Picture converts a tensor to an image of w x h pixels, as [Spec.Draw] does.
func (s Spec) Picture(src []float32, w, h int) (*image.NRGBA, error) {
	if err := s.check(len(src), w, h); err != nil {
		return nil, err
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	return img, s.Draw(img, img.Rect, src, w, h, image.Point{})
}

// Draw copies a part of a tensor, which holds an image of w x h pixels, to the rectangle r of dst,
// which is an *image.NRGBA or, for 16 bits per sample, an *image.NRGBA64. The tensor's pixel sp
// goes to r.Min, as in [image/draw.Draw]. Values are clamped to the range and rounded half up; NaN
// becomes 0. One channel becomes gray. The drawn pixels are opaque. Parts outside dst or the tensor
// are an error.
func (s Spec) Draw(dst image.Image, r image.Rectangle, src []float32, w, h int, sp image.Point) error {
	if err := s.check(len(src), w, h); err != nil {
		return err
	}
	part := r.Sub(r.Min).Add(sp)
	if !r.In(dst.Bounds()) || !part.In(image.Rect(0, 0, w, h)) {
		return fmt.Errorf("pixels: cannot draw %v of a %dx%d tensor to %v of an image of %v", part, w, h, r, dst.Bounds())
	}
	switch dst := dst.(type) {
	case *image.NRGBA:
		q := s.Range.quantizer(255)
		bands(r.Dx(), r.Dy(), func(from, to int) {
			for y := from; y < to; y++ {
				row := dst.Pix[dst.PixOffset(r.Min.X, r.Min.Y+y):][:4*r.Dx()]
				drawRow(s, row, src, (sp.Y+y)*w+sp.X, w*h, q)
			}
		})
	case *image.NRGBA64:
		q := s.Range.quantizer(deepest)
		bands(r.Dx(), r.Dy(), func(from, to int) {
			row := make([]uint16, 4*r.Dx())
			for y := from; y < to; y++ {
				drawRow(s, row, src, (sp.Y+y)*w+sp.X, w*h, q)
				storeDeep(dst.Pix[dst.PixOffset(r.Min.X, r.Min.Y+y):], row)
			}
		})
	default:
		return fmt.Errorf("pixels: cannot draw to %T: use *image.NRGBA or *image.NRGBA64", dst)
	}
	return nil
}

// drawRow reads pixels from index i on. A plane has n pixels.
func drawRow[T sample](s Spec, row []T, src []float32, i, n int, q quantizer) {
	width, opaque := len(row)/4, T(q.top)
	if s.Channels == 1 {
		for x, v := range src[i : i+width] {
			l := T(q.level(v))
			p := row[4*x : 4*x+4 : 4*x+4]
			p[0], p[1], p[2], p[3] = l, l, l, opaque
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
			p[0], p[1], p[2], p[3] = T(q.level(v[first])), T(q.level(v[1])), T(q.level(v[last])), opaque
		}
		return
	}
	red, green, blue := src[first*n+i:][:width], src[n+i:][:width], src[last*n+i:][:width]
	for x := range red {
		p := row[4*x : 4*x+4 : 4*x+4]
		p[0], p[1], p[2], p[3] = T(q.level(red[x])), T(q.level(green[x])), T(q.level(blue[x])), opaque
	}
}

// quantizer maps a tensor value to its level, 0 to top. The offset includes the half that makes
// truncation round.
type quantizer struct{ scale, offset, top float32 }

func (r Range) quantizer(top float64) quantizer {
	scale := top / (float64(r.Hi) - float64(r.Lo))
	return quantizer{float32(scale), float32(-float64(r.Lo)*scale + 0.5), float32(top)}
}

func (q quantizer) level(v float32) uint16 {
	x := v*q.scale + q.offset
	if !(x >= 0) { // also NaN
		return 0
	}
	if x >= q.top {
		return uint16(q.top)
	}
	return uint16(x)
}
