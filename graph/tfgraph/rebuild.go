//go:build tensorflow

package tfgraph

import (
	"bytes"
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"
	graphs "github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	"google.golang.org/protobuf/proto"
)

// A Move takes what was built in one graph over to an edited copy of it. The
// ops of gradients can be changed only so, since TensorFlow adds them by
// itself. Its first error sticks.
type Move struct {
	to  *tf.Graph
	err error
}

// Rebuild copies a graph and edits the copy on the way, in the order of edits.
func Rebuild(g *tf.Graph, edits ...func(*graphs.GraphDef)) (*Move, error) {
	var text bytes.Buffer
	if _, err := g.WriteTo(&text); err != nil {
		return nil, fmt.Errorf("rebuild graph: %w", err)
	}
	def := &graphs.GraphDef{}
	if err := proto.Unmarshal(text.Bytes(), def); err != nil {
		return nil, fmt.Errorf("rebuild graph: %w", err)
	}
	for _, edit := range edits {
		edit(def)
	}
	edited, err := proto.Marshal(def)
	if err != nil {
		return nil, fmt.Errorf("rebuild graph: %w", err)
	}
	m := &Move{to: tf.NewGraph()}
	if err := m.to.Import(edited, ""); err != nil {
		return nil, fmt.Errorf("rebuild graph: %w", err)
	}
	return m, nil
}

// Graph is the copy.
func (m *Move) Graph() *tf.Graph { return m.to }

// Err is the first error of moving.
func (m *Move) Err() error { return m.err }

// Operation moves one.
func (m *Move) Operation(o *tf.Operation) *tf.Operation {
	if o == nil {
		return nil
	}
	moved := m.to.Operation(o.Name())
	if moved == nil && m.err == nil {
		m.err = fmt.Errorf("rebuild graph: the copy has no %q", o.Name())
	}
	return moved
}

// Output moves one; the zero Output stays as it is.
func (m *Move) Output(o tf.Output) tf.Output {
	return tf.Output{Op: m.Operation(o.Op), Index: o.Index}
}

// Outputs moves a list of them.
func (m *Move) Outputs(list []tf.Output) []tf.Output {
	moved := make([]tf.Output, len(list))
	for i, o := range list {
		moved[i] = m.Output(o)
	}
	return moved
}

// Part moves one, in place.
func (m *Move) Part(p *Part) {
	p.Fetches = m.Outputs(p.Fetches)
	for i := range p.Targets {
		p.Targets[i] = m.Operation(p.Targets[i])
	}
	p.ran = false
}

// Variables moves all of them, in place.
func (m *Move) Variables(v *Variables) {
	for _, ends := range []map[string]tf.Output{v.handles, v.values, v.feeds} {
		for name := range ends {
			ends[name] = m.Output(ends[name])
		}
	}
	m.Part(&v.load)
	m.Part(&v.save)
}
