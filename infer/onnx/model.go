// Package onnx reads, edits and writes ONNX models; its central type is [Model].
//
//	m, err := onnx.Parse(data)
//	if err != nil {
//		return err
//	}
//	fmt.Println(m.Producer, m.Inputs, m.Outputs)
//	m = m.Only("logits") // drop what only the other outputs need
//	data = m.Encode()
//
// The package covers what programs ask of a model without running it: operators, attributes,
// weights, inputs, outputs and metadata. Of the graphs that control-flow operators hold, it reports
// only whether they keep weights in other files; these and all other fields keep their bytes.
// Weights are not decoded until they are needed: those of a parsed model are slices of the file's
// own bytes, and [Stream] makes weights that are converted while they are written.
//
// Field numbers are those of [onnx.proto].
//
// [onnx.proto]: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Model is an ONNX file: a ModelProto with its graph.
type Model struct {
	// IRVersion is the version of the file format, Opset the version of ONNX's own operators. 0 if
	// the file has none.
	IRVersion, Opset int64
	// Producer and ProducerVersion name the program that wrote the file.
	Producer, ProducerVersion string
	// Metadata holds the metadata_props in the order of the file; see [Model.Property].
	Metadata []Property

	Graph           string // the graph's name
	Nodes           []*Node
	Tensors         []*Tensor // the initializers: weights and other constants
	Inputs, Outputs []Port

	// Dir is the folder of the files that hold external tensors. Parse leaves it empty.
	Dir string

	// rest and graphRest are the other fields of the model and the graph, as encoded in the file.
	// valueInfo are the noted shapes of the values in between, which need not hold after an edit.
	rest, graphRest, valueInfo []byte
}

// A Property is one entry of a model's metadata.
type Property struct{ Key, Value string }

// Property returns the value of a metadata key, "" if the model does not have it.
func (m *Model) Property(key string) string {
	for _, p := range slices.Backward(m.Metadata) {
		if p.Key == key {
			return p.Value
		}
	}
	return ""
}

// Parse reads an ONNX file. The model keeps data, which must not change while the model is in use.
func Parse(data []byte) (*Model, error) {
	m := &Model{}
	graphs := 0
	err := fields(data, func(f field) (err error) {
		switch f.num {
		case 1:
			m.IRVersion = int64(f.varint)
		case 2:
			m.Producer = string(f.bytes)
		case 3:
			m.ProducerVersion = string(f.bytes)
		case 7:
			graphs++
			err = m.parseGraph(f.bytes)
		case 8:
			err = m.parseOpset(f)
		case 14:
			var key, value string
			key, value, err = parsePair(f.bytes)
			m.Metadata = append(m.Metadata, Property{key, value})
		default:
			m.rest = append(m.rest, f.raw...)
		}
		return err
	})
	if err == nil && (graphs != 1 || len(m.Outputs) == 0) {
		err = errors.New("it holds no network")
	}
	if err != nil {
		return nil, notModel(data, err)
	}
	return m, nil
}

// parseGraph reads a GraphProto: node 1, name 2, initializer 5, input 11, output 12, value_info 13.
func (m *Model) parseGraph(msg []byte) error {
	return fields(msg, func(f field) error {
		switch f.num {
		case 1:
			return appendParsed(&m.Nodes, parseNode, f)
		case 2:
			m.Graph = string(f.bytes)
		case 5:
			return appendParsed(&m.Tensors, parseTensor, f)
		case 11:
			return appendParsed(&m.Inputs, parsePort, f)
		case 12:
			return appendParsed(&m.Outputs, parsePort, f)
		case 13:
			m.valueInfo = append(m.valueInfo, f.raw...)
		default:
			m.graphRest = append(m.graphRest, f.raw...)
		}
		return nil
	})
}

func appendParsed[T any](list *[]T, parse func([]byte) (T, error), f field) error {
	v, err := parse(f.bytes)
	*list = append(*list, v)
	return err
}

// parseOpset reads an OperatorSetIdProto: domain 1, version 2. The empty domain is ONNX's own.
func (m *Model) parseOpset(f field) error {
	r, err := record(f.bytes)
	if domain := string(r[1].bytes); domain == "" || domain == "ai.onnx" {
		m.Opset = int64(r[2].varint)
	} else {
		m.rest = append(m.rest, f.raw...)
	}
	return err
}

// External reports whether the model, or a graph that one of its nodes holds, keeps tensors in
// files of their own.
func (m *Model) External() bool {
	return slices.ContainsFunc(m.Tensors, func(t *Tensor) bool { return t.External }) ||
		slices.ContainsFunc(m.Nodes, func(n *Node) bool { return n.External })
}

// Subgraphs reports whether a node holds a graph of its own, as If, Loop and Scan do.
func (m *Model) Subgraphs() bool {
	return slices.ContainsFunc(m.Nodes, func(n *Node) bool { return n.Subgraph })
}

// Weights returns the number of weights, and the type that most of them have: "" if there are none.
// It counts the constants whose values are real numbers or have 8 bits, without those in other
// graphs.
func (m *Model) Weights() (kind string, count int64) {
	counts := map[DataType]int64{}
	add := func(t *Tensor) {
		switch t.Type {
		case Float16, BFloat16, Float32, Float64, Int8, Uint8:
			n, _ := t.count(math.MaxInt32)
			counts[t.Type] += n
		}
	}
	for _, t := range m.Tensors {
		add(t)
	}
	for _, n := range m.Nodes {
		if a, ok := n.Attr("value"); ok && n.Op == "Constant" && a.Tensor != nil {
			add(a.Tensor)
		}
	}
	most := Unknown
	for t, n := range counts {
		if count += n; n > counts[most] || n == counts[most] && t > most {
			most = t
		}
	}
	if count > 0 {
		kind = most.String()
	}
	return kind, count
}

