package session

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"cyclegan/infer/onnx"
)

// A Tensor is a dense array of float32 values in row-major order.
type Tensor struct {
	Shape []int64
	Data  []float32
}

// check reports why t cannot be the input p.
func (t Tensor) check(p onnx.Port) error {
	switch {
	case !Convertible(p.Type):
		return fmt.Errorf("input %q has type %v; supported are %s", p.Name, p.Type, convertibles())
	case len(t.Shape) == 0:
		return fmt.Errorf("input %q: the tensor has no shape", p.Name)
	case !p.Accepts(t.Shape):
		return fmt.Errorf("input %q: the model takes %s, not %s", p.Name, p.ShapeString(), onnx.Port{Shape: t.Shape}.ShapeString())
	case slices.Min(t.Shape) < 1:
		return fmt.Errorf("input %q: shape %s has a dimension below 1", p.Name, onnx.Port{Shape: t.Shape}.ShapeString())
	}
	left := int64(len(t.Data)) // divided, since the product of the shape could overflow
	for _, d := range t.Shape {
		if left%d != 0 {
			left = 0
		}
		left /= d
	}
	if left != 1 {
		return fmt.Errorf("input %q: %d values do not fill shape %s", p.Name, len(t.Data), onnx.Port{Shape: t.Shape}.ShapeString())
	}
	return nil
}

// checkInputs reports why the tensors do not fit the ports.
func checkInputs(ports []onnx.Port, inputs []Tensor) error {
	if len(inputs) != len(ports) {
		return fmt.Errorf("the model needs %d inputs (%s), not %d", len(ports), portList(ports), len(inputs))
	}
	for i, t := range inputs {
		if err := t.check(ports[i]); err != nil {
			return err
		}
	}
	return nil
}

// elements are the number types that Run converts from and to float32.
var elements = []onnx.DataType{
	onnx.Float32, onnx.Float64, onnx.Float16, onnx.BFloat16, onnx.Uint8, onnx.Int8, onnx.Uint16, onnx.Int16,
	onnx.Uint32, onnx.Int32, onnx.Uint64, onnx.Int64,
}

// Convertible reports whether Run takes and returns tensors of an element type.
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

// integers rounds half to even and clamps to low and high, the limits of T. NaN becomes 0.
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

// halves returns the bytes of float16 or bfloat16 numbers in the machine's order.
func halves(values []float32, encode func(float32) uint16) []byte {
	out := make([]byte, 2*len(values))
	for i, f := range values {
		binary.NativeEndian.PutUint16(out[2*i:], encode(f))
	}
	return out
}

// convert converts numbers, in out's memory if that suffices.
func convert[To float32 | float64, From integer | float32 | float64](out []To, values []From) []To {
	out = resize(out, len(values))
	for i, v := range values {
		out[i] = To(v)
	}
	return out
}

// resize returns a slice of n values, in the memory of s if that suffices.
func resize[T any](s []T, n int) []T {
	if cap(s) >= n {
		return s[:n]
	}
	return make([]T, n)
}

// shapes remembers the output shapes of earlier runs by their input shapes. The zero value is ready
// and safe for concurrent use.
type shapes struct {
	mu    sync.Mutex
	known map[string][][]int64
	off   bool
}

// shapesKept limits the memory.
const shapesKept = 16

func shapeKey(inputs []Tensor) string {
	var key []byte
	for _, t := range inputs {
		key = fmt.Append(key, t.Shape)
	}
	return string(key)
}

// find returns the outputs' shapes, or nil. The caller must not change them.
func (s *shapes) find(inputs []Tensor) [][]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[shapeKey(inputs)]
}

// learn remembers a run. An empty output is not remembered, since nothing can be written into it.
func (s *shapes) learn(inputs, outputs []Tensor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := shapeKey(inputs)
	if s.off || s.known[key] != nil {
		return
	}
	if s.known == nil || len(s.known) == shapesKept {
		s.known = map[string][][]int64{}
	}
	out := make([][]int64, len(outputs))
	for i, t := range outputs {
		if elementCount(t.Shape) > 0 {
			out[i] = slices.Clone(t.Shape)
		}
	}
	s.known[key] = out
}

// forget turns remembering off, for a model whose output shapes depend on more than the input
// shapes.
func (s *shapes) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.off, s.known = true, nil
}

func elementCount(shape []int64) int {
	n := 1
	for _, d := range shape {
		n *= int(d)
	}
	return n
}
