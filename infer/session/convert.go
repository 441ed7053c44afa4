package session

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"cyclegan/infer/onnx"
)

// The element types that inputs may have, each taken from float32, and outputs, each given as float32.
var elements = []onnx.DataType{
	onnx.Float32, onnx.Float64, onnx.Float16, onnx.BFloat16, onnx.Uint8, onnx.Int8, onnx.Uint16, onnx.Int16,
	onnx.Uint32, onnx.Int32, onnx.Uint64, onnx.Int64,
}

// Convertible reports whether Run takes and returns tensors of an element type, which it converts from and to float32.
func Convertible(element onnx.DataType) bool { return slices.Contains(elements, element) }

func convertibles() string {
	names := make([]string, len(elements))
	for i, t := range elements {
		names[i] = t.String()
	}
	return strings.Join(names, ", ")
}

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
func halves(values []float32, encode func(float32) uint16) []byte {
	out := make([]byte, 2*len(values))
	for i, f := range values {
		binary.NativeEndian.PutUint16(out[2*i:], encode(f))
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
