// Package detail applies to a photograph the change that a network makes to a small copy of it. Its
// central type is [Change].
//
// The change is the network's output minus its input. The fast guided filter (He and Sun, 2015,
// arXiv:1505.00996) describes it around each pixel of the copy as a linear function of the luma
// there. These functions, interpolated, are evaluated for the luma of the photograph. So the change
// follows the edges of the photograph, which keeps its detail, and no further image of its size is
// needed.
//
// Networks blur and add patterns of a few pixels, which are not to be applied. Therefore the copy
// and the change are smoothed before the functions are fitted. Both in the same way, because that
// keeps a linear relation between them; a change smoothed alone would make halos at edges.
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
	radius = 2
	// epsilon is the variance of luma, from 0 to 1, well below which a window counts as flat, so
	// that the change in it is constant.
	epsilon = 0.04 * 0.04
)

// A Change is what a network changes in an image. It is safe for concurrent use.
type Change struct {
	width, height int // of the small copy
	channels      int
	// terms holds for each pixel and each channel the factor of the luma, and an offset.
	terms []float32
}

// New returns the change from in to out, which are images of width x height with one or three
// channels, plane by plane, with values from 0 to 1.
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
	guide := filtered(bell, func(i int) float64 { return luma(in[i:], channels, size) })
	guides := mean(guide, width, height, box) // means in windows
	squares := filtered(box, func(i int) float64 { return guide[i] * guide[i] })
	result := &Change{width, height, channels, make([]float32, 2*channels*size)}
	for c := range channels {
		in, out := in[c*size:], out[c*size:]
		change := filtered(bell, func(i int) float64 { return float64(out[i]) - float64(in[i]) })
		changes := mean(change, width, height, box)
		products := filtered(box, func(i int) float64 { return guide[i] * change[i] })
		factor := func(i int) float64 {
			return (products[i] - guides[i]*changes[i]) / (squares[i] - guides[i]*guides[i] + epsilon)
		}
		factors := filtered(box, factor)
		offsets := filtered(box, func(i int) float64 { return changes[i] - factor(i)*guides[i] })
		for i := range size {
			at := 2 * (i*channels + c)
			result.terms[at], result.terms[at+1] = float32(factors[i]), float32(offsets[i])
		}
	}
	return result
}

// luma returns the luma (ITU-R 601) of the first pixel of planes of size values.
func luma(planes []float32, channels, size int) float64 {
	if channels == 1 {
		return float64(planes[0])
	}
	return 0.299*float64(planes[0]) + 0.587*float64(planes[size]) + 0.114*float64(planes[2*size])
}

// mean returns the weighted mean of the window around each value, as far as that is inside the
// plane.
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
