package onnxgraph_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/infer/onnx"
)

func TestReadWeights(t *testing.T) {
	for _, arch := range []string{graph.ResNet6, graph.Pyramid} {
		t.Run(arch, func(t *testing.T) {
			checkReadWeights(t, graph.GeneratorOptions{
				Architecture: arch, In: 3, Out: 3, Filters: 4, Size: 64, Norm: graph.NormBatch, Upsampling: graph.UpTranspose,
			})
		})
	}
}

func checkReadWeights(t *testing.T, options graph.GeneratorOptions) {
	network, err := graph.NewGenerator(options)
	if err != nil {
		t.Fatal(err)
	}
	weights, err := graph.Initialize(network, graph.InitKaiming, 1, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	for _, precision := range []onnxgraph.Precision{onnxgraph.F32, onnxgraph.F16} {
		model, err := onnxgraph.Marshal(network, weights, onnxgraph.Metadata{Direction: "AtoB", DomainFrom: "a", DomainTo: "b"}, precision)
		if err != nil {
			t.Fatal(err)
		}
		got, err := onnxgraph.ReadWeights(model, network)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range weights {
			want = slices.Clone(want)
			if precision == onnxgraph.F16 {
				for i, v := range want {
					want[i] = onnx.DecodeFloat16(onnx.EncodeFloat16(v))
				}
			}
			if !slices.Equal(got[name], want) {
				t.Errorf("%s: parameter %q differs", precision, name)
			}
		}
		options := options
		options.Filters = 8
		other, err := graph.NewGenerator(options)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := onnxgraph.ReadWeights(model, other); err == nil || !strings.Contains(err.Error(), "stem.weight") {
			t.Errorf("%s: weights for another width: %v", precision, err)
		}
	}
}
