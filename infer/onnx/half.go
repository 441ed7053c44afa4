package onnx

import "math"

// MaxFloat16 is the largest finite number of 16 bits.
const MaxFloat16 = 65504

// EncodeFloat16 returns the bits of v as IEEE 754 binary16 (1 sign bit, 5 of exponent, 10 of
// fraction), rounded to the nearest, ties to even. What is too large becomes infinite.
func EncodeFloat16(v float32) uint16 {
	b := math.Float32bits(v)
	sign := uint16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000:
		return sign | 0x7e00 // NaN
	case b >= 0x477ff000: // 65520, half-way between MaxFloat16 and the number that would follow
		return sign | 0x7c00
	case b >= 0x38800000: // 2^-14, the smallest normal number
		b += 0xfff + b>>13&1
		return sign | uint16(b>>13-112<<10)
	}
	// Adding 0.5 leaves 24 bits, of which the last is 2^-24, the smallest number: the addition
	// rounds.
	sum := math.Float32frombits(b) + 0.5
	return sign | uint16(math.Float32bits(sum)-0x3f000000)
}

// DecodeFloat16 returns the number that the bits of a binary16 encode, exactly.
func DecodeFloat16(bits uint16) float32 {
	sign := uint32(bits&0x8000) << 16
	switch b := uint32(bits & 0x7fff); {
	case b >= 0x7c00: // infinite or NaN
		return math.Float32frombits(sign | 0x7f800000 | b&0x3ff<<13)
	case b >= 0x400:
		return math.Float32frombits(sign | b<<13 + 112<<23)
	default:
		f := float32(b) * 0x1p-24
		return math.Float32frombits(sign | math.Float32bits(f))
	}
}

// EncodeBFloat16 returns the bits of v as bfloat16, the upper half of a float32, rounded to the
// nearest, ties to even.
func EncodeBFloat16(v float32) uint16 {
	b := math.Float32bits(v)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16 | 0x40) // NaN, even if only the lower bits marked it
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// DecodeBFloat16 returns the number that the bits of a bfloat16 encode, exactly.
func DecodeBFloat16(bits uint16) float32 { return math.Float32frombits(uint32(bits) << 16) }
