package onnxgraph

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// The types below hold a file as the tests read it, without the code that wrote it.
type (
	readModel struct {
		ir, opset       uint64
		producer, graph string
		nodes           []readNode
		tensors         []readTensor
		inputs, outputs []string // "name type [dims]"
		metadata        []property
	}
	readNode struct {
		op, name   string
		in, out    []string
		attributes []string // "name=value"
	}
	readTensor struct {
		name  string
		dims  []int
		kind  uint64
		bytes []byte
	}
	property struct{ key, value string }
)

// field is one field of a message: a number (a varint or the bits of a float) or bytes.
type field struct {
	num   protowire.Number
	value uint64
	bytes []byte
}

func (f field) text() string { return string(f.bytes) }

func fields(t *testing.T, msg []byte) []field {
	t.Helper()
	var list []field
	for len(msg) > 0 {
		num, typ, n := protowire.ConsumeTag(msg)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		msg = msg[n:]
		f := field{num: num}
		switch typ {
		case protowire.VarintType:
			f.value, n = protowire.ConsumeVarint(msg)
		case protowire.Fixed32Type:
			var bits uint32
			bits, n = protowire.ConsumeFixed32(msg)
			f.value = uint64(bits)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(msg)
		default:
			t.Fatalf("field %d has wire type %d, which ONNX does not use here", num, typ)
		}
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		msg = msg[n:]
		list = append(list, f)
	}
	return list
}

func read(t *testing.T, model []byte) *readModel {
	t.Helper()
	m := &readModel{}
	for _, f := range fields(t, model) {
		switch f.num {
		case 1:
			m.ir = f.value
		case 2:
			m.producer = f.text()
		case 7:
			m.readGraph(t, f.bytes)
		case 8:
			for _, f := range fields(t, f.bytes) {
				if f.num == 2 {
					m.opset = f.value
				}
			}
		case 14:
			entry := fields(t, f.bytes)
			m.metadata = append(m.metadata, property{entry[0].text(), entry[1].text()})
		default:
			t.Errorf("ModelProto has field %d", f.num)
		}
	}
	return m
}

func (m *readModel) readGraph(t *testing.T, msg []byte) {
	t.Helper()
	for _, f := range fields(t, msg) {
		switch f.num {
		case 1:
			m.nodes = append(m.nodes, readOneNode(t, f.bytes))
		case 2:
			m.graph = f.text()
		case 5:
			m.tensors = append(m.tensors, readOneTensor(t, f.bytes))
		case 11:
			m.inputs = append(m.inputs, readValueInfo(t, f.bytes))
		case 12:
			m.outputs = append(m.outputs, readValueInfo(t, f.bytes))
		default:
			t.Errorf("GraphProto has field %d", f.num)
		}
	}
}

func readOneNode(t *testing.T, msg []byte) readNode {
	t.Helper()
	var n readNode
	for _, f := range fields(t, msg) {
		switch f.num {
		case 1:
			n.in = append(n.in, f.text())
		case 2:
			n.out = append(n.out, f.text())
		case 3:
			n.name = f.text()
		case 4:
			n.op = f.text()
		case 5:
			n.attributes = append(n.attributes, readAttribute(t, f.bytes))
		default:
			t.Errorf("NodeProto has field %d", f.num)
		}
	}
	return n
}

func readAttribute(t *testing.T, msg []byte) string {
	t.Helper()
	var name string
	var kind uint64
	byKind := map[uint64][]string{}
	for _, f := range fields(t, msg) {
		switch f.num {
		case 1:
			name = f.text()
		case 20:
			kind = f.value
		case 2:
			byKind[1] = append(byKind[1], fmt.Sprintf("%g", math.Float32frombits(uint32(f.value))))
		case 3:
			byKind[2] = append(byKind[2], fmt.Sprint(f.value))
		case 4:
			byKind[3] = append(byKind[3], f.text())
		case 8:
			byKind[7] = append(byKind[7], fmt.Sprint(f.value))
		default:
			t.Errorf("AttributeProto %q has field %d", name, f.num)
		}
	}
	if len(byKind) != 1 || byKind[kind] == nil {
		t.Errorf("attribute %q has type %d and values %v", name, kind, byKind)
	}
	return name + "=" + strings.Join(byKind[kind], ",")
}

