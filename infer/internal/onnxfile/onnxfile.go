// Package onnxfile takes an ONNX file apart so far that nodes can be looked at, replaced and added: a [Model] is the file, and Encode puts it together again.
//
// Weights are not decoded: they are slices of the file's own bytes, which must not change while the Model is in use.
// Field numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
package onnxfile

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Model is an ONNX file (a ModelProto) with one graph.
type Model struct {
	// Opset is the version of ONNX's own operators.
	Opset   int64
	Nodes   []*Node
	Tensors []*Tensor // the initializers
	Inputs  []*Port
	Outputs []*Port

	// rest are the file's other fields, graphRest the graph's, as they stand in the file.
	// The shapes that a file may note for the values in between (value_info) are dropped: they need not hold after a change.
	rest, graphRest []byte
}

// Element types (TensorProto.DataType) that occur in pictures' networks.
const (
	Float32 = 1
	Int32   = 6
	Int64   = 7
	Float16 = 10
	Float64 = 11
)

// A Port is an input or output of the graph (a ValueInfoProto of tensor type).
type Port struct {
	Name string
	Type int64
	// Dims has -1 for a dimension that may change; nil where the rank is not said.
	Dims []int64
}

// New gives a model without nodes, of IR version 8 (ONNX 1.10), for operators of an opset.
func New(opset int64) *Model {
	return &Model{Opset: opset, rest: appendMessage(appendInt(nil, 1, 8), 8, appendInt(nil, 2, opset)), graphRest: appendText(nil, 2, "graph")}
}

