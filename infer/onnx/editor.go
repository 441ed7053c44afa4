package onnx

import (
	"fmt"
	"slices"
)

// An Editor makes a new model out of another one: the caller keeps, omits and adds nodes, in the
// order of the new model. The original does not change.
type Editor struct {
	// Model is the new model: inputs, outputs and tensors of the original, and the nodes kept and
	// added so far.
	Model *Model

	prefix string
	taken  map[string]bool
	lists  map[string]string // the names of the initializers that Ints made, by their content
}

// NewEditor starts with the inputs, outputs and tensors of m and none of its nodes. New names begin
// with prefix.
func NewEditor(m *Model, prefix string) *Editor {
	e := &Editor{Model: m.Clone(), prefix: prefix, taken: map[string]bool{}, lists: map[string]string{}}
	e.Model.Nodes, e.Model.valueInfo = nil, nil
	for _, n := range m.Nodes {
		for _, name := range slices.Concat([]string{n.Name}, n.Inputs, n.Outputs) {
			e.taken[name] = true
		}
	}
	for _, t := range m.Tensors {
		e.taken[t.Name] = true
	}
	for _, p := range m.Inputs {
		e.taken[p.Name] = true
	}
	return e
}

// Name returns a name that the model does not have yet.
func (e *Editor) Name(kind string) string {
	name := e.prefix + "." + kind
	for i := 2; e.taken[name]; i++ {
		name = fmt.Sprintf("%s.%s.%d", e.prefix, kind, i)
	}
	e.taken[name] = true
	return name
}

// Keep adds a node as it is.
func (e *Editor) Keep(n *Node) { e.Model.Nodes = append(e.Model.Nodes, n) }

// Add adds one of ONNX's own operators and returns the name of its result.
func (e *Editor) Add(op string, inputs []string, attrs ...Attr) string {
	name := e.Name(op)
	e.Keep(&Node{Op: op, Name: name, Inputs: inputs, Outputs: []string{name}, Attrs: attrs})
	return name
}

// Ints returns the name of an initializer that lists integers. Equal lists of one kind share it.
func (e *Editor) Ints(kind string, values ...int64) string {
	key := fmt.Sprint(kind, values)
	if name, ok := e.lists[key]; ok {
		return name
	}
	name := e.Name(kind)
	e.lists[key] = name
	e.Model.Tensors = append(e.Model.Tensors, NewTensor(name, []int64{int64(len(values))}, values))
	return name
}

// Floats returns the name of a new initializer.
func (e *Editor) Floats(kind string, dims []int64, values []float32) string {
	name := e.Name(kind)
	e.Model.Tensors = append(e.Model.Tensors, NewTensor(name, dims, values))
	return name
}

// Input returns the name of a new float32 input of the model.
func (e *Editor) Input(kind string, shape ...int64) string {
	name := e.Name(kind)
	e.Model.Inputs = append(e.Model.Inputs, Port{Name: name, Type: Float32, Shape: shape})
	return name
}

// Finish returns the new model without what no output needs.
func (e *Editor) Finish() *Model {
	e.Model.Prune()
	return e.Model
}
