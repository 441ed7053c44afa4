package onnxgraph

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// A message is a protobuf message in its encoded form, to which its fields are
// appended one after the other. Field numbers are those of onnx.proto
// (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto); each function that
// fills a message names the fields in a comment.
type message []byte

// integer appends an int32, int64 or enum field.
func (m *message) integer(field protowire.Number, v int64) {
	*m = protowire.AppendTag(*m, field, protowire.VarintType)
	*m = protowire.AppendVarint(*m, uint64(v))
}

// float appends a float field.
func (m *message) float(field protowire.Number, v float32) {
	*m = protowire.AppendTag(*m, field, protowire.Fixed32Type)
	*m = protowire.AppendFixed32(*m, math.Float32bits(v))
}

// text appends a string field.
func (m *message) text(field protowire.Number, s string) {
	*m = protowire.AppendTag(*m, field, protowire.BytesType)
	*m = protowire.AppendString(*m, s)
}

// message appends a field that is itself a message.
func (m *message) message(field protowire.Number, sub message) {
	m.head(field, int64(len(sub)))
	*m = append(*m, sub...)
}

// head appends what stands before a field of size bytes which are written
// elsewhere.
func (m *message) head(field protowire.Number, size int64) {
	*m = protowire.AppendTag(*m, field, protowire.BytesType)
	*m = protowire.AppendVarint(*m, uint64(size))
}

// Values of AttributeProto.AttributeType.
const (
	attributeFloat  = 1
	attributeInt    = 2
	attributeString = 3
	attributeInts   = 7
)

// attribute starts an AttributeProto: name 1, type 20.
func attribute(name string, kind int64) message {
	var m message
	m.text(1, name)
	m.integer(20, kind)
	return m
}

// floatAttribute is an AttributeProto with f 2.
func floatAttribute(name string, v float32) message {
	m := attribute(name, attributeFloat)
	m.float(2, v)
	return m
}

// intAttribute is an AttributeProto with i 3.
func intAttribute(name string, v int) message {
	m := attribute(name, attributeInt)
	m.integer(3, int64(v))
	return m
}

// stringAttribute is an AttributeProto with s 4.
func stringAttribute(name, s string) message {
	m := attribute(name, attributeString)
	m.text(4, s)
	return m
}

// intsAttribute is an AttributeProto with ints 8, which is not packed.
func intsAttribute(name string, values ...int) message {
	m := attribute(name, attributeInts)
	for _, v := range values {
		m.integer(8, int64(v))
	}
	return m
}
