package onnx

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Tensor is a constant of the graph, a TensorProto. Its values are in one of three places: in the
// bytes of the file, in bytes of its own, or in a stream.
type Tensor struct {
	Name string
	Type DataType
	Dims []int64
	// External reports whether the values are in another file.
	External bool

	raw    []byte            // the whole TensorProto, as encoded in the file; nil for a tensor made here
	data   []byte            // the values, little-endian
	stream iter.Seq[float32] // the values, nil if they are in data
}

// NewTensor returns a tensor of as many values as dims have. It does not keep values.
func NewTensor[T float32 | uint8 | int8 | int32 | int64](name string, dims []int64, values []T) *Tensor {
	t := &Tensor{Name: name, Dims: dims}
	switch any(values).(type) {
	case []float32:
		t.Type = Float32
	case []uint8:
		t.Type = Uint8
	case []int8:
		t.Type = Int8
	case []int32:
		t.Type = Int32
	case []int64:
		t.Type = Int64
	}
	t.data, _ = binary.Append(nil, binary.LittleEndian, values) // these types do not fail
	return t
}

// Stream returns a float32 tensor of as many values as dims have, which takes them from an iterator
// whenever the model is written. With Type set to Float16 they are rounded to that.
func Stream(name string, dims []int64, values iter.Seq[float32]) *Tensor {
	return &Tensor{Name: name, Type: Float32, Dims: dims, stream: values}
}

// parseTensor reads a TensorProto's dims 1, data_type 2, name 8 and data_location 14. The values
// stay where they are.
func parseTensor(msg []byte) (*Tensor, error) {
	t := &Tensor{raw: msg}
	err := fields(msg, func(f field) error {
		var err error
		switch f.num {
		case 1:
			t.Dims, err = f.varints(t.Dims)
		case 2:
			t.Type = DataType(max(0, int32(f.varint)))
		case 8:
			t.Name = string(f.bytes)
		case 14:
			t.External = f.varint == 1
		}
		return err
	})
	return t, err
}

