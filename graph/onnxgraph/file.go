package onnxgraph

import (
	"bufio"
	"cmp"
	"io"

	"cyclegan/graph"
)

// A file is an ONNX model laid out for writing: a ModelProto as the pieces
// that stand before, between and after the values of the initializers, so
// that its length is known without encoding those.
type file struct {
	pieces []piece
}

// A piece is encoded bytes and the initializer whose values follow them, nil
// for none.
type piece struct {
	bytes  message
	values *tensor
}

func (f *file) size() int64 {
	total := int64(0)
	for _, p := range f.pieces {
		total += int64(len(p.bytes))
		if p.values != nil {
			total += p.values.dataSize()
		}
	}
	return total
}

func (f *file) write(out io.Writer) error {
	buffered := bufio.NewWriter(out)
	for _, p := range f.pieces {
		if _, err := buffered.Write(p.bytes); err != nil {
			return err
		}
		if p.values != nil {
			if err := p.values.writeData(buffered); err != nil {
				return err
			}
		}
	}
	return buffered.Flush()
}

// newLayout lays out the ModelProto: ir_version 1, producer_name 2, graph 7,
// opset_import 8, metadata_props 14.
func newLayout(n *graph.Network, b *builder, properties []property, outputs []message) *file {
	g := graphPieces(n, b, outputs)
	var head message
	head.integer(1, irVersion)
	head.text(2, "cyclegan")
	head.head(7, g.size())

	var opsets message // OperatorSetIdProto: domain 1 (empty), version 2
	opsets.integer(2, opset)
	var tail message
	tail.message(8, opsets)
	for _, p := range properties {
		var entry message // StringStringEntryProto: key 1, value 2
		entry.text(1, p.key)
		entry.text(2, p.value)
		tail.message(14, entry)
	}

	f := &file{pieces: []piece{{bytes: head}}}
	f.pieces = append(f.pieces, g.pieces...)
	f.pieces = append(f.pieces, piece{bytes: tail})
	return f
}

// graphPieces lays out the GraphProto: node 1, name 2, initializer 5, input 11,
// output 12.
func graphPieces(n *graph.Network, b *builder, outputs []message) *file {
	var head message
	for _, node := range b.nodes {
		head.message(1, node.encode())
	}
	name := cmp.Or(n.Name, "network") // a graph without a name is not valid
	head.text(2, validText(name))
	f := &file{pieces: []piece{{bytes: head}}}
	for _, t := range b.tensors {
		var m message
		start := t.head()
		m.head(5, int64(len(start))+t.dataSize())
		f.pieces = append(f.pieces, piece{append(m, start...), t})
	}
	var tail message
	tail.message(11, picture(inputName, n.In, "height", "width"))
	for _, output := range outputs {
		tail.message(12, output)
	}
	f.pieces = append(f.pieces, piece{bytes: tail})
	return f
}

// encode returns the NodeProto: input 1, output 2, name 3, op_type 4,
// attribute 5.
func (n *node) encode() message {
	var m message
	for _, input := range n.inputs {
		m.text(1, input)
	}
	m.text(2, n.output)
	m.text(3, n.name)
	m.text(4, n.op)
	for _, a := range n.attributes {
		m.message(5, a)
	}
	return m
}

// picture is the ValueInfoProto of a float tensor [batch, channels, height,
// width] of which only the channels are fixed.
func picture(name string, channels int, height, width string) message {
	var shape message // TensorShapeProto: dim 1, a Dimension with dim_value 1 or dim_param 2
	free := func(axis string) {
		var dim message
		dim.text(2, axis)
		shape.message(1, dim)
	}
	free("batch")
	var dim message
	dim.integer(1, int64(channels))
	shape.message(1, dim)
	free(height)
	free(width)

	var tensor, kind, info message
	tensor.integer(1, typeFloat) // TypeProto.Tensor: elem_type 1, shape 2
	tensor.message(2, shape)
	kind.message(1, tensor) // TypeProto: tensor_type 1
	info.text(1, name)      // ValueInfoProto: name 1, type 2
	info.message(2, kind)
	return info
}
