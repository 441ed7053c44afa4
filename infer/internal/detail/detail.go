// Package detail applies to a photograph the change that a network makes to a small copy of it. Its
// central type is [Change].
//
// The change is the network's output minus its input. The fast guided filter (He and Sun, 2015,
// arXiv:1505.00996) describes it around each pixel of the copy as a linear function of the color there.
// These functions, interpolated, are evaluated for the colors of the photograph. So the change follows the
// edges of the photograph, which keeps its detail, and no further image of its size is needed.
//
// Networks blur and add patterns of a few pixels, which are not to be applied. Therefore the copy and the
// change are smoothed before the functions are fitted. Both in the same way, because that keeps a linear
// relation between them; a change smoothed alone would make halos at edges.
package detail

import (
	"math"
	"slices"
)

// The values that gave the best results among those tried; see infer/README.md.
const (
	// sigma is the standard deviation of the smoothing, in pixels of the copy.
	sigma = 1.5
	// radius is that of the windows in which the functions are fitted, in pixels of the copy.
	radius = 4
	// epsilon is the variance of colors, from 0 to 1, well below which a window counts as flat, so that
	// the change in it is constant.
	epsilon = 0.04 * 0.04
)

// A Change is what a network changes in an image. It is safe for concurrent use.
type Change struct {
	width, height int // of the small copy
	channels      int
	// terms holds for each pixel and each channel of the image the factors of all channels and an offset.
	terms []float32
}

// New returns the change from in to out, which are images of width x height with one or three channels,
// plane by plane, with values from 0 to 1.
func New(in, out []float32, channels, width, height int) *Change {
	size := width * height
	filtered := func(window []float64, value func(i int) float64) []float64 {
		plane := make([]float64, size)
		for i := range plane {
			plane[i] = value(i)
		}
		return mean(plane, width, height, window)
	}
	bell, box := gaussian(), slices.Repeat([]float64{1}, 2*radius+1)
	var guide, change [3][]float64
	for c := range channels {
		in, out := in[c*size:], out[c*size:]
		guide[c] = filtered(bell, func(i int) float64 { return float64(in[i]) })
		change[c] = filtered(bell, func(i int) float64 { return float64(out[i]) - float64(in[i]) })
	}
	var guides, changes [3][]float64 // means in windows
	var squares, products [3][3][]float64
	for c := range channels {
		guides[c] = mean(guide[c], width, height, box)
		changes[c] = mean(change[c], width, height, box)
		for k := range channels {
			if k <= c { // the rest follows by symmetry
				squares[c][k] = filtered(box, func(i int) float64 { return guide[c][i] * guide[k][i] })
			}
			products[c][k] = filtered(box, func(i int) float64 { return guide[c][i] * change[k][i] })
		}
	}
	n := channels + 1
	terms := make([][]float64, channels*n)
	for t := range terms {
		terms[t] = make([]float64, size)
	}
	for i := range size {
		var covariance [3][3]float64
		for c := range channels {
			for k := range c + 1 {
				covariance[c][k] = squares[c][k][i] - guides[c][i]*guides[k][i]
			}
			covariance[c][c] += epsilon
		}
		factor(&covariance, channels)
		for k := range channels {
			var x [3]float64
			for c := range channels {
				x[c] = products[c][k][i] - guides[c][i]*changes[k][i]
			}
			solve(&covariance, &x, channels)
			offset := changes[k][i]
			for c := range channels {
				terms[k*n+c][i] = x[c]
				offset -= x[c] * guides[c][i]
			}
			terms[k*n+channels][i] = offset
		}
	}
	result := &Change{width, height, channels, make([]float32, size*len(terms))}
	for t := range terms {
		for i, v := range mean(terms[t], width, height, box) {
			result.terms[i*len(terms)+t] = float32(v)
		}
	}
	return result
}

// mean returns the weighted mean of the window around each value, as far as that is inside the plane.
func mean(plane []float64, width, height int, window []float64) []float64 {
	return meanInLines(meanInLines(plane, width, window), height, window)
}

// meanInLines takes the mean along lines of n values. The result is transposed.
func meanInLines(plane []float64, n int, window []float64) []float64 {
	reach, lines := len(window)/2, len(plane)/n
	result := make([]float64, len(plane))
	for i := range n {
		from, to := max(i-reach, 0), min(i+reach, n-1)
		weights := window[from-i+reach : to-i+reach+1]
		var total float64
		for _, w := range weights {
			total += w
		}
		for l := range lines {
			var sum float64
			for k, v := range plane[l*n+from : l*n+to+1] {
				sum += weights[k] * v
			}
			result[i*lines+l] = sum / total
		}
	}
	return result
}

// gaussian returns the window of the smoothing.
func gaussian() []float64 {
	reach := int(math.Ceil(3 * sigma))
	window := make([]float64, 2*reach+1)
	for i := range window {
		x := float64(i-reach) / sigma
		window[i] = math.Exp(-x * x / 2)
	}
	return window
}

// factor replaces the lower triangle of the first n rows of a positive definite matrix by its Cholesky
// factor.
func factor(m *[3][3]float64, n int) {
	for i := range n {
		for j := range i + 1 {
			v := m[i][j]
			for k := range j {
				v -= m[i][k] * m[j][k]
			}
			if i == j {
				m[i][i] = math.Sqrt(v)
			} else {
				m[i][j] = v / m[j][j]
			}
		}
	}
}

// solve replaces x by the solution of the equations whose matrix has the Cholesky factor f.
func solve(f *[3][3]float64, x *[3]float64, n int) {
	for i := range n {
		for k := range i {
			x[i] -= f[i][k] * x[k]
		}
		x[i] /= f[i][i]
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			x[i] -= f[k][i] * x[k]
		}
		x[i] /= f[i][i]
	}
}
