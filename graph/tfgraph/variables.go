//go:build tensorflow

package tfgraph

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
)

// Variables are a network's parameters, kept in a session as resource variables. Load gives them
// their first values. Variables hold names only, so they serve the graph they were built in and
// edited copies alike.
type Variables struct {
	names     []string // of the parameters, in the network's order
	variables map[string]variable
	load      Part
	save      Part
}

// A variable is one parameter in the graph.
type variable struct {
	shape               []int
	handle, feed, value Name
}

// NewVariables adds a variable for each parameter of n that want accepts, or for all if want is
// nil. Their names in the graph start with prefix, which must be unique in it.
func NewVariables(s *op.Scope, prefix string, n *graph.Network, want func(graph.Param) bool) *Variables {
	v := &Variables{variables: map[string]variable{}}
	s = s.SubScope(prefix)
	for _, p := range n.Params() {
		if want != nil && !want(p) {
			continue
		}
		dims := make([]int64, len(p.Shape))
		for i, d := range p.Shape {
			dims[i] = int64(d)
		}
		shape := tf.MakeShape(dims...)
		s := s.SubScope(p.Name)
		handle := op.VarHandleOp(s, tf.Float, shape, op.VarHandleOpSharedName(prefix+"/"+p.Name))
		feed := op.Placeholder(s, tf.Float, op.PlaceholderShape(shape))
		value := op.ReadVariableOp(s, handle, tf.Float)
		assign := op.AssignVariableOp(s, handle, feed)
		if s.Err() != nil {
			return v
		}
		v.names = append(v.names, p.Name)
		v.variables[p.Name] = variable{p.Shape, NameOf(handle), NameOf(feed), NameOf(value)}
		v.load.targets = append(v.load.targets, assign.Name())
		v.save.fetches = append(v.save.fetches, NameOf(value))
	}
	return v
}

// Names lists the variables by parameter name, in the network's order.
func (v *Variables) Names() []string { return v.names }

// Handle returns the resource of one variable in g.
func (v *Variables) Handle(g *tf.Graph, name string) tf.Output {
	return outputIn(g, v.variables[name].handle)
}

// Values returns the variables' values at the start of a run of g, for Apply. An operation that
// needs a later value reads the handle itself.
func (v *Variables) Values(g *tf.Graph) map[string]tf.Output {
	values := map[string]tf.Output{}
	for name, variable := range v.variables {
		values[name] = outputIn(g, variable.value)
	}
	return values
}

// outputIn finds an output in a graph that was built with it.
func outputIn(g *tf.Graph, name Name) tf.Output {
	o := g.Operation(name.Op)
	if o == nil {
		panic(fmt.Sprintf("tfgraph: the graph has no operation %q; it is not the variables' graph or a copy of it", name.Op))
	}
	return tf.Output{Op: o, Index: name.Index}
}

// Load sets all variables in one run: preparing a run of a new kind takes TensorFlow much longer
// than running it.
func (v *Variables) Load(session *Session, w graph.Weights) error {
	feeds := Feeds{}
	for name, variable := range v.variables {
		values, ok := w[name]
		if !ok {
			return fmt.Errorf("load variables: %q is missing", name)
		}
		t, err := NewTensor(values, variable.shape...)
		if err != nil {
			return fmt.Errorf("load variable %q: %w", name, err)
		}
		feeds[variable.feed] = t
	}
	if _, err := session.Run(v.load, feeds); err != nil {
		return fmt.Errorf("load variables: %w", err)
	}
	return nil
}

// Zero sets every variable to zero.
func (v *Variables) Zero(session *Session) error {
	w := graph.Weights{}
	for name, variable := range v.variables {
		w[name] = make([]float32, count(variable.shape))
	}
	return v.Load(session, w)
}

// Save copies the variables' values out.
func (v *Variables) Save(session *Session) (graph.Weights, error) {
	tensors, err := session.Run(v.save, nil)
	if err != nil {
		return nil, fmt.Errorf("save variables: %w", err)
	}
	w := graph.Weights{}
	for i, name := range v.names {
		if w[name], err = Floats(nil, tensors[i]); err != nil {
			return nil, fmt.Errorf("save variable %q: %w", name, err)
		}
	}
	return w, nil
}
