package infer

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/onnx"
	"cyclegan/infer/session"
)

// wide is a model from pictures to pictures, in whose middle are layers of 3x3 convolutions of so many channels, which have a faster form.
func wide(channels int64, layers int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	weights := func(name string, out, in, size int64) *onnx.Tensor {
		values := make([]float32, out*in*size*size)
		scale := float32(math.Sqrt(3 / float64(in*size*size)))
		for i := range values {
			values[i] = scale * (2*r.Float32() - 1)
		}
		return onnx.NewTensor(name, []int64{out, in, size, size}, values)
	}
	m := &onnx.Model{IRVersion: 8, Opset: 17, Graph: "graph"}
	any := []int64{-1, 3, -1, -1}
	m.Inputs = []onnx.Port{{Name: "input", Type: onnx.Float32, Shape: any}}
	m.Outputs = []onnx.Port{{Name: "output", Type: onnx.Float32, Shape: any}}
	x := "input"
	conv := func(out, in, size int64) {
		name := fmt.Sprint("conv", len(m.Nodes))
		m.Tensors = append(m.Tensors, weights(name+".weight", out, in, size))
		m.Nodes = append(m.Nodes, &onnx.Node{Op: "Conv", Name: name, Inputs: []string{x, name + ".weight"}, Outputs: []string{name},
			Attrs: []onnx.Attr{onnx.IntsAttr("pads", size/2, size/2, size/2, size/2)}})
		x = name
	}
	conv(channels, 3, 1)
	for range layers {
		conv(channels, channels, 3)
	}
	conv(3, channels, 1)
	m.Nodes = append(m.Nodes, &onnx.Node{Op: "Tanh", Name: "tanh", Inputs: []string{x}, Outputs: []string{"output"}})
	return m.Encode()
}

// The faster form gives what the model gives, in every session of the model's, until it is closed.
func TestFastFormIsTheModel(t *testing.T) {
	open(t, "conv.onnx", nil)
	plain, err := session.New(wide(64, 2), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	m, err := New(wide(64, 2), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	whole, err := m.wholeSession()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for _, run := range []runner{m.run, whole, m.run} {
		x := session.Tensor{Shape: []int64{1, 3, 18, 23}, Data: make([]float32, 3*18*23)}
		for i := range x.Data {
			x.Data[i] = 2*r.Float32() - 1
		}
		want, err := plain.Run(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]session.Tensor, 1)
		if run == m.run {
			if err := m.RunInto(t.Context(), &got[0], x); err != nil {
				t.Fatal(err)
			}
		} else if err := run.RunInto(t.Context(), got, x); err != nil {
			t.Fatal(err)
		}
		for i, v := range want[0].Data {
			if d := math.Abs(float64(v - got[0].Data[i])); d > 2e-5 {
				t.Fatalf("value %d: %g, want %g", i, got[0].Data[i], v)
			}
		}
	}
	for range 2 {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := m.Translate(t.Context(), imagetest.Pattern(9, 9)); !errors.Is(err, session.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := m.RunInto(t.Context(), &session.Tensor{}, session.Tensor{Shape: []int64{1, 3, 8, 8}, Data: make([]float32, 192)}); !errors.Is(err, session.ErrClosed) {
		t.Errorf("a run after Close: %v", err)
	}
	if inputs := m.run.About().Inputs; len(inputs) != 1 {
		t.Errorf("inputs %v", inputs)
	}
}
