package pytorch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
)

// An elementType is a type of tensor elements. Only floating-point ones are
// read.
type elementType struct {
	name string
	size int64
	// float turns the first bytes of b, little-endian, into a number; nil for
	// types that aren't floating-point.
	float func(b []byte) float32
}

var (
	float32Type  = elementType{"float32", 4, func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }}
	float64Type  = elementType{"float64", 8, func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }}
	float16Type  = elementType{"float16", 2, func(b []byte) float32 { return halfFloat(binary.LittleEndian.Uint16(b)) }}
	bfloat16Type = elementType{"bfloat16", 2, func(b []byte) float32 { return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16) }}
	int64Type    = elementType{name: "int64", size: 8}
	int32Type    = elementType{name: "int32", size: 4}
	int16Type    = elementType{name: "int16", size: 2}
	int8Type     = elementType{name: "int8", size: 1}
	uint8Type    = elementType{name: "uint8", size: 1}
	boolType     = elementType{name: "bool", size: 1}
)

// elementTypes has the storage classes that a pickle may name.
var elementTypes = map[global]elementType{
	"torch.FloatStorage":    float32Type,
	"torch.DoubleStorage":   float64Type,
	"torch.HalfStorage":     float16Type,
	"torch.BFloat16Storage": bfloat16Type,
	"torch.LongStorage":     int64Type,
	"torch.IntStorage":      int32Type,
	"torch.ShortStorage":    int16Type,
	"torch.CharStorage":     int8Type,
	"torch.ByteStorage":     uint8Type,
	"torch.BoolStorage":     boolType,
}

// halfFloat converts an IEEE 754 half: 1 bit sign, 5 exponent, 10 fraction.
func halfFloat(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&0x3ff
	switch exponent {
	case 0:
		v := float32(fraction) / (1 << 24)
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}

// readValues reads count elements. The caller has made sure that the file is
// long enough to hold them.
func (t elementType) readValues(r io.Reader, count int64) ([]float32, error) {
	if t.float == nil {
		_, err := io.CopyN(io.Discard, r, count*t.size)
		return nil, cutShort(err)
	}
	values := make([]float32, count)
	buffer := make([]byte, min(count*t.size, 1<<16))
	for done := int64(0); done < count; {
		n := min(count-done, int64(len(buffer))/t.size)
		if _, err := io.ReadFull(r, buffer[:n*t.size]); err != nil {
			return nil, cutShort(err)
		}
		for i := range n {
			values[done+i] = t.float(buffer[i*t.size:])
		}
		done += n
	}
	return values, nil
}

// A storage is the memory of one or more tensors.
type storage struct {
	kind  elementType
	count int64
	// values is nil until they are read, and stays so where kind has no float.
	values []float32
}

// A view is a tensor as a pickle describes it: a part of a storage.
type view struct {
	storage       *storage
	offset        int64
	shape, stride []int64
}

// A window is a part of a storage that the legacy format gives a name of its
// own.
type window struct {
	storage       *storage
	offset, count int64
}

// newView checks the arguments of torch._utils._rebuild_tensor: storage,
// offset, shape, strides. What it returns can be read without another check,
// and has no more elements than the storage.
func newView(args tuple) (*view, error) {
	var w window
	switch s := args[0].(type) {
	case *storage:
		w = window{s, 0, s.count}
	case window:
		w = s
	default:
		return nil, fmt.Errorf("the pickle makes a tensor from a %s", kindOf(args[0]))
	}
	offset, ok := args[1].(int64)
	shape, ok2 := integers(args[2])
	stride, ok3 := integers(args[3])
	if !ok || !ok2 || !ok3 || len(shape) != len(stride) {
		return nil, fmt.Errorf("the pickle makes a tensor from a %s, a %s and a %s", kindOf(args[1]), kindOf(args[2]), kindOf(args[3]))
	}
	if _, err := elementsOf(shape, w.count); err != nil {
		return nil, err
	}
	outside := fmt.Errorf("a tensor of shape %v and strides %v at %d lies outside of its storage of %d values", shape, stride, offset, w.count)
	if offset < 0 || offset >= w.count {
		return nil, outside
	}
	last := offset
	for i, d := range shape {
		high, reach := bits.Mul64(uint64(d-1), uint64(stride[i]))
		if stride[i] < 0 || high != 0 || reach >= uint64(w.count-last) {
			return nil, outside
		}
		last += int64(reach)
	}
	return &view{w.storage, w.offset + offset, shape, stride}, nil
}

// elementsOf counts the elements of a shape, which must have some and no more
// than most.
func elementsOf(shape []int64, most int64) (int64, error) {
	if len(shape) > 8 {
		return 0, fmt.Errorf("a tensor has %d dimensions", len(shape))
	}
	elements := int64(1)
	for _, d := range shape {
		if d < 1 || d > most/elements {
			return 0, fmt.Errorf("a tensor of shape %v does not fit in %d stored values", shape, most)
		}
		elements *= d
	}
	return elements, nil
}

func integers(v any) ([]int64, bool) {
	var values []any
	switch v := v.(type) {
	case tuple:
		values = v
	case *list:
		values = v.items
	default:
		return nil, false
	}
	list := make([]int64, len(values))
	for i, v := range values {
		n, ok := v.(int64)
		if !ok {
			return nil, false
		}
		list[i] = n
	}
	return list, true
}

// tensor gives the elements in row-major order. Where the storage has them so
// already, they are not copied.
func (v *view) tensor() (Tensor, error) {
	t := Tensor{Shape: make([]int, len(v.shape)), Type: v.storage.kind.name}
	elements, inOrder := int64(1), true
	for i := len(v.shape) - 1; i >= 0; i-- {
		t.Shape[i] = int(v.shape[i])
		inOrder = inOrder && (v.shape[i] == 1 || v.stride[i] == elements)
		elements *= v.shape[i]
	}
	from := v.storage.values
	switch {
	case v.storage.kind.float == nil:
		return t, nil
	case from == nil:
		return t, errors.New("the file has no values for it")
	case inOrder:
		t.Values = from[v.offset:][:elements:elements]
		return t, nil
	}
	t.Values = make([]float32, 0, elements)
	place := make([]int64, len(v.shape))
	for at := v.offset; ; {
		t.Values = append(t.Values, from[at])
		axis := len(place) - 1
		for ; axis >= 0; axis-- {
			place[axis]++
			at += v.stride[axis]
			if place[axis] < v.shape[axis] {
				break
			}
			at -= v.shape[axis] * v.stride[axis]
			place[axis] = 0
		}
		if axis < 0 {
			return t, nil
		}
	}
}
