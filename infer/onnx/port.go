package onnx

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A DataType is the element type of a tensor (TensorProto.DataType), or what an input or output
// holds instead of a tensor.
type DataType int32

// The element types of tensors.
const (
	Unknown DataType = iota
	Float32
	Uint8
	Int8
	Uint16
	Int16
	Int32
	Int64
	String
	Bool
	Float16
	Float64
	Uint32
	Uint64
	Complex64
	Complex128
	BFloat16
)

// What inputs and outputs hold that is not a tensor.
const (
	Sequence DataType = -1 - iota
	Map
	SparseTensor
	Optional
)

var dataTypes = []string{
	"unknown", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool",
	"float16", "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16",
}

func (t DataType) String() string {
	switch {
	case t >= 0 && int(t) < len(dataTypes):
		return dataTypes[t]
	case t < 0 && t >= Optional:
		return []string{"sequence", "map", "sparse tensor", "optional"}[-1-t]
	}
	return fmt.Sprintf("element type %d", int(t))
}

// size is the number of bytes of an element of the types that this package encodes or decodes.
func (t DataType) size() int64 {
	return map[DataType]int64{Float16: 2, Float32: 4, Int32: 4, Float64: 8, Int64: 8}[t]
}

// A Port is an input or output of a model, a ValueInfoProto.
type Port struct {
	Name string
	Type DataType
	// Shape has -1 for a dimension that may change from run to run. Nil: the file gives no shape;
	// empty: a scalar.
	Shape []int64
	// Axes are the names of the changing dimensions ("N", "height"), "" for the others. It may be
	// nil.
	Axes []string

	raw []byte // as encoded in the file, for what is no tensor
}

// String describes the port: "input" float32 [N,3,height,width].
func (p Port) String() string { return fmt.Sprintf("%q %v %s", p.Name, p.Type, p.ShapeString()) }

// ShapeString returns the shape with the names of its changing dimensions: [N,3,height,width].
func (p Port) ShapeString() string {
	if p.Shape == nil {
		return "any shape"
	}
	parts := make([]string, len(p.Shape))
	for i, d := range p.Shape {
		switch {
		case d >= 0:
			parts[i] = strconv.FormatInt(d, 10)
		case i < len(p.Axes) && p.Axes[i] != "":
			parts[i] = p.Axes[i]
		default:
			parts[i] = "?"
		}
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// Accepts reports whether a tensor of that shape fits the port.
func (p Port) Accepts(shape []int64) bool {
	return p.Shape == nil ||
		slices.EqualFunc(p.Shape, shape, func(want, have int64) bool { return want < 0 || want == have })
}

// parsePort reads a ValueInfoProto: name 1, type 2, a TypeProto with tensor_type 1, sequence_type
// 4, map_type 5, sparse_tensor_type 8 or optional_type 9.
func parsePort(msg []byte) (Port, error) {
	p := Port{}
	err := fields(msg, func(f field) error {
		switch f.num {
		case 1:
			p.Name = string(f.bytes)
		case 2:
			return fields(f.bytes, func(f field) error {
				switch f.num {
				case 1:
					return fields(f.bytes, p.parseTensorType)
				case 4:
					p.Type = Sequence
				case 5:
					p.Type = Map
				case 8:
					p.Type = SparseTensor
				case 9:
					p.Type = Optional
				}
				return nil
			})
		}
		return nil
	})
	if p.Type <= Unknown {
		p.raw = msg
	}
	return p, err
}

// parseTensorType reads a field of a TypeProto.Tensor: elem_type 1, shape 2, whose dim 1 has
// dim_value 1 or dim_param 2.
func (p *Port) parseTensorType(f field) error {
	switch f.num {
	case 1:
		p.Type = DataType(max(0, int32(f.varint)))
	case 2:
		p.Shape, p.Axes = []int64{}, []string{}
		return fields(f.bytes, func(f field) error {
			if f.num != 1 {
				return nil
			}
			dim, err := record(f.bytes)
			size := int64(-1)
			if v, ok := dim[1]; ok {
				size = max(int64(v.varint), -1)
			}
			p.Shape, p.Axes = append(p.Shape, size), append(p.Axes, string(dim[2].bytes))
			return err
		})
	}
	return nil
}

func (p *Port) encode() []byte {
	if p.raw != nil {
		return p.raw
	}
	tensor := appendInt(nil, 1, int64(p.Type))
	if p.Shape != nil {
		var shape []byte
		for i, d := range p.Shape {
			var dim []byte // empty if nothing is known
			if d >= 0 {
				dim = appendInt(dim, 1, d)
			} else if i < len(p.Axes) {
				dim = appendOptional(dim, 2, p.Axes[i])
			}
			shape = appendMessage(shape, 1, dim)
		}
		tensor = appendMessage(tensor, 2, shape)
	}
	return appendMessage(appendText(nil, 1, p.Name), 2, appendMessage(nil, 1, tensor))
}
