//go:build tensorflow

package tfgraph

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
)

// Variables are tensors kept in a session between runs, as resource variables.
// Load gives them their first values.
type Variables struct {
	names   []string
	shapes  map[string][]int
	handles map[string]tf.Output
	values  map[string]tf.Output
	feeds   map[string]tf.Output
	load    Part
	save    Part
}

// NewVariables adds one variable for each parameter of n that want accepts
// (all of them when want is nil). Their names in the graph start with prefix,
// which must be unique in it.
func NewVariables(s *op.Scope, prefix string, n *graph.Network, want func(graph.Param) bool) *Variables {
	v := &Variables{
		shapes:  map[string][]int{},
		handles: map[string]tf.Output{},
		values:  map[string]tf.Output{},
		feeds:   map[string]tf.Output{},
	}
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
		v.names = append(v.names, p.Name)
		v.shapes[p.Name] = p.Shape
		v.handles[p.Name] = handle
		v.feeds[p.Name] = feed
		v.values[p.Name] = op.ReadVariableOp(s, handle, tf.Float)
		v.load.Targets = append(v.load.Targets, op.AssignVariableOp(s, handle, feed))
		v.save.Fetches = append(v.save.Fetches, v.values[p.Name])
	}
	return v
}

// Names lists the variables by parameter name, in the network's order.
func (v *Variables) Names() []string { return v.names }

// Handle is the resource of one variable.
func (v *Variables) Handle(name string) tf.Output { return v.handles[name] }

// Values are the variables' values at the start of a run, for Apply. An op
// that must see a later value reads the handle itself.
func (v *Variables) Values() map[string]tf.Output { return v.values }

// Load gives every variable a value, in one run: TensorFlow takes much longer
// to prepare a run of a new kind than to make it.
func (v *Variables) Load(session *tf.Session, w graph.Weights) error {
	feeds := map[tf.Output]*tf.Tensor{}
	for _, name := range v.names {
		values, ok := w[name]
		if !ok {
			return fmt.Errorf("load variables: %q is missing", name)
		}
		t, err := NewTensor(values, v.shapes[name]...)
		if err != nil {
			return fmt.Errorf("load variable %q: %w", name, err)
		}
		feeds[v.feeds[name]] = t
	}
	if len(v.names) == 0 {
		return nil
	}
	if _, err := v.load.Run(session, feeds); err != nil {
		return fmt.Errorf("load variables: %w", err)
	}
	return nil
}

// Zero sets every variable to zero.
func (v *Variables) Zero(session *tf.Session) error {
	w := graph.Weights{}
	for _, name := range v.names {
		size := 1
		for _, d := range v.shapes[name] {
			size *= d
		}
		w[name] = make([]float32, size)
	}
	return v.Load(session, w)
}

// Save copies the variables' values out.
func (v *Variables) Save(session *tf.Session) (graph.Weights, error) {
	if len(v.names) == 0 {
		return graph.Weights{}, nil
	}
	tensors, err := v.save.Run(session, nil)
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
