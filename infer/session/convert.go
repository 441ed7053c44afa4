package session

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
)

// The element types that inputs may have, each taken from float32, and outputs, each given as float32.
var elements = []string{
	"float32", "float64", "float16", "bfloat16", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
}

// Convertible says whether tensors of an element type, as in [Port], can be run: Run takes and gives float32 and converts it.
func Convertible(element string) bool { return slices.Contains(elements, element) }

func convertibles() string { return strings.Join(elements, ", ") }

type integer interface {
	~uint8 | ~int8 | ~uint16 | ~int16 | ~uint32 | ~int32 | ~uint64 | ~int64
}

// integers rounds to the nearest whole number, ties to even, and clamps to low and high, which are T's ends. NaN becomes 0.
func integers[T integer](values []float32, low, high T) []T {
	out := make([]T, len(values))
	from, to := float64(low), float64(high)
	for i, f := range values {
		v := math.RoundToEven(float64(f))
		switch {
		case v <= from:
			out[i] = low
		case v >= to:
			out[i] = high
		case v == v:
			out[i] = T(v)
		}
	}
	return out
}

// doubles is exact.
func doubles(values []float32) []float64 {
	out := make([]float64, len(values))
	for i, f := range values {
		out[i] = float64(f)
	}
	return out
}

// halves are the bytes of float16 or bfloat16 numbers, in the machine's order.
func halves[T ~uint16](values []float32, convert func(float32) T) []byte {
	out := make([]byte, 2*len(values))
	for i, f := range values {
		binary.NativeEndian.PutUint16(out[2*i:], uint16(convert(f)))
	}
	return out
}

// floats converts numbers to float32, rounded to the nearest, into out if that has room.
func floats[T integer | ~float64](out []float32, values []T) []float32 {
	out = room(out, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}

// room gives a slice of n values, in the memory of s if that suffices.
func room(s []float32, n int) []float32 {
	if cap(s) >= n {
		return s[:n]
	}
	return make([]float32, n)
}
