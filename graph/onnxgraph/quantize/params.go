// Package quantize chooses how 8-bit integers stand for the real numbers of a
// network. Its central type is [Params]: the affine quantization of Jacob et
// al. 2018 (https://arxiv.org/abs/1712.05877), which is also that of ONNX's
// QuantizeLinear and DequantizeLinear.
//
// A [Histogram] gathers the values that a tensor takes on some pictures, in
// bounded memory, and says which range the 256 levels should cover:
//
//	var h quantize.Histogram
//	for _, picture := range pictures {
//		h.Add(activations(picture))
//	}
//	params := h.Params()
//
// [Weights] does the same for the filters of a convolution, whose values are
// all known.
package quantize

import "math"

// Levels is the number of steps between the lowest byte and the highest.
const Levels = 255

// Params say what a byte q stands for: Scale * (q - Zero). Zero itself is
// always among the values, since convolutions pad with it.
type Params struct {
	Scale float32
	Zero  uint8
}

// Over returns the parameters whose levels reach from lo to hi, both moved to
// include 0.
func Over(lo, hi float64) Params {
	lo, hi = min(lo, 0), max(hi, 0)
	scale := (hi - lo) / Levels
	if scale < math.SmallestNonzeroFloat32*Levels { // nothing but 0, or close to it
		return Params{Scale: 1}
	}
	zero := math.Round(-lo / scale)
	if zero > 0 && zero < Levels {
		// Rounding moved the range: widen it to reach both ends again.
		scale = max(-lo/zero, hi/(Levels-zero))
	}
	return Params{Scale: float32(scale), Zero: uint8(zero)}
}

// Byte is the level next to v, half-way cases to the even one.
func (p Params) Byte(v float32) uint8 {
	q := math.RoundToEven(float64(v/p.Scale)) + float64(p.Zero)
	return uint8(max(0, min(q, Levels)))
}

// Value is what the level q stands for.
func (p Params) Value(q uint8) float32 { return p.Scale * float32(int(q)-int(p.Zero)) }