// Parse takes a file apart.
func Parse(data []byte) (*Model, error) {
	m := &Model{}
	graphs := 0
	err := fields(data, func(f field) error {
		switch f.num {
		case 7:
			graphs++
			return m.graph(f.bytes)
		case 8:
			if err := m.opset(f.bytes); err != nil {
				return err
			}
		}
		m.rest = append(m.rest, f.raw...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("this is not an ONNX model: %w", err)
	}
	if graphs != 1 {
		return nil, errors.New("this is not an ONNX model: it holds no network")
	}
	return m, nil
}

// graph reads a GraphProto: node 1, initializer 5, input 11, output 12, value_info 13.
func (m *Model) graph(msg []byte) error {
	return fields(msg, func(f field) error {
		switch f.num {
		case 1:
			n, err := parseNode(f.bytes)
			m.Nodes = append(m.Nodes, n)
			return err
		case 5:
			t, err := parseTensor(f.bytes)
			m.Tensors = append(m.Tensors, t)
			return err
		case 11, 12:
			p, err := parsePort(f.bytes)
			if f.num == 11 {
				m.Inputs = append(m.Inputs, p)
			} else {
				m.Outputs = append(m.Outputs, p)
			}
			return err
		case 13:
		default:
			m.graphRest = append(m.graphRest, f.raw...)
		}
		return nil
	})
}

// opset reads an OperatorSetIdProto: domain 1 (empty for ONNX's own), version 2.
func (m *Model) opset(msg []byte) error {
	var domain string
	var version int64
	err := fields(msg, func(f field) error {
		switch f.num {
		case 1:
			domain = string(f.bytes)
		case 2:
			version = int64(f.varint)
		}
		return nil
	})
	if domain == "" || domain == "ai.onnx" {
		m.Opset = version
	}
	return err
}

// Clone gives a model with lists of its own, so that nodes can be put in and taken out. The nodes and tensors themselves are shared.
func (m *Model) Clone() *Model {
	c := *m
	c.Nodes = append([]*Node(nil), m.Nodes...)
	c.Tensors = append([]*Tensor(nil), m.Tensors...)
	c.Inputs = append([]*Port(nil), m.Inputs...)
	c.Outputs = append([]*Port(nil), m.Outputs...)
	return &c
}

// Names gives every name of a value or node, which a new one must differ from.
func (m *Model) Names() map[string]bool {
	names := map[string]bool{}
	for _, n := range m.Nodes {
		names[n.Name] = true
		for _, s := range n.Inputs {
			names[s] = true
		}
		for _, s := range n.Outputs {
			names[s] = true
		}
	}
	for _, t := range m.Tensors {
		names[t.Name] = true
	}
	for _, p := range m.Inputs {
		names[p.Name] = true
	}
	return names
}

// Prune drops the nodes and tensors that no output needs.
// Nodes that hold graphs of their own keep everything, since those see the values around them.
func (m *Model) Prune() {
	producer := map[string]*Node{}
	for _, n := range m.Nodes {
		for _, s := range n.Outputs {
			producer[s] = n
		}
	}
	wanted, kept := map[string]bool{}, map[*Node]bool{}
	var want func(string) bool
	want = func(name string) bool {
		if name == "" || wanted[name] {
			return true
		}
		wanted[name] = true
		n := producer[name]
		if n == nil || kept[n] {
			return true
		}
		kept[n] = true
		if n.Subgraph {
			return false
		}
		for _, in := range n.Inputs {
			if !want(in) {
				return false
			}
		}
		return true
	}
	for _, p := range m.Outputs {
		if !want(p.Name) {
			return
		}
	}
	var nodes []*Node
	for _, n := range m.Nodes {
		if kept[n] {
			nodes = append(nodes, n)
		}
	}
	var tensors []*Tensor
	for _, t := range m.Tensors {
		if wanted[t.Name] {
			tensors = append(tensors, t)
		}
	}
	m.Nodes, m.Tensors = nodes, tensors
}

// Only gives a model with one of the outputs, and with the nodes, tensors and inputs that this needs.
// Where graphs in nodes may need more than can be seen, the inputs stay.
func (m *Model) Only(output string) *Model {
	c := m.Clone()
	c.Outputs = slices.DeleteFunc(c.Outputs, func(p *Port) bool { return p.Name != output })
	c.Prune()
	needed := map[string]bool{output: true}
	for _, n := range c.Nodes {
		if n.Subgraph {
			return c
		}
		for _, in := range n.Inputs {
			needed[in] = true
		}
	}
	c.Inputs = slices.DeleteFunc(c.Inputs, func(p *Port) bool { return !needed[p.Name] })
	return c
}

// Encode gives the bytes of the file.
func (m *Model) Encode() []byte {
	type message struct {
		num   protowire.Number
		bytes []byte
	}
	var parts []message
	for _, n := range m.Nodes {
		parts = append(parts, message{1, n.encode()})
	}
	for _, t := range m.Tensors {
		parts = append(parts, message{5, t.raw})
	}
	for _, p := range m.Inputs {
		parts = append(parts, message{11, p.encode()})
	}
	for _, p := range m.Outputs {
		parts = append(parts, message{12, p.encode()})
	}
	graph := len(m.graphRest)
	for _, p := range parts {
		graph += protowire.SizeTag(p.num) + protowire.SizeBytes(len(p.bytes))
	}
	// The weights are copied once, to where they stay.
	out := make([]byte, 0, len(m.rest)+protowire.SizeTag(7)+protowire.SizeBytes(graph))
	out = append(out, m.rest...)
	out = protowire.AppendVarint(protowire.AppendTag(out, 7, protowire.BytesType), uint64(graph))
	out = append(out, m.graphRest...)
	for _, p := range parts {
		out = appendMessage(out, p.num, p.bytes)
	}
	return out
}

// A field is one of a protobuf message.
type field struct {
	num    protowire.Number
	typ    protowire.Type
	varint uint64 // of a varint, or the bits of a fixed-size number
	bytes  []byte
	raw    []byte // the whole field, with its tag
}

// fields calls do for every field of a message.
func fields(msg []byte, do func(field) error) error {
	for len(msg) > 0 {
		num, typ, tag := protowire.ConsumeTag(msg)
		if tag < 0 {
			return protowire.ParseError(tag)
		}
		f := field{num: num, typ: typ}
		var n int
		switch typ {
		case protowire.VarintType:
			f.varint, n = protowire.ConsumeVarint(msg[tag:])
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(msg[tag:])
			f.varint = uint64(v)
		case protowire.Fixed64Type:
			f.varint, n = protowire.ConsumeFixed64(msg[tag:])
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(msg[tag:])
		default:
			n = protowire.ConsumeFieldValue(num, typ, msg[tag:])
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		f.raw = msg[:tag+n]
		msg = msg[tag+n:]
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}

// varints reads a repeated integer field, packed or not.
func (f field) varints(to []int64) ([]int64, error) {
	if f.typ == protowire.VarintType {
		return append(to, int64(f.varint)), nil
	}
	for b := f.bytes; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		to, b = append(to, int64(v)), b[n:]
	}
	return to, nil
}

func appendMessage(to []byte, num protowire.Number, msg []byte) []byte {
	to = protowire.AppendTag(to, num, protowire.BytesType)
	return protowire.AppendBytes(to, msg)
}

func appendText(to []byte, num protowire.Number, s string) []byte {
	to = protowire.AppendTag(to, num, protowire.BytesType)
	return protowire.AppendString(to, s)
}

func appendInt(to []byte, num protowire.Number, v int64) []byte {
	to = protowire.AppendTag(to, num, protowire.VarintType)
	return protowire.AppendVarint(to, uint64(v))
}
