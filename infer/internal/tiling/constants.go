package tiling

import (
	"fmt"
	"slices"

	"cyclegan/infer/onnx"
)

// constants knows the values of a model that do not depend on its inputs.
type constants struct {
	producer map[string]*onnx.Node
	tensors  map[string]*onnx.Tensor
	// computed are those that only running the nodes before them can tell.
	computed map[string][]float64
	fixed    map[string]bool // what is known of a name's being constant
}

func newConstants(m *onnx.Model, computed map[string][]float64) *constants {
	c := &constants{producer: map[string]*onnx.Node{}, tensors: map[string]*onnx.Tensor{}, computed: computed, fixed: map[string]bool{}}
	for _, n := range m.Nodes {
		for _, out := range n.Outputs {
			c.producer[out] = n
		}
	}
	for _, t := range m.Tensors {
		c.tensors[t.Name] = t
	}
	for _, p := range m.Inputs {
		c.fixed[p.Name] = c.tensors[p.Name] != nil // files of before IR version 4 list their weights as inputs too
	}
	return c
}

// is says whether a value is the same in every run.
func (c *constants) is(name string) bool {
	if known, ok := c.fixed[name]; ok {
		return known
	}
	n := c.producer[name]
	c.fixed[name] = c.tensors[name] != nil || n == nil || n.Op == "Constant" && n.Domain == "" // also ends a damaged file's circle
	if !c.fixed[name] && !n.Subgraph {
		c.fixed[name] = !random[n.Op] && !slices.ContainsFunc(n.Inputs, func(in string) bool { return in != "" && !c.is(in) })
	}
	return c.fixed[name]
}

// random are the operators that give something else in every run.
var random = map[string]bool{"RandomNormal": true, "RandomUniform": true, "RandomNormalLike": true, "RandomUniformLike": true, "Multinomial": true, "Bernoulli": true}

// tensor gives the tensor that holds a constant, nil where none does.
func (c *constants) tensor(name string) *onnx.Tensor {
	if t := c.tensors[name]; t != nil {
		return t
	}
	switch n := c.producer[name]; {
	case n == nil || n.Domain != "":
	case n.Op == "Constant":
		a, _ := n.Attr("value")
		return a.Tensor
	case n.Op == "Identity":
		return c.tensor(n.Input(0))
	case n.Op == "DequantizeLinear": // has its input's shape, which is what is asked for then
		return c.tensor(n.Input(0))
	}
	return nil
}

// values gives a small constant's numbers.
func (c *constants) values(name string) ([]float64, error) {
	if v, ok := c.computed[name]; ok {
		return v, nil
	}
	if !c.is(name) {
		return nil, fmt.Errorf("its parameter %q depends on the picture", name)
	}
	if n := c.producer[name]; n != nil && n.Op == "Constant" {
		for _, a := range n.Attrs {
			switch a.Name {
			case "value_int":
				return []float64{float64(a.Int)}, nil
			case "value_float":
				return []float64{float64(a.Float)}, nil
			case "value_ints":
				v := make([]float64, len(a.Ints))
				for i, x := range a.Ints {
					v[i] = float64(x)
				}
				return v, nil
			case "value_floats":
				v := make([]float64, len(a.Floats))
				for i, x := range a.Floats {
					v[i] = float64(x)
				}
				return v, nil
			}
		}
	}
	if n := c.producer[name]; n == nil || n.Op == "Constant" {
		if t := c.tensor(name); t != nil {
			if v, ok := t.Values(); ok {
				return v, nil
			}
		}
	}
	return nil, fmt.Errorf("its parameter %q could not be read", name)
}

// parameters are the inputs that have to be known as numbers, for each operator that has some.
var parameters = map[string][]int{"Pad": {1, 3}, "Slice": {1, 2, 3, 4}, "Resize": {1, 2}, "Upsample": {1}, "Split": {1}, "Unsqueeze": {1}}

// Computed names the parameters that a model computes from constants, as PyTorch's exports do with their pads:
// [Constants] gives a model that tells their values.
func Computed(m *onnx.Model) []string {
	c := newConstants(m, nil)
	var names []string
	for _, n := range m.Nodes {
		for _, i := range parameters[n.Op] {
			name := n.Input(i)
			if name == "" || slices.Contains(names, name) || !c.is(name) {
				continue
			}
			if p := c.producer[name]; p == nil || p.Op == "Constant" {
				continue
			}
			names = append(names, name)
		}
	}
	return names
}

// Constants gives a model whose outputs are those values, as float32. Its inputs are the file's, on which they do not depend.
func Constants(m *onnx.Model, names []string) *onnx.Model {
	e := onnx.NewEditor(m, prefix)
	for _, n := range m.Nodes {
		e.Keep(n)
	}
	e.Model.Outputs = nil
	for _, name := range names {
		out := e.Add("Cast", []string{name}, onnx.IntAttr("to", int64(onnx.Float32)))
		e.Model.Outputs = append(e.Model.Outputs, onnx.Port{Name: out, Type: onnx.Float32})
	}
	return e.Finish()
}
