package onnxfile

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Node is one operator of the graph (a NodeProto). Change a copy, made with With, rather than a node of a file.
type Node struct {
	Op      string
	Domain  string // empty for ONNX's own operators
	Name    string
	Inputs  []string // empty where an optional one is left out
	Outputs []string
	Attrs   []Attr
	// Subgraph says that an attribute is a graph, as If and Loop have.
	Subgraph bool

	// rest are the node's other fields, as they stand in the file.
	rest []byte
}

// An Attr is an attribute of a node (an AttributeProto).
type Attr struct {
	Name   string
	Float  float32
	Int    int64
	Text   string
	Ints   []int64
	Floats []float32
	Tensor *Tensor // nil for an attribute of another type

	raw []byte // as in the file; nil for one made here
	typ int64
}

// Values of AttributeProto.AttributeType.
const (
	attrFloat  = 1
	attrInt    = 2
	attrString = 3
	attrInts   = 7
)

// IntAttr, FloatAttr, TextAttr and IntsAttr make attributes.
func IntAttr(name string, v int64) Attr     { return Attr{Name: name, Int: v, typ: attrInt} }
func FloatAttr(name string, v float32) Attr { return Attr{Name: name, Float: v, typ: attrFloat} }
func TextAttr(name, v string) Attr          { return Attr{Name: name, Text: v, typ: attrString} }
func IntsAttr(name string, values ...int64) Attr {
	return Attr{Name: name, Ints: values, typ: attrInts}
}

// Attr finds an attribute.
func (n *Node) Attr(name string) (Attr, bool) {
	for _, a := range n.Attrs {
		if a.Name == name {
			return a, true
		}
	}
	return Attr{}, false
}

// Int gives an integer attribute, or what stands for one that is not there.
func (n *Node) Int(name string, absent int64) int64 {
	if a, ok := n.Attr(name); ok {
		return a.Int
	}
	return absent
}

// Text gives a string attribute, or what stands for one that is not there.
func (n *Node) Text(name, absent string) string {
	if a, ok := n.Attr(name); ok {
		return a.Text
	}
	return absent
}

// Ints gives a list attribute, nil for one that is not there.
func (n *Node) Ints(name string) []int64 {
	a, _ := n.Attr(name)
	return a.Ints
}

// Input gives the name of input i, empty for one that is left out.
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
			a, graph, err := parseAttr(f.bytes)
			n.Attrs = append(n.Attrs, a)
			n.Subgraph = n.Subgraph || graph
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

// parseAttr reads an AttributeProto: name 1, f 2, i 3, s 4, t 5, g 6, floats 7, ints 8, graphs 11; graph says that it holds one.
func parseAttr(msg []byte) (a Attr, graph bool, err error) {
	a.raw = msg
	err = fields(msg, func(f field) error {
		var err error
		switch f.num {
		case 1:
			a.Name = string(f.bytes)
		case 2:
			a.Float = math.Float32frombits(uint32(f.varint))
		case 3:
			a.Int = int64(f.varint)
		case 4:
			a.Text = string(f.bytes)
		case 5:
			a.Tensor, err = parseTensor(f.bytes)
		case 6, 11:
			graph = true
		case 7:
			a.Floats = f.floats(a.Floats)
		case 8:
			a.Ints, err = f.varints(a.Ints)
		}
		return err
	})
	return a, graph, err
}

// floats reads a repeated float field, packed or not.
func (f field) floats(to []float32) []float32 {
	if f.typ == protowire.Fixed32Type {
		return append(to, math.Float32frombits(uint32(f.varint)))
	}
	for b := f.bytes; len(b) >= 4; b = b[4:] {
		v, _ := protowire.ConsumeFixed32(b)
		to = append(to, math.Float32frombits(v))
	}
	return to
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
	if n.Domain != "" {
		m = appendText(m, 7, n.Domain)
	}
	return append(m, n.rest...)
}

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
	case attrString:
		m = appendText(m, 4, a.Text)
	case attrInts:
		for _, v := range a.Ints {
			m = appendInt(m, 8, v)
		}
	}
	return m
}
