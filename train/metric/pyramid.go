package metric

import "image"

// smallestLevel is the smallest allowed shorter side of a level, in pixels.
const smallestLevel = 16

// levelSizes returns the sizes of a Laplacian pyramid's levels, from the image's own down to 16
// pixels on the shorter side, each half of the one before, rounded up.
func levelSizes(w, h int) []image.Point {
	var sizes []image.Point
	for min(w, h) >= smallestLevel {
		sizes = append(sizes, image.Pt(w, h))
		w, h = (w+1)/2, (h+1)/2
	}
	return sizes
}

// planes are the red, green and blue of an image.
type planes struct {
	w, h int
	data []float32 // [3][h][w]
}

func newPlanes(size image.Point) planes {
	return planes{size.X, size.Y, make([]float32, 3*size.X*size.Y)}
}

// pyramid computes single levels of the Laplacian pyramid (Burt and Adelson 1983) of images of one
// size, with the binomial kernel [1 4 6 4 1]/16 along both axes and borders mirrored about the edge
// pixels. It reuses its memory, so each goroutine needs its own.
type pyramid struct {
	sizes   []image.Point
	gauss   []planes // the image, smoothed and halved once more per level
	up      planes   // the next level, upsampled to the size of this one
	scratch []float32
}

func newPyramid(sizes []image.Point) *pyramid {
	p := &pyramid{sizes: sizes, up: newPlanes(sizes[0]), scratch: make([]float32, sizes[0].X*sizes[0].Y)}
	for _, s := range sizes {
		p.gauss = append(p.gauss, newPlanes(s))
	}
	return p
}

// level returns one level of the image in pix, which holds red, green and blue per pixel. The
// coarsest level is the smoothed image itself. The result is valid until the next call.
func (p *pyramid) level(pix []byte, level int) planes {
	first := p.gauss[0]
	n := first.w * first.h
	for i := range n {
		first.data[i], first.data[n+i], first.data[2*n+i] = float32(pix[3*i]), float32(pix[3*i+1]), float32(pix[3*i+2])
	}
	last := level == len(p.sizes)-1
	need := level
	if !last {
		need++
	}
	for i := range need {
		p.down(p.gauss[i+1], p.gauss[i])
	}
	g := p.gauss[level]
	if last {
		return g
	}
	p.up.w, p.up.h = g.w, g.h
	p.upsample(p.up, p.gauss[level+1])
	for i, v := range p.up.data[:3*g.w*g.h] {
		g.data[i] -= v
	}
	return g
}

// mirror maps an index up to two outside of n values into them.
func mirror(i, n int) int {
	if i < 0 {
		return -i
	}
	if i >= n {
		return 2*(n-1) - i
	}
	return i
}

// down smooths src and keeps every second pixel of every second row.
func (p *pyramid) down(dst, src planes) {
	wide := make([]float32, 0, src.w+4) // a row with its mirrored borders
	for c := range 3 {
		from := src.data[c*src.w*src.h : (c+1)*src.w*src.h]
		to := dst.data[c*dst.w*dst.h : (c+1)*dst.w*dst.h]
		half := p.scratch[:src.h*dst.w]
		for y := range src.h {
			in, out := from[y*src.w:(y+1)*src.w], half[y*dst.w:(y+1)*dst.w]
			wide = append(append(append(wide[:0], in[2], in[1]), in...), in[src.w-2], in[src.w-3])
			for x := range out {
				v := wide[2*x : 2*x+5]
				out[x] = (v[0] + v[4] + 4*(v[1]+v[3]) + 6*v[2]) / 16
			}
		}
		at := func(y int) []float32 { y = mirror(y, src.h); return half[y*dst.w : (y+1)*dst.w] }
		for y := range dst.h {
			a, b, d, e, f := at(2*y-2), at(2*y-1), at(2*y), at(2*y+1), at(2*y+2)
			out := to[y*dst.w : (y+1)*dst.w]
			for x := range out {
				out[x] = (a[x] + f[x] + 4*(b[x]+e[x]) + 6*d[x]) / 16
			}
		}
	}
}

// upsample puts the pixels of src at the even positions of dst and smooths: even positions become
// (1 6 1)/8 of their neighbors, odd ones (1 1)/2.
func (p *pyramid) upsample(dst, src planes) {
	for c := range 3 {
		from := src.data[c*src.w*src.h : (c+1)*src.w*src.h]
		to := dst.data[c*dst.w*dst.h : (c+1)*dst.w*dst.h]
		wide := p.scratch[:src.h*dst.w]
		for y := range src.h {
			in, out := from[y*src.w:(y+1)*src.w], wide[y*dst.w:(y+1)*dst.w]
			for x := range out {
				if x%2 == 0 {
					out[x] = (in[mirror(x-2, dst.w)/2] + in[mirror(x+2, dst.w)/2] + 6*in[x/2]) / 8
				} else {
					out[x] = (in[x/2] + in[mirror(x+1, dst.w)/2]) / 2
				}
			}
		}
		at := func(y int) []float32 { y = mirror(y, dst.h) / 2; return wide[y*dst.w : (y+1)*dst.w] }
		for y := range dst.h {
			out := to[y*dst.w : (y+1)*dst.w]
			if y%2 == 0 {
				a, b, d := at(y-2), at(y), at(y+2)
				for x := range out {
					out[x] = (a[x] + d[x] + 6*b[x]) / 8
				}
				continue
			}
			a, b := at(y-1), at(y+1)
			for x := range out {
				out[x] = (a[x] + b[x]) / 2
			}
		}
	}
}
