package session

import "math"

// float16 is a number of IEEE 754 binary16: 1 sign bit, 5 of exponent, 10 of fraction.
type float16 uint16

// toFloat16 rounds to the nearest, ties to even; what is too large becomes infinite.
func toFloat16(f float32) float16 {
	b := math.Float32bits(f)
	sign := float16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000:
		return sign | 0x7e00 // NaN
	case b >= 0x477ff000: // 65520, half-way to what would be the next number
		return sign | 0x7c00
	case b >= 0x38800000: // 2^-14, the smallest normal number
		b += 0xfff + b>>13&1
		return sign | float16(b>>13-112<<10)
	}
	// Adding 2^-1 leaves 24 bits with 2^-24, the smallest number, as the last one: the addition rounds.
	sum := math.Float32frombits(b) + 0.5
	return sign | float16(math.Float32bits(sum)-0x3f000000)
}

// float32 is exact.
func (h float16) float32() float32 {
	sign := uint32(h&0x8000) << 16
	switch b := uint32(h & 0x7fff); {
	case b >= 0x7c00: // infinite or NaN
		return math.Float32frombits(sign | 0x7f800000 | b&0x3ff<<13)
	case b >= 0x400:
		return math.Float32frombits(sign | b<<13 + 112<<23)
	default:
		f := float32(b) * 0x1p-24
		return math.Float32frombits(sign | math.Float32bits(f))
	}
}

// bfloat16 is the upper half of a float32.
type bfloat16 uint16

// toBfloat16 rounds to the nearest, ties to even.
func toBfloat16(f float32) bfloat16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0x7f800000 {
		return bfloat16(b>>16 | 0x40) // NaN, also where the lower bits alone said so
	}
	return bfloat16((b + 0x7fff + b>>16&1) >> 16)
}

// float32 is exact.
func (h bfloat16) float32() float32 { return math.Float32frombits(uint32(h) << 16) }
