package onnxgraph

import (
	"math"

	"cyclegan/graph/onnxgraph/quantize"
)

// middle is the level in the middle of a byte.
const middle = 128

// A grid says for each channel of a convolution's result which numbers its
// bytes stand for. A scale for each channel costs nothing, since it goes into
// the scale of that channel's weights. InstanceNorm has to follow, so that
// what a channel's levels have in common does not matter.
type grid []levels

// levels are those of one channel: level q stands for center + (q-middle)*step
// and counts as (q-zero)*step.
type levels struct {
	center, step float64
	zero         int64
}

// at returns levels of which one is v, and counts as 0.
func at(level int64, v, step float64) levels {
	return levels{v + float64(middle-level)*step, step, level}
}

// twoLoss is the part of a result that its rounding to one byte may cost, as
// squared error over variance, 35 dB. Beyond it the result gets two bytes.
// Where the network's last transposed convolution has a long tail, a single
// byte alone would cost more than all other rounding together.
var twoLoss = math.Pow(10, -3.5)

// oneGrid covers the values that the calibration saw, unless that would be too
// coarse.
func oneGrid(seen []quantize.Histogram) (g grid, ok bool) {
	loss := 0.0
	for i := range seen {
		lo, hi := seen[i].Range()
		loss += seen[i].Loss(lo, hi)
		g = append(g, at(middle, (lo+hi)/2, step(lo, hi)))
	}
	return g, loss <= twoLoss*float64(len(seen))
}

// twoGrids covers them with two grids, whose bytes are to be added up: at a
// level from which the second one goes up, the first one ends.
func twoGrids(seen []quantize.Histogram) (low, high grid) {
	for i := range seen {
		lo, cut, hi := seen[i].Split()
		low = append(low, at(quantize.Levels, cut, step(lo, cut)))
		high = append(high, at(0, cut, step(cut, hi)))
	}
	return low, high
}

// step is the distance of levels from lo to hi, 1 where those are the same.
func step(lo, hi float64) float64 {
	if s := (hi - lo) / quantize.Levels; s > 1e-30 {
		return s
	}
	return 1
}
