package onnxgraph

import (
	"encoding/binary"
	"io"
	"math"
)

// Values of TensorProto.DataType.
const (
	typeFloat = 1
	typeInt64 = 7
)

// A tensor is an initializer: a parameter of the network or a constant that an
// operator takes as an input. It has either floats or ints.
type tensor struct {
	name   string
	dims   []int
	floats []float32
	ints   []int64
	// filters says that floats are the weight of a convolution in the order
	// of package graph; see eachFilterValue.
	filters bool
}

// dataSize is the length of the values in bytes.
func (t *tensor) dataSize() int64 {
	return 4*int64(len(t.floats)) + 8*int64(len(t.ints))
}

// head is the TensorProto up to the values: dims 1, data_type 2, name 8 and
// the beginning of raw_data 9.
func (t *tensor) head() message {
	var m message
	for _, d := range t.dims {
		m.integer(1, int64(d))
	}
	kind := int64(typeFloat)
	if t.ints != nil {
		kind = typeInt64
	}
	m.integer(2, kind)
	m.text(8, t.name)
	m.head(9, t.dataSize())
	return m
}

// writeData writes the values, little-endian as raw_data wants them, by way of
// a small buffer.
func (t *tensor) writeData(out io.Writer) error {
	const chunk = 1 << 15
	var err error
	buf := make([]byte, 0, chunk)
	flush := func() {
		if err == nil {
			_, err = out.Write(buf)
		}
		buf = buf[:0]
	}
	putFloat := func(v float32) {
		if buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v)); len(buf) == chunk {
			flush()
		}
	}
	if t.filters {
		eachFilterValue(t.floats, t.dims, putFloat)
	} else {
		for _, v := range t.floats {
			putFloat(v)
		}
	}
	for _, v := range t.ints {
		if buf = binary.LittleEndian.AppendUint64(buf, uint64(v)); len(buf) == chunk {
			flush()
		}
	}
	flush()
	return err
}

// filterDims turns the shape of a convolution's weight from package graph's
// order into ONNX's: [k, k, in, out] -> [out, in, k, k] for a convolution and
// [k, k, out, in] -> [in, out, k, k] for a transposed one, one and the same
// permutation.
func filterDims(shape []int) []int {
	return []int{shape[3], shape[2], shape[0], shape[1]}
}

// eachFilterValue calls put with the values of a convolution's weight in
// ONNX's order. dims are those of filterDims.
func eachFilterValue(values []float32, dims []int, put func(float32)) {
	step := dims[0] * dims[1] // between neighbours in the kernel
	for i := range dims[0] {
		for j := range dims[1] {
			for k := j*dims[0] + i; k < len(values); k += step {
				put(values[k])
			}
		}
	}
}
