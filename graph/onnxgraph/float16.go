package onnxgraph

import (
	"fmt"
	"slices"

	"cyclegan/infer/onnx"
)

// toFloat16 makes the model compute with 16 bits between its float32 input and output. InstanceNorm
// keeps 32 bits: it sums all pixels of a map, and a 16-bit sum of numbers near 1 stops growing at
// 2048. So do the wide nodes.
func (b *builder) toFloat16() error {
	for _, t := range b.tensors {
		values, _ := t.Floats()
		for i, v := range values {
			if v > onnx.MaxFloat16 || v < -onnx.MaxFloat16 {
				return fmt.Errorf("value %d of %q is %g, but 16 bits hold at most %d. Fix: use precision f32",
					i, t.Name, v, onnx.MaxFloat16)
			}
		}
	}
	nodes := b.nodes
	b.nodes = nil
	float32s := map[string]bool{} // initializers that stay float32
	// The forms in which the values exist, under the values' names.
	half, full := map[string]string{}, map[string]string{inputName: inputName}
	in := func(value string, forms, others map[string]string, suffix string, to onnx.DataType) string {
		if other, ok := others[value]; ok && forms[value] == "" {
			forms[value] = b.cast(other, suffix, to)
		}
		if form, ok := forms[value]; ok {
			return form
		}
		return value // an initializer or a size
	}
	for _, n := range nodes {
		value := n.output()
		n.Inputs = slices.Clone(n.Inputs)
		keep := n.kind == wide || n.Op == "InstanceNormalization"
		for i, x := range n.Inputs {
			if n.kind == activations && !keep {
				n.Inputs[i] = in(x, half, full, ".half", onnx.Float16)
				continue
			}
			n.Inputs[i] = in(x, full, half, ".float", onnx.Float32)
			float32s[x] = true
		}
		switch {
		case n.kind == sizes:
		case keep:
			if n.Op == "InstanceNormalization" {
				n.Outputs = []string{b.unique(value + ".float")}
			}
			full[value] = n.output()
		default:
			if value == outputName {
				n.Outputs = []string{b.unique(outputName + ".half")}
			}
			half[value] = n.output()
		}
		if n.Op == "Resize" {
			float32s[n.Inputs[2]] = true // its scales are float32 for any data
		}
		b.nodes = append(b.nodes, n)
	}
	if full[outputName] != outputName {
		b.put("Cast", outputName, []string{in(outputName, half, full, ".half", onnx.Float16)}, onnx.IntAttr("to", int64(onnx.Float32)))
	}
	for _, t := range b.tensors {
		if t.Type == onnx.Float32 && !float32s[t.Name] {
			t.Type = onnx.Float16
		}
	}
	return nil
}

// cast adds the conversion of a value to another type and returns the result.
func (b *builder) cast(x, suffix string, to onnx.DataType) string {
	return b.add("Cast", x+suffix, []string{x}, onnx.IntAttr("to", int64(to)))
}
