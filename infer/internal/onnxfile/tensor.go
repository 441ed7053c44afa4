package onnxfile

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Tensor is a constant of the graph (a TensorProto).
type Tensor struct {
	Name string
	Type int64
	Dims []int64
	// External says that the values lie in another file.
	External bool

	raw []byte
}

// parseTensor reads a TensorProto's dims 1, data_type 2, name 8 and data_location 14; the values stay where they are.
func parseTensor(msg []byte) (*Tensor, error) {
	t := &Tensor{raw: msg}
	err := fields(msg, func(f field) error {
		var err error
		switch f.num {
		case 1:
			t.Dims, err = f.varints(t.Dims)
		case 2:
			t.Type = int64(f.varint)
		case 8:
			t.Name = string(f.bytes)
		case 14:
			t.External = f.varint == 1
		}
		return err
	})
	return t, err
}

// Int64s makes a tensor of one dimension.
func Int64s(name string, values ...int64) *Tensor {
	data := make([]byte, 0, 8*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint64(data, uint64(v))
	}
	return newTensor(name, Int64, []int64{int64(len(values))}, data)
}

// Float32s makes a tensor of as many values as dims have.
func Float32s(name string, dims []int64, values []float32) *Tensor {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return newTensor(name, Float32, dims, data)
}

func newTensor(name string, typ int64, dims []int64, data []byte) *Tensor {
	t := &Tensor{Name: name, Type: typ, Dims: dims, raw: make([]byte, 0, len(data)+len(name)+64)}
	for _, d := range dims {
		t.raw = appendInt(t.raw, 1, d)
	}
	t.raw = appendInt(t.raw, 2, typ)
	t.raw = appendText(t.raw, 8, name)
	t.raw = appendMessage(t.raw, 9, data)
	return t
}

// Float32Bytes gives the numbers of a tensor of float32 of any size, little-endian, and false for any other.
// They are mostly the file's own bytes, and are not to be changed.
func (t *Tensor) Float32Bytes() ([]byte, bool) {
	if t.Type != Float32 || t.External {
		return nil, false
	}
	var data, collected []byte
	err := fields(t.raw, func(f field) error {
		switch {
		case f.num == 9:
			data = f.bytes
		case f.num == 4 && f.typ == protowire.Fixed32Type: // a number of float_data
			collected = binary.LittleEndian.AppendUint32(collected, uint32(f.varint))
		case f.num == 4 && data == nil && collected == nil:
			data = f.bytes
		case f.num == 4:
			collected = append(collected, f.bytes...)
		}
		return nil
	})
	if collected != nil {
		data = append(data[:len(data):len(data)], collected...)
	}
	n := int64(len(data) / 4)
	for _, d := range t.Dims {
		if d < 1 || n%d != 0 {
			return nil, false
		}
		n /= d
	}
	return data, err == nil && n == 1 && len(data)%4 == 0
}

// Floats gives the numbers of a tensor of float32 of any size, and false for any other.
func (t *Tensor) Floats() ([]float32, bool) {
	data, ok := t.Float32Bytes()
	if !ok {
		return nil, false
	}
	values := make([]float32, len(data)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return values, true
}

// mostValues bounds what Values decodes: what asks for them are lists of a few numbers.
const mostValues = 1 << 16

// Values gives the numbers of a small tensor of floats or integers, and false for any other.
// They stand in float_data 4, int32_data 5, int64_data 7, double_data 10 or, little-endian, in raw_data 9.
func (t *Tensor) Values() ([]float64, bool) {
	n := int64(1)
	for _, d := range t.Dims {
		if d < 0 || d > mostValues {
			return nil, false
		}
		if n *= d; n > mostValues {
			return nil, false
		}
	}
	if t.External {
		return nil, false
	}
	values := make([]float64, 0, n)
	known := true
	err := fields(t.raw, func(f field) error {
		switch f.num {
		case 4:
			for _, v := range f.floats(nil) {
				values = append(values, float64(v))
			}
		case 5, 7:
			ints, err := f.varints(nil)
			for _, v := range ints {
				if f.num == 5 {
					v = int64(int32(v))
				}
				values = append(values, float64(v))
			}
			known = known && (t.Type == Int32 || t.Type == Int64)
			return err
		case 9:
			known = known && t.rawValues(f.bytes, &values)
		case 10:
			if f.typ == protowire.Fixed64Type {
				values = append(values, math.Float64frombits(f.varint))
			}
			for b := f.bytes; len(b) >= 8; b = b[8:] {
				values = append(values, math.Float64frombits(binary.LittleEndian.Uint64(b)))
			}
		}
		return nil
	})
	return values, err == nil && known && int64(len(values)) == n
}

func (t *Tensor) rawValues(b []byte, to *[]float64) bool {
	size := map[int64]int{Float32: 4, Float64: 8, Int32: 4, Int64: 8}[t.Type]
	if size == 0 {
		return false
	}
	for ; len(b) >= size; b = b[size:] {
		var v float64
		switch t.Type {
		case Float32:
			v = float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
		case Float64:
			v = math.Float64frombits(binary.LittleEndian.Uint64(b))
		case Int32:
			v = float64(int32(binary.LittleEndian.Uint32(b)))
		case Int64:
			v = float64(int64(binary.LittleEndian.Uint64(b)))
		}
		*to = append(*to, v)
	}
	return len(b) == 0
}
