package quantize

import "math"

// weightLimit is the largest magnitude of an 8-bit weight. -128 is left out, so
// that the levels are symmetric.
const weightLimit = 127

// Weights rounds the weight of a convolution, whose first axis is its out
// outputs, to integers with a scale for each output: values of output o are
// about q * scales[o]. Scales are those with the least squared error, which may
// cut off a few large weights.
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

// weightScale is the best scale for a filter, 1 for one of nothing but zeros.
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
