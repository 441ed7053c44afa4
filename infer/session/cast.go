package session

import (
	"fmt"

	"cyclegan/infer/onnx"
)

// castPrefix begins the name of a 16-bit output after the model has converted it.
const castPrefix = "cyclegan.session/float32/"

// narrow reports whether an output's type is one that the wrapper of ONNX Runtime cannot read.
func narrow(p onnx.Port) bool { return p.Type == onnx.Float16 || p.Type == onnx.BFloat16 }

// widened adds a conversion to float32 to a model for each of the outputs that has a 16-bit type, and returns the
// names to ask for. It returns m itself if there is none.
func widened(m *onnx.Model, outputs []onnx.Port) (wide *onnx.Model, names []string, err error) {
	names, wide = portNames(outputs), m
	for i, p := range outputs {
		if !narrow(p) {
			continue
		}
		if m.Opset < 6 {
			return nil, nil, fmt.Errorf("output %q holds %v and cannot be converted: the model has operators of opset %d, from before 6", p.Name, p.Type, m.Opset)
		}
		if wide == m {
			wide = m.Clone()
		}
		names[i] = castPrefix + p.Name
		wide.Nodes = append(wide.Nodes, &onnx.Node{Op: "Cast", Name: names[i], Inputs: []string{p.Name}, Outputs: []string{names[i]},
			Attrs: []onnx.Attr{onnx.IntAttr("to", int64(onnx.Float32))}})
		wide.Outputs = append(wide.Outputs, onnx.Port{Name: names[i], Type: onnx.Float32})
	}
	return wide, names, nil
}
