package onnxfile

import "fmt"

// An Editor makes a model anew out of another one: nodes are kept or left out, and others put in, in the order of the calls.
// The model that it began with does not change.
type Editor struct {
	// Model is the new one. Its inputs, outputs and tensors are to be changed at will; its nodes are those kept and added so far.
	Model *Model

	prefix string
	taken  map[string]bool
	lists  map[string]string // initializers made so far, by their content
}

// NewEditor begins with a model's inputs, outputs and tensors, and none of its nodes. Names that it gives begin with prefix.
func NewEditor(m *Model, prefix string) *Editor {
	e := &Editor{Model: m.Clone(), prefix: prefix, taken: m.Names(), lists: map[string]string{}}
	e.Model.Nodes = nil
	return e
}

// Name gives a name that the model does not have yet.
func (e *Editor) Name(kind string) string {
	name := e.prefix + "." + kind
	for i := 2; e.taken[name]; i++ {
		name = fmt.Sprintf("%s.%s.%d", e.prefix, kind, i)
	}
	e.taken[name] = true
	return name
}

// Keep puts in a node as it is.
func (e *Editor) Keep(n *Node) { e.Model.Nodes = append(e.Model.Nodes, n) }

// Add puts in one of ONNX's own operators, and gives its result's name.
func (e *Editor) Add(op string, inputs []string, attrs ...Attr) string {
	name := e.Name(op)
	e.Keep(&Node{Op: op, Name: name, Inputs: inputs, Outputs: []string{name}, Attrs: attrs})
	return name
}

// Ints gives the name of an initializer that holds a list of whole numbers.
func (e *Editor) Ints(kind string, values ...int64) string {
	key := fmt.Sprint(kind, values)
	if name, ok := e.lists[key]; ok {
		return name
	}
	name := e.Name(kind)
	e.lists[key] = name
	e.Model.Tensors = append(e.Model.Tensors, Int64s(name, values...))
	return name
}

// Floats gives the name of a new initializer of dims.
func (e *Editor) Floats(kind string, dims []int64, values []float32) string {
	name := e.Name(kind)
	e.Model.Tensors = append(e.Model.Tensors, Float32s(name, dims, values))
	return name
}

// Input gives the name of a new input of the model, float32 of dims.
func (e *Editor) Input(kind string, dims []int64) string {
	name := e.Name(kind)
	e.Model.Inputs = append(e.Model.Inputs, &Port{Name: name, Type: Float32, Dims: dims})
	return name
}

// Encode ends the work: it drops what no output needs, and gives the bytes of the file.
func (e *Editor) Encode() []byte {
	e.Model.Prune()
	return e.Model.Encode()
}