// count returns the number of values that the dimensions give, or false if it is more than most.
func (t *Tensor) count(most int64) (int64, bool) {
	n := int64(1)
	for _, d := range t.Dims {
		if d < 0 || d > 0 && n > most/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}

// head encodes a tensor up to its values, which have size bytes: dims 1, data_type 2, name
// 8 and the head of raw_data 9. A tensor of a file is its own values.
func (t *Tensor) head() (head []byte, size int) {
	if t.raw != nil {
		return nil, len(t.raw)
	}
	for _, d := range t.Dims {
		head = appendInt(head, 1, d)
	}
	head = appendText(appendInt(head, 2, int64(t.Type)), 8, t.Name)
	size = len(t.data)
	if t.stream != nil {
		n, _ := t.count(math.MaxInt64 / 4)
		size = int(n * t.Type.size())
	}
	return appendHead(head, 9, size), size
}

// encode appends the tensor as an initializer.
func (t *Tensor) encode(to []byte) []byte {
	head, size := t.head()
	to = append(appendHead(to, 5, len(head)+size), head...)
	switch {
	case t.raw != nil:
		return append(to, t.raw...)
	case t.stream == nil:
		return append(to, t.data...)
	}
	start := len(to)
	for v := range t.stream {
		if t.Type == Float16 {
			to = binary.LittleEndian.AppendUint16(to, EncodeFloat16(v))
		} else {
			to = binary.LittleEndian.AppendUint32(to, math.Float32bits(v))
		}
	}
	if len(to)-start != size {
		panic(fmt.Sprintf("onnx: tensor %q of shape %v has a stream of %d bytes", t.Name, t.Dims, len(to)-start))
	}
	return to
}

// Float32Bytes returns the values of a float32 tensor of any size, little-endian, or false for any
// other tensor. They are usually the file's own bytes and must not be changed.
func (t *Tensor) Float32Bytes() ([]byte, bool) {
	if t.Type != Float32 || t.External {
		return nil, false
	}
	data, ok := t.bytes()
	n, known := t.count(math.MaxInt64 / 4)
	return data, ok && known && n > 0 && int64(len(data)) == 4*n
}

// Floats returns the values of a float32 tensor of any size, or false for any other tensor.
func (t *Tensor) Floats() ([]float32, bool) {
	if t.stream != nil && t.Type == Float32 {
		n, _ := t.count(math.MaxInt64 / 4)
		return slices.AppendSeq(make([]float32, 0, n), t.stream), true
	}
	data, ok := t.Float32Bytes()
	if !ok {
		return nil, false
	}
	return decode[float32](data), true
}

// AnyFloats returns the values of a float32 or float16 tensor of any size, or false for any other
// tensor.
func (t *Tensor) AnyFloats() ([]float32, bool) {
	if t.Type != Float16 {
		return t.Floats()
	}
	data, ok := t.bytes()
	n, known := t.count(math.MaxInt64 / 2)
	if t.External || !ok || !known || int64(len(data)) != 2*n {
		return nil, false
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = DecodeFloat16(binary.LittleEndian.Uint16(data[2*i:]))
	}
	return values, true
}

// finite reports whether no value of a float32 or float16 tensor is NaN or infinite, whose
// exponents have all bits set. It is true for other tensors.
func (t *Tensor) finite() bool {
	// One step in the exponent, in each of the numbers in 8 bytes. Added to the exponent it carries
	// to the sign if all bits are set.
	var step, exponent, sign uint64
	switch {
	case t.External:
	case t.Type == Float32:
		step, exponent, sign = 0x0080_0000_0080_0000, 0x7f80_0000_7f80_0000, 0x8000_0000_8000_0000
	case t.Type == Float16:
		step, exponent, sign = 0x0400_0400_0400_0400, 0x7c00_7c00_7c00_7c00, 0x8000_8000_8000_8000
	}
	if step == 0 {
		return true
	}
	data, _ := t.bytes()
	carried := uint64(0)
	for ; len(data) >= 8; data = data[8:] {
		carried |= binary.LittleEndian.Uint64(data)&exponent + step
	}
	var last [8]byte
	copy(last[:], data)
	carried |= binary.LittleEndian.Uint64(last[:])&exponent + step
	return carried&sign == 0
}

func decode[T float32 | float64 | int32 | int64](data []byte) []T {
	var zero T
	values := make([]T, len(data)/binary.Size(zero))
	binary.Decode(data, binary.LittleEndian, values) // cannot fail: the sizes fit
	return values
}

// mostValues limits what Values decodes: lists of a few numbers.
const mostValues = 1 << 16

// Values returns the values of a small tensor of float32, float64, int32 or int64, or false for any
// other tensor.
func (t *Tensor) Values() ([]float64, bool) {
	n, ok := t.count(mostValues)
	if !ok || t.External {
		return nil, false
	}
	data, ok := t.bytes()
	if !ok || int64(len(data)) != n*t.Type.size() {
		return nil, false
	}
	switch t.Type {
	case Float32:
		return float64s(decode[float32](data)), true
	case Float64:
		return decode[float64](data), true
	case Int32:
		return float64s(decode[int32](data)), true
	case Int64:
		return float64s(decode[int64](data)), true
	}
	return nil, false
}

// bytes returns the values, little-endian, of a tensor of float16, float32, float64, int32 or
// int64. A file has them in float_data 4, int32_data 5, int64_data 7, raw_data 9 or double_data 10;
// float16 is read from raw_data only.
func (t *Tensor) bytes() ([]byte, bool) {
	if t.stream != nil {
		values, _ := t.Floats()
		data, err := binary.Append(nil, binary.LittleEndian, values)
		return data, err == nil
	}
	if t.raw == nil {
		return t.data, true
	}
	var data []byte
	holder := map[DataType]protowire.Number{Float16: 9, Float32: 4, Int32: 5, Int64: 7, Float64: 10}[t.Type]
	err := fields(t.raw, func(f field) error {
		if f.num != 9 && f.num != holder {
			return nil
		}
		switch {
		case f.num == 5 || f.num == 7:
			ints, err := f.varints(nil)
			for _, v := range ints {
				if f.num == 5 {
					data = binary.LittleEndian.AppendUint32(data, uint32(v))
				} else {
					data = binary.LittleEndian.AppendUint64(data, uint64(v))
				}
			}
			return err
		case f.typ == protowire.Fixed32Type:
			data = binary.LittleEndian.AppendUint32(data, uint32(f.varint))
		case f.typ == protowire.Fixed64Type:
			data = binary.LittleEndian.AppendUint64(data, f.varint)
		case data == nil:
			data = slices.Clip(f.bytes) // appending copies it
		default:
			data = append(data, f.bytes...)
		}
		return nil
	})
	return data, err == nil && holder != 0
}
