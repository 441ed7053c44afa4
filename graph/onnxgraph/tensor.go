package onnxgraph

import (
	"encoding/binary"
	"io"
	"math"
)

// Values of TensorProto.DataType.
const (
	typeFloat   = 1
	typeUint8   = 2
	typeInt8    = 3
	typeInt32   = 6
	typeInt64   = 7
	typeFloat16 = 10
)

// A tensor is an initializer: a parameter of the network or a constant that an
// operator takes as an input. It has one of floats, ints and small.
type tensor struct {
	name   string
	dims   []int
	floats []float32
	ints   []int64
	small  []int8
	// kind is what the file holds: for floats typeFloat or typeFloat16, for
	// ints typeInt64, typeInt32 or typeUint8, for small typeInt8.
	kind int64
	// filters says that floats are the weight of a convolution in the order
	// of package graph; see eachFilterValue.
	filters bool
}

// width is the number of bytes of one value.
func (t *tensor) width() int64 {
	return map[int64]int64{typeFloat: 4, typeUint8: 1, typeInt8: 1, typeInt32: 4, typeInt64: 8, typeFloat16: 2}[t.kind]
}

// dataSize is the length of the values in bytes.
func (t *tensor) dataSize() int64 {
	return t.width() * int64(len(t.floats)+len(t.ints)+len(t.small))
}

// head is the TensorProto up to the values: dims 1, data_type 2, name 8 and
// the beginning of raw_data 9.
func (t *tensor) head() message {
	var m message
	for _, d := range t.dims {
		m.integer(1, int64(d))
	}
	m.integer(2, t.kind)
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
	// put writes the lowest bytes of bits, as many as a value has.
	width := t.width()
	put := func(bits uint64) {
		switch width {
		case 1:
			buf = append(buf, byte(bits))
		case 2:
			buf = binary.LittleEndian.AppendUint16(buf, uint16(bits))
		case 4:
			buf = binary.LittleEndian.AppendUint32(buf, uint32(bits))
		default:
			buf = binary.LittleEndian.AppendUint64(buf, bits)
		}
		if len(buf) == chunk {
			flush()
		}
	}
	putFloat := func(v float32) { put(uint64(math.Float32bits(v))) }
	if t.kind == typeFloat16 {
		putFloat = func(v float32) { put(uint64(float16(v))) }
	}
	if t.filters {
		eachFilterValue(t.floats, t.dims, putFloat)
	} else {
		for _, v := range t.floats {
			putFloat(v)
		}
	}
	for _, v := range t.ints {
		put(uint64(v))
	}
	for _, v := range t.small {
		put(uint64(v))
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

// inOrder returns the floats in the order in which the file has them.
func (t *tensor) inOrder() []float32 {
	if !t.filters {
		return t.floats
	}
	values := make([]float32, 0, len(t.floats))
	eachFilterValue(t.floats, t.dims, func(v float32) { values = append(values, v) })
	return values
}
