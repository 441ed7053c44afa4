package onnx

import (
	"errors"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Node is one operator of the graph, a NodeProto.
type Node struct {
	Op      string
	Domain  string // "" for ONNX's own operators
	Name    string
	Inputs  []string // "" for an optional input that is left out
	Outputs []string
	Attrs   []Attr
	// Subgraph reports whether an attribute is a graph, as those of If and Loop are.
	Subgraph bool
	// External reports whether such a graph keeps tensors in other files.
	External bool

	rest []byte // the other fields, as encoded in the file
}

// An Attr is an attribute of a node, an AttributeProto.
type Attr struct {
	Name   string
	Float  float32
	Int    int64
	Text   string
	Ints   []int64
	Floats []float32
	Tensor *Tensor // nil for an attribute of another type

	raw []byte // as encoded in the file; nil for an attribute made here
	typ int64
}

// Values of AttributeProto.AttributeType.
const (
	attrFloat  = 1
	attrInt    = 2
	attrText   = 3
	attrTensor = 4
	attrFloats = 6
	attrInts   = 7
)

// IntAttr returns an integer attribute.
func IntAttr(name string, v int64) Attr { return Attr{Name: name, Int: v, typ: attrInt} }

// FloatAttr returns a float attribute.
func FloatAttr(name string, v float32) Attr { return Attr{Name: name, Float: v, typ: attrFloat} }

// TextAttr returns a string attribute.
func TextAttr(name, v string) Attr { return Attr{Name: name, Text: v, typ: attrText} }

// IntsAttr returns an attribute that lists integers.
func IntsAttr(name string, v ...int64) Attr { return Attr{Name: name, Ints: v, typ: attrInts} }

// Attr finds an attribute.
func (n *Node) Attr(name string) (Attr, bool) {
	for _, a := range n.Attrs {
		if a.Name == name {
			return a, true
		}
	}
	return Attr{}, false
}

// Int returns an integer attribute, or absent if the node does not have it.
func (n *Node) Int(name string, absent int64) int64 {
	if a, ok := n.Attr(name); ok {
		return a.Int
	}
	return absent
}

// Text returns a string attribute, or absent if the node does not have it.
func (n *Node) Text(name, absent string) string {
	if a, ok := n.Attr(name); ok {
		return a.Text
	}
	return absent
}

// Ints returns an attribute that lists integers, nil if the node does not have it.
func (n *Node) Ints(name string) []int64 {
	a, _ := n.Attr(name)
	return a.Ints
}

// Input returns the name of input i, "" if it is left out.
func (n *Node) Input(i int) string {
	if i < len(n.Inputs) {
		return n.Inputs[i]
	}
	return ""
}

// parseNode reads a NodeProto: input 1, output 2, name 3, op_type 4, attribute 5, domain 7.
func parseNode(msg []byte) (*Node, error) {
	n := &Node{}
	err := fields(msg, func(f field) error {
		switch f.num {
		case 1:
			n.Inputs = append(n.Inputs, string(f.bytes))
		case 2:
			n.Outputs = append(n.Outputs, string(f.bytes))
		case 3:
			n.Name = string(f.bytes)
		case 4:
			n.Op = string(f.bytes)
		case 5:
			a, graphs, err := parseAttr(f.bytes)
			n.Attrs = append(n.Attrs, a)
			n.Subgraph = n.Subgraph || len(graphs) > 0
			for _, g := range graphs {
				external, bad := externalGraph(g, 1)
				n.External, err = n.External || external, errors.Join(err, bad)
			}
			return err
		case 7:
			if n.Domain = string(f.bytes); n.Domain == "ai.onnx" {
				n.Domain = ""
			}
		default:
			n.rest = append(n.rest, f.raw...)
		}
		return nil
	})
	return n, err
}

func (n *Node) encode() []byte {
	var m []byte
	for _, s := range n.Inputs {
		m = appendText(m, 1, s)
	}
	for _, s := range n.Outputs {
		m = appendText(m, 2, s)
	}
	m = appendText(m, 3, n.Name)
	m = appendText(m, 4, n.Op)
	for _, a := range n.Attrs {
		m = appendMessage(m, 5, a.encode())
	}
	m = appendOptional(m, 7, n.Domain)
	return append(m, n.rest...)
}

// parseAttr reads an AttributeProto: name 1, f 2, i 3, s 4, t 5, g 6, floats 7, ints 8, graphs 11.
// graphs are the graphs that it holds, as encoded in the file.
func parseAttr(msg []byte) (a Attr, graphs [][]byte, err error) {
	a.raw = msg
	err = fields(msg, func(f field) error {
		var err error
		switch f.num {
		case 1:
			a.Name = string(f.bytes)
		case 2:
			a.Float, a.typ = math.Float32frombits(uint32(f.varint)), attrFloat
		case 3:
			a.Int, a.typ = int64(f.varint), attrInt
		case 4:
			a.Text, a.typ = string(f.bytes), attrText
		case 5:
			a.typ = attrTensor
			a.Tensor, err = parseTensor(f.bytes)
		case 6, 11:
			graphs = append(graphs, f.bytes)
		case 7:
			a.Floats, a.typ = f.floats(a.Floats), attrFloats
		case 8:
			a.typ = attrInts
			a.Ints, err = f.varints(a.Ints)
		}
		return err
	})
	return a, graphs, err
}

// Values returns the numbers of an attribute of any numeric type, or false for an attribute of
// another type.
func (a Attr) Values() ([]float64, bool) {
	switch a.typ {
	case attrFloat:
		return []float64{float64(a.Float)}, true
	case attrInt:
		return []float64{float64(a.Int)}, true
	case attrFloats:
		return float64s(a.Floats), true
	case attrInts:
		return float64s(a.Ints), true
	case attrTensor:
		return a.Tensor.Values()
	}
	return nil, false
}

func float64s[T float32 | int32 | int64](values []T) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}

// encode writes name 1, the value and type 20. Lists are not packed.
func (a Attr) encode() []byte {
	if a.raw != nil {
		return a.raw
	}
	m := appendInt(appendText(nil, 1, a.Name), 20, a.typ)
	switch a.typ {
	case attrFloat:
		m = protowire.AppendTag(m, 2, protowire.Fixed32Type)
		m = protowire.AppendFixed32(m, math.Float32bits(a.Float))
	case attrInt:
		m = appendInt(m, 3, a.Int)
	case attrText:
		m = appendText(m, 4, a.Text)
	case attrInts:
		for _, v := range a.Ints {
			m = appendInt(m, 8, v)
		}
	}
	return m
}
