//go:build cgo

package pytorch

import (
	"context"
	"math"
	"slices"
	"testing"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/infer/session"
	"cyclegan/third_party/native"
)

// ONNX Runtime computes the same outputs as PyTorch from the fixtures' weights.
func TestOutputsAgreeWithPyTorch(t *testing.T) {
	if _, err := native.FindONNXRuntime(); err != nil {
		t.Skip("ONNX Runtime is not installed; run this test with `go run ./third_party go test ./graph/pytorch`")
	}
	const tolerance = 1e-4
	outputs := torchOutputs(t)
	for _, f := range fixtures() {
		want := outputs[f.file]
		n, w := f.load(t)
		model, err := onnxgraph.Marshal(n, w, onnxgraph.Metadata{}, onnxgraph.F32)
		if err != nil {
			t.Fatal(err)
		}
		s, err := session.New(model, nil)
		if err != nil {
			t.Fatal(err)
		}
		shape := make([]int64, 4)
		size := 1
		for i, d := range want.Input {
			shape[i] = int64(d)
			size *= d
		}
		got, err := s.Run(context.Background(), session.Tensor{Shape: shape, Data: noise(0, size)})
		s.Close()
		if err != nil {
			t.Fatal(err)
		}
		if slices.Max(want.Values)-slices.Min(want.Values) < 0.2 {
			t.Errorf("%s: PyTorch's output is flat and proves nothing", f.file)
		}
		worst := 0.0
		for i, v := range want.Values {
			worst = math.Max(worst, math.Abs(v-float64(got[0].Data[i*want.Every]))) // NaN stays NaN
		}
		if !(worst <= tolerance) {
			t.Errorf("%s: differs from PyTorch by %.3g", f.file, worst)
		}
		t.Logf("%-34s %.1e", f.file, worst)
	}
}

// ONNX Runtime computes PyTorch's features from the trained weights.
func TestEfficientNetAgreesWithPyTorch(t *testing.T) {
	n := graph.EfficientNetLite0()
	w, err := EfficientNetLite0(readEfficientNet(t), n)
	if err != nil {
		t.Fatal(err)
	}
	model, err := onnxgraph.Marshal(n, w, onnxgraph.Metadata{}, onnxgraph.F32)
	if err != nil {
		t.Fatal(err)
	}
	s, err := session.New(model, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want, images := readEfficientNetFixture(t)
	shape := make([]int64, 4)
	for i, d := range want.Input {
		shape[i] = int64(d)
	}
	got, err := s.Run(context.Background(), session.Tensor{Shape: shape, Data: images})
	if err != nil {
		t.Fatal(err)
	}
	if len(got[0].Data) != len(want.Features) {
		t.Fatalf("%d features, PyTorch has %d", len(got[0].Data), len(want.Features))
	}
	worst := 0.0
	for i, v := range want.Features {
		worst = math.Max(worst, math.Abs(v-float64(got[0].Data[i]))) // NaN stays NaN
	}
	t.Logf("features up to %.2f differ from PyTorch by %.1e", slices.Max(want.Features), worst)
	if !(worst <= 1e-4) || slices.Max(want.Features) < 1 {
		t.Errorf("features up to %g differ from PyTorch by %g", slices.Max(want.Features), worst)
	}
}
