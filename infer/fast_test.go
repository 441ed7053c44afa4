package infer

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"cyclegan/infer/internal/onnxfile"
	"cyclegan/infer/session"
)

// wide is a model with a convolution that has a faster form, from pictures to pictures.
func wide() []byte {
	r := rand.New(rand.NewPCG(1, 2))
	weights := func(name string, out, in, size int64) *onnxfile.Tensor {
		values := make([]float32, out*in*size*size)
		for i := range values {
			values[i] = float32(r.NormFloat64() / math.Sqrt(float64(in*size*size)))
		}
		return onnxfile.Float32s(name, []int64{out, in, size, size}, values)
	}
	m := onnxfile.New(17)
	any := []int64{-1, 3, -1, -1}
	m.Inputs = []*onnxfile.Port{{Name: "input", Type: onnxfile.Float32, Dims: any}}
	m.Outputs = []*onnxfile.Port{{Name: "output", Type: onnxfile.Float32, Dims: any}}
	m.Tensors = []*onnxfile.Tensor{weights("first", 64, 3, 1), weights("second", 64, 64, 3), weights("third", 3, 64, 1)}
	m.Nodes = []*onnxfile.Node{
		{Op: "Conv", Name: "a", Inputs: []string{"input", "first"}, Outputs: []string{"x"}},
		{Op: "Conv", Name: "b", Inputs: []string{"x", "second"}, Outputs: []string{"y"}, Attrs: []onnxfile.Attr{onnxfile.IntsAttr("pads", 1, 1, 1, 1)}},
		{Op: "Conv", Name: "c", Inputs: []string{"y", "third"}, Outputs: []string{"z"}},
		{Op: "Tanh", Name: "d", Inputs: []string{"z"}, Outputs: []string{"output"}},
	}
	return m.Encode()
}

// The faster form gives what the model gives, in every session of the model's, until it is closed.
func TestFastFormIsTheModel(t *testing.T) {
	open(t, "conv.onnx", nil)
	plain, err := session.New(wide(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	m, err := New(wide(), nil)
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
	if _, err := m.Translate(t.Context(), testPicture(9, 9)); !errors.Is(err, session.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := m.RunInto(t.Context(), &session.Tensor{}, session.Tensor{Shape: []int64{1, 3, 8, 8}, Data: make([]float32, 192)}); !errors.Is(err, session.ErrClosed) {
		t.Errorf("a run after Close: %v", err)
	}
	if inputs := m.run.About().Inputs; len(inputs) != 1 {
		t.Errorf("inputs %v", inputs)
	}
}
