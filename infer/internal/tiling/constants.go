package tiling

import (
	"fmt"
	"slices"

	"cyclegan/infer/onnx"
)

// constants finds the values of a model that do not depend on its inputs.
type constants struct {
	producer map[string]*onnx.Node
	tensors  map[string]*onnx.Tensor
	computed map[string][]float64 // values that only running the nodes before them can give
	known    map[string]bool      // whether a name is a constant, as far as it is known
}

func newConstants(m *onnx.Model, computed map[string][]float64) *constants {
	c := &constants{
		producer: map[string]*onnx.Node{}, tensors: map[string]*onnx.Tensor{},
		computed: computed, known: map[string]bool{},
	}
	for _, n := range m.Nodes {
		for _, out := range n.Outputs {
			c.producer[out] = n
		}
	}
	for _, t := range m.Tensors {
		c.tensors[t.Name] = t
	}
	for _, p := range m.Inputs {
		c.known[p.Name] = c.tensors[p.Name] != nil // files from before IR version 4 list weights as inputs too
	}
	return c
}

// is reports whether a value is the same in every run.
func (c *constants) is(name string) bool {
	if known, ok := c.known[name]; ok {
		return known
	}
	n := c.producer[name]
	c.known[name] = c.tensors[name] != nil || n == nil // before the recursion, which a damaged file may make endless
	if n != nil && !n.Subgraph && !random[n.Op] {
		c.known[name] = !slices.ContainsFunc(n.Inputs, func(in string) bool { return in != "" && !c.is(in) })
	}
	return c.known[name]
}

// random are the operators with a different result in every run.
var random = map[string]bool{
	"RandomNormal": true, "RandomUniform": true, "RandomNormalLike": true, "RandomUniformLike": true,
	"Multinomial": true, "Bernoulli": true,
}

// tensor returns the tensor that holds a constant or at least has its shape, nil if there is none.
func (c *constants) tensor(name string) *onnx.Tensor {
	if t := c.tensors[name]; t != nil {
		return t
	}
	switch n := c.producer[name]; {
	case n == nil || n.Domain != "":
	case n.Op == "Constant":
		a, _ := n.Attr("value")
		return a.Tensor
	case n.Op == "Identity" || n.Op == "DequantizeLinear":
		return c.tensor(n.Input(0))
	}
	return nil
}

// numbers returns the numbers of a small constant.
func (c *constants) numbers(name string) ([]float64, error) {
	if v, ok := c.computed[name]; ok {
		return v, nil
	}
	if err := c.fixed(name); err != nil {
		return nil, err
	}
	n, ok := c.producer[name], false
	var v []float64
	switch {
	case n != nil && n.Op == "Constant" && len(n.Attrs) == 1:
		v, ok = n.Attrs[0].Values()
	case n == nil && c.tensors[name] != nil:
		v, ok = c.tensors[name].Values()
	}
	if !ok {
		return nil, fmt.Errorf("its parameter %q could not be read", name)
	}
	return v, nil
}

// fixed returns an error if one of the names depends on the image.
func (c *constants) fixed(names ...string) error {
	for _, name := range names {
		if name != "" && !c.is(name) {
			return fmt.Errorf("its parameter %q depends on the image", name)
		}
	}
	return nil
}

// parameters are the inputs of operators whose numbers have to be known.
var parameters = map[string][]int{
	"Pad": {1, 3}, "Slice": {1, 2, 3, 4}, "Resize": {1, 2}, "Upsample": {1}, "Split": {1}, "Unsqueeze": {1},
}

// Computed names the parameters that a model computes from constants, as the pads in PyTorch's
// exports. [Constants] returns a model that computes them.
func Computed(m *onnx.Model) []string {
	c := newConstants(m, nil)
	var names []string
	for _, n := range m.Nodes {
		for _, i := range parameters[n.Op] {
			name := n.Input(i)
			p := c.producer[name]
			if p != nil && p.Op != "Constant" && !slices.Contains(names, name) && c.is(name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Constants returns a model whose outputs are those values, as float32. Its inputs are those of the
// model, on which the values do not depend.
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
