package onnxgraph

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// torchOutput is PyTorch's output for a case, from testdata/pytorch.py: every Every-th value.
type torchOutput struct {
	Input, Output []int // [n, c, h, w]
	Every         int
	Values        []float64
}

func torchOutputs(t *testing.T) map[string]torchOutput {
	t.Helper()
	text, err := os.ReadFile("testdata/pytorch.json")
	if err != nil {
		t.Fatal(err)
	}
	var outputs map[string]torchOutput
	if err := json.Unmarshal(text, &outputs); err != nil {
		t.Fatal(err)
	}
	return outputs
}

// The reference for the exported files agrees with PyTorch, for each layer kind and for every
// generator as the official code builds it.
func TestReferenceAgreesWithPyTorch(t *testing.T) {
	outputs := torchOutputs(t)
	for _, c := range slices.Concat(layerCases(), generatorCases(t, 3)) {
		want, ok := outputs[c.name]
		if !ok {
			if c.name != "unet_128_dropout_gray" {
				t.Errorf("%s: testdata/pytorch.json lacks it", c.name)
			}
			continue
		}
		n, ch, h, w := want.Input[0], want.Input[1], want.Input[2], want.Input[3]
		x := fromNCHW(noiseInput(n, ch, h, w), n, ch, h, w)
		y := reference{noiseWeights(c.net)}.layers(c.net.Layers, x)
		if got := []int{y.n, y.c, y.h, y.w}; !slices.Equal(got, want.Output) {
			t.Errorf("%s: shape %v, PyTorch has %v", c.name, got, want.Output)
			continue
		}
		if slices.Max(want.Values)-slices.Min(want.Values) < 0.05 {
			t.Errorf("%s: PyTorch's output is flat and proves nothing", c.name)
		}
		worst, values := 0.0, toNCHW(y)
		for i, v := range want.Values {
			worst = math.Max(worst, math.Abs(v-values[i*want.Every]))
		}
		if !(worst < 1e-7) {
			t.Errorf("%s: differs from PyTorch by %.3g", c.name, worst)
		}
		t.Logf("%-45s %.1e", c.name, worst)
	}
}
