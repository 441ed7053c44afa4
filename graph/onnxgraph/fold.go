package onnxgraph

import (
	"math"

	"cyclegan/graph"
)

// foldNorms returns a network without the BatchNorms that follow a convolution directly: after
// training they are a factor and a summand for each channel, which the weights and the bias take
// in. Everything else is shared with the arguments.
func foldNorms(n *graph.Network, w graph.Weights) (*graph.Network, graph.Weights) {
	f := folder{weights: w, folded: graph.Weights{}}
	network := *n
	network.Layers = f.layers(n.Layers)
	return &network, f.folded
}

type folder struct{ weights, folded graph.Weights }

func (f *folder) layers(layers []graph.Layer) []graph.Layer {
	var out []graph.Layer
	for i := 0; i < len(layers); i++ {
		var norm graph.BatchNorm
		follows := false
		if i+1 < len(layers) {
			norm, follows = layers[i+1].(graph.BatchNorm)
		}
		layer, folded := layers[i], false
		switch l := layer.(type) {
		case graph.Residual:
			layer, folded = graph.Residual{Body: f.layers(l.Body)}, true
		case graph.Concat:
			layer, folded = graph.Concat{Body: f.layers(l.Body)}, true
		case graph.Fork:
			branches := make([][]graph.Layer, len(l.Branches))
			for j, b := range l.Branches {
				branches[j] = f.layers(b)
			}
			layer, folded = graph.Fork{Branches: branches}, true
		case graph.DepthwiseConv:
			if follows {
				f.fold(l.Name, norm, l.Bias, func(index int) int { return index % l.Channels })
				l.Bias = true
				layer, folded, i = l, true, i+1
			}
		case graph.Conv:
			if follows {
				f.fold(l.Name, norm, l.Bias, func(index int) int { return index % l.Out })
				l.Bias = true
				layer, folded, i = l, true, i+1
			}
		case graph.ConvTranspose:
			if follows {
				f.fold(l.Name, norm, l.Bias, func(index int) int { return index / l.In % l.Out })
				l.Bias = true
				layer, folded, i = l, true, i+1
			}
		}
		out = append(out, layer)
		if !folded {
			for _, p := range graph.LayerParams(layer) {
				f.folded[p.Name] = f.weights[p.Name]
			}
		}
	}
	return out
}

// fold puts the norm into the convolution called name. channelOf returns the output channel of each
// index of its weight.
func (f *folder) fold(name string, norm graph.BatchNorm, hasBias bool, channelOf func(int) int) {
	of := func(role graph.Role, c int) float64 { return float64(f.weights[norm.Name+"."+role.String()][c]) }
	factors, bias := make([]float64, norm.Channels), make([]float32, norm.Channels)
	for c := range factors {
		factors[c] = of(graph.Gamma, c) / math.Sqrt(of(graph.Variance, c)+float64(norm.Epsilon))
		before := 0.0
		if hasBias {
			before = float64(f.weights[name+".bias"][c])
		}
		bias[c] = float32((before-of(graph.Mean, c))*factors[c] + of(graph.Beta, c))
	}
	weight := make([]float32, len(f.weights[name+".weight"]))
	for i, v := range f.weights[name+".weight"] {
		weight[i] = float32(float64(v) * factors[channelOf(i)])
	}
	f.folded[name+".weight"], f.folded[name+".bias"] = weight, bias
}
