package onnxgraph

import (
	"fmt"
	"slices"

	"cyclegan/infer/onnx"
)

// toFloat16 makes the model compute with 16 bits between its float32 input and output. InstanceNorm
// keeps 32 bits: it sums all pixels of a map, and a 16-bit sum of numbers near 1 stops growing at
// 2048.
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
	wide := map[string]bool{} // initializers that stay float32
	half := map[string]string{inputName: b.cast(inputName, ".half", onnx.Float16)}
	for _, n := range nodes {
		value := n.output()
		n.Inputs = slices.Clone(n.Inputs)
		for i, in := range n.Inputs {
			if x, ok := half[in]; ok {
				n.Inputs[i] = x
			}
		}
		if value == outputName {
			n.Outputs = []string{b.unique(outputName + ".half")}
		}
		switch n.Op {
		case "InstanceNormalization":
			n.Inputs[0] = b.cast(n.Inputs[0], ".float", onnx.Float32)
			wide[n.Inputs[1]], wide[n.Inputs[2]] = true, true
			n.Outputs = []string{b.unique(value + ".float")}
			b.nodes = append(b.nodes, n)
			half[value] = b.cast(n.output(), ".half", onnx.Float16)
			continue
		case "Resize":
			wide[n.Inputs[2]] = true // its scales are float32 for any data
		}
		b.nodes = append(b.nodes, n)
		half[value] = n.output()
	}
	b.put("Cast", outputName, []string{half[outputName]}, onnx.IntAttr("to", int64(onnx.Float32)))
	for _, t := range b.tensors {
		if t.Type == onnx.Float32 && !wide[t.Name] {
			t.Type = onnx.Float16
		}
	}
	return nil
}

// cast adds the conversion of a value to another type and returns the result.
func (b *builder) cast(x, suffix string, to onnx.DataType) string {
	return b.add("Cast", x+suffix, []string{x}, onnx.IntAttr("to", int64(to)))
}
