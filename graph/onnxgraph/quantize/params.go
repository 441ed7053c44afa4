// Package quantize represents the real numbers of a network by 8-bit integers; its central type is
// [Params], the affine quantization of Jacob et al. 2018 (https://arxiv.org/abs/1712.05877) and of
// ONNX's QuantizeLinear.
//
// A [Histogram] collects the values that a tensor takes on some images, in bounded memory, and
// chooses the range that the 256 levels cover:
//
//	var h quantize.Histogram
//	for _, image := range images {
//		h.Add(activations(image))
//	}
//	params := h.Params()
//
// [Weights] does the same for the filters of a convolution, whose values are all known.
package quantize

import "math"

// Levels is the number of steps between the lowest byte and the highest.
const Levels = 255

// Params give a byte q the value Scale * (q - Zero). Zero itself is always among the values, since
// convolutions pad with it.
type Params struct {
	Scale float32
	Zero  uint8
}

// Over returns the parameters whose levels reach from lo to hi, both moved to include 0.
func Over(lo, hi float64) Params {
	lo, hi = min(lo, 0), max(hi, 0)
	scale := (hi - lo) / Levels
	if scale < math.SmallestNonzeroFloat32*Levels { // only 0, or close to it
		return Params{Scale: 1}
	}
	zero := math.Round(-lo / scale)
	if zero > 0 && zero < Levels {
		// Rounding moved the range: widen it to reach both ends again.
		scale = max(-lo/zero, hi/(Levels-zero))
	}
	return Params{Scale: float32(scale), Zero: uint8(zero)}
}

// weightLimit is the largest magnitude of an 8-bit weight. -128 is left out, so that the levels are
// symmetric.
const weightLimit = 127

// Weights rounds the weight of a convolution, whose first axis has out outputs, to integers with a
// scale for each output: the values of output o are about q * scales[o]. The scales have the least
// squared error, which may cut off a few large weights.
func Weights(values []float32, out int) (q []int8, scales []float32) {
	q, scales = make([]int8, len(values)), make([]float32, out)
	size := len(values) / out
	for o := range out {
		filter := values[o*size:][:size]
		scale := weightScale(filter)
		for i, v := range filter {
			q[o*size+i] = int8(roundWeight(float64(v), scale))
		}
		scales[o] = float32(scale)
	}
	return q, scales
}

// weightScale returns the best scale for a filter, 1 for a filter of zeros.
func weightScale(filter []float32) float64 {
	largest := 0.0
	for _, v := range filter {
		largest = max(largest, math.Abs(float64(v)))
	}
	if largest < math.SmallestNonzeroFloat32*weightLimit {
		return 1
	}
	best, least := 0.0, math.Inf(1)
	for i := range 24 {
		scale := largest / weightLimit * (1 - float64(i)/40)
		sum := 0.0
		for _, v := range filter {
			d := float64(v) - roundWeight(float64(v), scale)*scale
			sum += d * d
		}
		if sum < least {
			best, least = scale, sum
		}
	}
	return float64(float32(best))
}

func roundWeight(v, scale float64) float64 {
	return max(-weightLimit, min(math.RoundToEven(v/scale), weightLimit))
}
