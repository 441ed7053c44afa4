package fastconv

import (
	"slices"

	"cyclegan/infer/onnx"
)

// widen returns a model that computes in float16 as one that computes in float32, and any other
// model as it is. ONNX Runtime has hardly any float16 operators for CPUs: it casts before and after
// them, computes a LeakyRelu as three operators, and fuses neither with convolutions.
//
// Models that would need more than other types of tensors also stay as they are.
func widen(m *onnx.Model) *onnx.Model {
	if m.Subgraphs() || slices.ContainsFunc(m.Nodes, func(n *onnx.Node) bool { return n.Domain != "" }) {
		return m
	}
	e := onnx.NewEditor(m, "wide")
	changed := false
	tensor := func(name string, t *onnx.Tensor) *onnx.Tensor {
		values, ok := t.AnyFloats()
		if !ok {
			return nil
		}
		changed = true
		return onnx.NewTensor(name, t.Dims, values)
	}
	for i, t := range e.Model.Tensors {
		if t.Type != onnx.Float16 {
			continue
		}
		if e.Model.Tensors[i] = tensor(t.Name, t); e.Model.Tensors[i] == nil {
			return m
		}
	}
	for _, ports := range [][]onnx.Port{e.Model.Inputs, e.Model.Outputs} {
		for i := range ports {
			if ports[i].Type == onnx.Float16 {
				ports[i].Type, changed = onnx.Float32, true
			}
		}
	}
	for _, n := range m.Nodes {
		value, _ := n.Attr("value")
		switch {
		case value.Tensor != nil && value.Tensor.Type == onnx.Float16:
			t := tensor(n.Outputs[0], value.Tensor)
			if t == nil || n.Op != "Constant" {
				return m
			}
			e.Model.Tensors = append(e.Model.Tensors, t)
			continue
		case n.Op == "Cast" && n.Int("to", 0) == int64(onnx.Float16):
			n = &onnx.Node{Op: n.Op, Name: n.Name, Inputs: n.Inputs, Outputs: n.Outputs, Attrs: []onnx.Attr{onnx.IntAttr("to", int64(onnx.Float32))}}
			changed = true
		case n.Int("dtype", 0) == int64(onnx.Float16) || n.Int("output_dtype", 0) == int64(onnx.Float16):
			return m
		}
		e.Keep(n)
	}
	if !changed {
		return m
	}
	return e.Model
}
