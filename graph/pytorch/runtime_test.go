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
	const tolerance = 1e-5
	outputs := torchOutputs(t)
	for _, f := range append(fixtures(), layoutFixtures()...) {
		want, ok := outputs[f.key()]
		if !ok {
			t.Fatalf("no outputs of %q", f.key())
		}
		n, w := f.load(t)
		size := 1
		for _, d := range want.Input {
			size *= d
		}
		got := runONNX(t, n, w, want.Input, noise(0, size))
		if slices.Max(want.Values)-slices.Min(want.Values) < 0.2 {
			t.Errorf("%s: PyTorch's output is flat and proves nothing", f.file)
		}
		worst := 0.0
		for i, v := range want.Values {
			worst = math.Max(worst, math.Abs(v-float64(got[i*want.Every]))) // NaN stays NaN
		}
		if !(worst <= tolerance) {
			t.Errorf("%s: differs from PyTorch by %.3g", f.file, worst)
		}
		t.Logf("%-34s %.1e", f.key(), worst)
	}
}

// ONNX Runtime computes PyTorch's features from the trained weights.
func TestEfficientNetAgreesWithPyTorch(t *testing.T) {
	n := graph.EfficientNetLite0()
	w, err := EfficientNetLite0(readEfficientNet(t), n)
	if err != nil {
		t.Fatal(err)
	}
	want, images := readEfficientNetFixture(t)
	got := runONNX(t, n, w, want.Input, images)
	if len(got) != len(want.Features) {
		t.Fatalf("%d features, PyTorch has %d", len(got), len(want.Features))
	}
	worst := 0.0
	for i, v := range want.Features {
		worst = math.Max(worst, math.Abs(v-float64(got[i]))) // NaN stays NaN
	}
	t.Logf("features up to %.2f differ from PyTorch by %.1e", slices.Max(want.Features), worst)
	if !(worst <= 1e-4) || slices.Max(want.Features) < 1 {
		t.Errorf("features up to %g differ from PyTorch by %g", slices.Max(want.Features), worst)
	}
}

// runONNX returns what ONNX Runtime computes of an input of shape [n, c, h, w].
func runONNX(t *testing.T, n *graph.Network, w graph.Weights, shape []int, input []float32) []float32 {
	t.Helper()
	model, err := onnxgraph.Marshal(n, w, onnxgraph.Metadata{}, onnxgraph.F32)
	if err != nil {
		t.Fatal(err)
	}
	s, err := session.New(model, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x := session.Tensor{Data: input}
	for _, d := range shape {
		x.Shape = append(x.Shape, int64(d))
	}
	got, err := s.Run(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	return got[0].Data
}
