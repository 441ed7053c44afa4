//go:build cgo

package onnxgraph

import (
	"context"
	"math"
	"slices"
	"testing"

	"cyclegan/graph"
	"cyclegan/infer/session"
	"cyclegan/third_party/native"
)

// tolerance is the largest difference allowed between back-ends. Single precision takes up a small
// part of it.
const tolerance = 1e-4

// runONNX exports the network and runs the file with ONNX Runtime.
func runONNX(t *testing.T, n *graph.Network, w graph.Weights) *session.Session {
	t.Helper()
	if _, err := native.FindONNXRuntime(); err != nil {
		t.Skip("ONNX Runtime is not here; run this test with `go run ./third_party go test ./graph/onnxgraph`")
	}
	model, err := Marshal(n, w, Metadata{}, F32)
	if err != nil {
		t.Fatal(err)
	}
	s, err := session.New(model, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// difference returns the largest difference between ONNX Runtime and the reference for n images.
func difference(t *testing.T, s *session.Session, net *graph.Network, weights graph.Weights, x []float32, n, h, w int) float64 {
	t.Helper()
	got, err := s.Run(context.Background(), session.Tensor{Shape: []int64{int64(n), int64(net.In), int64(h), int64(w)}, Data: x})
	if err != nil {
		t.Fatal(err)
	}
	want := reference{weights}.layers(net.Layers, fromNCHW(x, n, net.In, h, w))
	if shape := []int64{int64(want.n), int64(want.c), int64(want.h), int64(want.w)}; !slices.Equal(got[0].Shape, shape) {
		t.Fatalf("%dx%dx%d: shape %v, want %v", n, h, w, got[0].Shape, shape)
	}
	worst := 0.0
	for i, v := range toNCHW(want) {
		worst = math.Max(worst, math.Abs(v-float64(got[0].Data[i]))) // NaN stays NaN
	}
	return worst
}

// ONNX Runtime agrees with the reference for every layer kind and every network, at batch 1 and 3
// and at sizes that the session has not seen before.
func TestONNXRuntimeAgreesWithReference(t *testing.T) {
	for _, c := range slices.Concat(layerCases(), generatorCases(t, 3), discriminatorCases(t, 3)) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			weights := noiseWeights(c.net)
			s := runONNX(t, c.net, weights)
			worst := 0.0
			for _, size := range c.sizes {
				for _, n := range []int{1, 3} {
					x := noiseInput(n, c.net.In, size[0], size[1])
					d := difference(t, s, c.net, weights, x, n, size[0], size[1])
					if !(d <= tolerance) {
						t.Errorf("batch %d of %dx%d: differs by %.3g", n, size[0], size[1], d)
					}
					worst = math.Max(worst, d)
				}
			}
			t.Logf("%s: %.1e", c.name, worst)
		})
	}
}

// A map of one pixel has no variance: its norm is 0, not NaN.
func TestInstanceNormOfOnePixelIsZero(t *testing.T) {
	net := &graph.Network{Name: "norm", In: 2, Out: 2, Layers: []graph.Layer{graph.InstanceNorm{Channels: 2, Epsilon: 1e-5}}}
	s := runONNX(t, net, graph.Weights{})
	got, err := s.Run(context.Background(), session.Tensor{Shape: []int64{1, 2, 1, 1}, Data: []float32{-3, 5}})
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Data[0] != 0 || got[0].Data[1] != 0 {
		t.Errorf("got %v", got[0].Data)
	}
}

// A mean far from 0 does not hide the variance.
func TestInstanceNormFarFromZero(t *testing.T) {
	net := &graph.Network{Name: "norm", In: 1, Out: 1, Layers: []graph.Layer{graph.InstanceNorm{Channels: 1, Epsilon: 1e-5}}}
	s := runONNX(t, net, graph.Weights{})
	x := noiseInput(2, 1, 64, 48)
	for i := range x {
		x[i] += 128
	}
	if d := difference(t, s, net, graph.Weights{}, x, 2, 64, 48); !(d <= tolerance) {
		t.Errorf("differs by %.3g", d)
	}
}