// weighted are the operators whose inputs after the first one are weights.
var weighted = []string{"Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "InstanceNormalization"}

// CheckFinite reports a weight of a convolution, matrix product, or norm that holds NaN or infinite
// values. Other constants may be infinite, such as the bounds of a Clip.
func (m *Model) CheckFinite() error {
	tensors := map[string]*Tensor{}
	for _, t := range m.Tensors {
		tensors[t.Name] = t
	}
	for _, n := range m.Nodes {
		if n.Domain != "" || !slices.Contains(weighted, n.Op) {
			continue
		}
		for _, name := range n.Inputs[min(1, len(n.Inputs)):] {
			if t := tensors[name]; t != nil && !t.finite() {
				return fmt.Errorf("weight %q holds NaN or infinite values", name)
			}
		}
	}
	return nil
}

// Clone returns a model with lists of its own. The nodes and tensors themselves are shared.
func (m *Model) Clone() *Model {
	c := *m
	c.Metadata = slices.Clone(m.Metadata)
	c.Nodes = slices.Clone(m.Nodes)
	c.Tensors = slices.Clone(m.Tensors)
	c.Inputs = slices.Clone(m.Inputs)
	c.Outputs = slices.Clone(m.Outputs)
	return &c
}

// Prune drops the nodes and tensors that no output needs. A node that holds a graph of its own may
// read any value around it, so a model in which an output needs such a node stays as it is.
func (m *Model) Prune() { m.prune() }

// prune is Prune. It returns the values that the outputs need, nil if these are unknown.
func (m *Model) prune() map[string]bool {
	producer := map[string]*Node{}
	for _, n := range m.Nodes {
		for _, s := range n.Outputs {
			producer[s] = n
		}
	}
	needed, kept := map[string]bool{}, map[*Node]bool{}
	var pending []string
	for _, p := range m.Outputs {
		pending = append(pending, p.Name)
	}
	for len(pending) > 0 {
		name := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if name == "" || needed[name] {
			continue
		}
		needed[name] = true
		if n := producer[name]; n != nil && !kept[n] {
			if n.Subgraph {
				return nil
			}
			kept[n] = true
			pending = append(pending, n.Inputs...)
		}
	}
	m.Nodes = slices.DeleteFunc(slices.Clone(m.Nodes), func(n *Node) bool { return !kept[n] })
	m.Tensors = slices.DeleteFunc(slices.Clone(m.Tensors), func(t *Tensor) bool { return !needed[t.Name] })
	return needed
}

// Only returns a model with one of the outputs and with the nodes, tensors and inputs that it
// needs. All inputs stay if nodes that hold graphs of their own make these unknown.
func (m *Model) Only(output string) *Model {
	c := m.Clone()
	c.valueInfo = nil
	c.Outputs = slices.DeleteFunc(c.Outputs, func(p Port) bool { return p.Name != output })
	needed := c.prune()
	c.Inputs = slices.DeleteFunc(c.Inputs, func(p Port) bool { return needed != nil && !needed[p.Name] })
	return c
}

// Encode returns the bytes of the file.
func (m *Model) Encode() []byte {
	head, tail, size := m.layOut()
	out := append(make([]byte, 0, size), head...)
	for _, t := range m.Tensors {
		out = t.encode(out)
	}
	return append(out, tail...)
}

// Size is the length of the file in bytes.
func (m *Model) Size() int {
	_, _, size := m.layOut()
	return size
}

// layOut returns what precedes and what follows the tensors, and the size of the file.
func (m *Model) layOut() (head, tail []byte, size int) {
	var nodes []byte
	for _, n := range m.Nodes {
		nodes = appendMessage(nodes, 1, n.encode())
	}
	nodes = appendOptional(nodes, 2, m.Graph)
	for _, p := range m.Inputs {
		tail = appendMessage(tail, 11, p.encode())
	}
	for _, p := range m.Outputs {
		tail = appendMessage(tail, 12, p.encode())
	}
	tail = append(append(tail, m.valueInfo...), m.graphRest...)
	graph := len(nodes) + len(tail)
	for _, t := range m.Tensors {
		start, values := t.head()
		graph += protowire.SizeTag(5) + protowire.SizeBytes(len(start)+values)
	}

	if m.IRVersion != 0 {
		head = appendInt(head, 1, m.IRVersion)
	}
	head = appendOptional(appendOptional(head, 2, m.Producer), 3, m.ProducerVersion)
	head = append(appendHead(append(head, m.rest...), 7, graph), nodes...)
	size = len(head) - len(nodes) + graph
	rest := len(tail)
	if m.Opset != 0 {
		tail = appendMessage(tail, 8, appendInt(nil, 2, m.Opset))
	}
	for _, p := range m.Metadata {
		tail = appendMessage(tail, 14, appendText(appendText(nil, 1, p.Key), 2, p.Value))
	}
	return head, tail, size + len(tail) - rest
}
