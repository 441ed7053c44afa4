//go:build tensorflow

package tfgraph

import (
	"bytes"
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"

	tf "github.com/wamuir/graft/tensorflow"
)

// NewTensor copies row-major values into a float32 tensor of the given shape.
func NewTensor(values []float32, shape ...int) (*tf.Tensor, error) {
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	size := count(shape)
	if size != len(values) {
		return nil, fmt.Errorf("tensor of shape %v: got %d values, want %d", shape, len(values), size)
	}
	collect(size)
	return tf.ReadTensor(tf.Float, dims, bytes.NewReader(floatBytes(values)))
}

// Floats copies the values of a float32 tensor in row-major order. It reuses dst if it is large
// enough.
func Floats(dst []float32, t *tf.Tensor) ([]float32, error) {
	if t.DataType() != tf.Float {
		return nil, fmt.Errorf("tensor has type %v, want float32", t.DataType())
	}
	size := count(t.Shape())
	collect(size)
	if cap(dst) < size {
		dst = make([]float32, size)
	}
	dst = dst[:size]
	if _, err := t.WriteContentsTo(bytes.NewBuffer(floatBytes(dst)[:0])); err != nil {
		return nil, fmt.Errorf("read tensor of shape %v: %w", t.Shape(), err)
	}
	return dst, nil
}

// Finalizers free TensorFlow's tensors, but Go's collector does not know their size and may not run
// for minutes.
const uncollectedFloats = 64 << 20 // 256 MiB

var uncollected atomic.Int64

// collect counts values in tensors and runs the collector after many.
func collect(values int) {
	if uncollected.Add(int64(values)) > uncollectedFloats {
		uncollected.Store(0)
		runtime.GC()
	}
}

// floatBytes views float32 values as the bytes that hold them.
func floatBytes(values []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*len(values))
}

// count returns the number of values of a shape.
func count[T int | int64](shape []T) int {
	n := 1
	for _, d := range shape {
		n *= int(d)
	}
	return n
}
