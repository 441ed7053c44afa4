package onnx_test

import (
	"fmt"
	"log"

	"cyclegan/infer/onnx"
)

// Build a model, write it, and read what it says about itself.
func Example() {
	image := []int64{-1, 3, -1, -1}
	axes := []string{"N", "", "H", "W"}
	data := (&onnx.Model{
		IRVersion: 8, Opset: 17, Producer: "example", Graph: "invert",
		Metadata: []onnx.Property{{Key: "range", Value: "0,1"}},
		Inputs:   []onnx.Port{{Name: "image", Type: onnx.Float32, Shape: image, Axes: axes}},
		Outputs:  []onnx.Port{{Name: "negative", Type: onnx.Float32, Shape: image, Axes: axes}},
		Tensors:  []*onnx.Tensor{onnx.NewTensor("one", nil, []float32{1})},
		Nodes:    []*onnx.Node{{Op: "Sub", Name: "sub", Inputs: []string{"one", "image"}, Outputs: []string{"negative"}}},
	}).Encode()

	m, err := onnx.Parse(data)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Inputs[0], "->", m.Outputs[0])
	fmt.Println("range", m.Property("range"))
	// Output:
	// "image" float32 [N,3,H,W] -> "negative" float32 [N,3,H,W]
	// range 0,1
}

// An Editor replaces operators.
func ExampleEditor() {
	m := &onnx.Model{
		Opset:   17,
		Inputs:  []onnx.Port{{Name: "x", Type: onnx.Float32}},
		Outputs: []onnx.Port{{Name: "y", Type: onnx.Float32}},
		Nodes:   []*onnx.Node{{Op: "HardSwish", Name: "act", Inputs: []string{"x"}, Outputs: []string{"y"}}},
	}
	e := onnx.NewEditor(m, "plain")
	for _, n := range m.Nodes {
		if n.Op != "HardSwish" {
			e.Keep(n)
			continue
		}
		gate := e.Add("HardSigmoid", n.Inputs, onnx.FloatAttr("alpha", 1./6))
		e.Keep(&onnx.Node{Op: "Mul", Name: n.Name, Inputs: []string{n.Input(0), gate}, Outputs: n.Outputs})
	}
	for _, n := range e.Finish().Nodes {
		fmt.Println(n.Op, n.Inputs, n.Outputs)
	}
	// Output:
	// HardSigmoid [x] [plain.HardSigmoid]
	// Mul [x plain.HardSigmoid] [y]
}