func readOneTensor(t *testing.T, msg []byte) readTensor {
	t.Helper()
	var r readTensor
	for _, f := range fields(t, msg) {
		switch f.num {
		case 1:
			r.dims = append(r.dims, int(f.value))
		case 2:
			r.kind = f.value
		case 8:
			r.name = f.text()
		case 9:
			r.bytes = f.bytes
		default:
			t.Errorf("TensorProto has field %d", f.num)
		}
	}
	size := kinds[r.kind].size
	for _, d := range r.dims {
		size *= d
	}
	if size != len(r.bytes) {
		t.Errorf("tensor %q of type %d and shape %v has %d bytes", r.name, r.kind, r.dims, len(r.bytes))
	}
	return r
}

// kinds are the element types that the files use.
var kinds = map[uint64]struct {
	name string
	size int
}{1: {"float32", 4}, 2: {"uint8", 1}, 3: {"int8", 1}, 6: {"int32", 4}, 7: {"int64", 8}, 10: {"float16", 2}}

func (r readTensor) floats() []float32 {
	var values []float32
	for b := r.bytes; len(b) > 0; b = b[4:] {
		values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return values
}

// numbers returns the values of any type, float16 as its bits.
func (r readTensor) numbers() []any {
	var values []any
	for b := r.bytes; len(b) > 0; b = b[kinds[r.kind].size:] {
		switch r.kind {
		case 1:
			values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(b)))
		case 2:
			values = append(values, b[0])
		case 3:
			values = append(values, int8(b[0]))
		case 6:
			values = append(values, int32(binary.LittleEndian.Uint32(b)))
		case 7:
			values = append(values, int64(binary.LittleEndian.Uint64(b)))
		case 10:
			values = append(values, fmt.Sprintf("%04x", binary.LittleEndian.Uint16(b)))
		}
	}
	return values
}

// String includes the values of small tensors and of all int64 tensors, which operators use as
// sizes.
func (r readTensor) String() string {
	s := fmt.Sprintf("%s %s %v", kinds[r.kind].name, r.name, r.dims)
	if values := r.numbers(); r.kind == 7 || len(values) <= 4 {
		s += fmt.Sprintf(" = %v", values)
	}
	return s
}

// readValueInfo returns "name type [dims]" with free dimensions by name.
func readValueInfo(t *testing.T, msg []byte) string {
	t.Helper()
	info := fields(t, msg)
	tensor := fields(t, fields(t, info[1].bytes)[0].bytes)
	var dims []string
	for _, f := range fields(t, tensor[1].bytes) {
		dim := fields(t, f.bytes)[0]
		switch dim.num {
		case 1:
			dims = append(dims, fmt.Sprint(dim.value))
		case 2:
			dims = append(dims, dim.text())
		}
	}
	return fmt.Sprintf("%s %d [%s]", info[0].text(), tensor[0].value, strings.Join(dims, " "))
}

// listing is the model as text, for the golden files.
func (m *readModel) listing() string {
	var b strings.Builder
	fmt.Fprintf(&b, "ir %d, opset %d, producer %s, graph %s\n", m.ir, m.opset, m.producer, m.graph)
	fmt.Fprintf(&b, "inputs %v, outputs %v\n", m.inputs, m.outputs)
	for _, n := range m.nodes {
		fmt.Fprintf(&b, "%-21s %-22s (%s) -> %s", n.op, n.name, strings.Join(n.in, ", "), strings.Join(n.out, ", "))
		if len(n.attributes) > 0 {
			fmt.Fprintf(&b, "  %s", strings.Join(n.attributes, " "))
		}
		b.WriteByte('\n')
	}
	for _, r := range m.tensors {
		fmt.Fprintf(&b, "%v\n", r)
	}
	for _, p := range m.metadata {
		fmt.Fprintf(&b, "%s = %q\n", p.key, p.value)
	}
	return b.String()
}
