package tiling

import (
	"slices"

	"cyclegan/infer/onnx"
)

// The variants are the network with its instance normalizations changed. Their first input is the
// image. Some take weights next, which give the share of each element in the statistics: for each
// of Masks, in order, the weights of the rows, [tiles, 1, rows, 1], and of the columns, [tiles, 1,
// columns, 1]. The share of an element is the product, and all products of a mask sum to 1.

// Joint returns a model that takes any number of tiles of an image, the weights, and two tensors
// [channels] for each normalization. It normalizes all tiles by the same statistics: the weighted
// statistics of the tiles, corrected by the two tensors; the first one is added to the means and
// the second one multiplies the variances. It returns the statistics before the correction, for
// each normalization the means and the variances, [channels] both. It does not return the image.
func (n *Network) Joint() *onnx.Model {
	r := newRewriter(n)
	r.Model.Outputs = nil
	for i, p := range r.Model.Inputs {
		if p.Name == n.input && len(p.Shape) > 0 {
			p.Shape, p.Axes = slices.Clone(p.Shape), nil
			p.Shape[0] = -1
			r.Model.Inputs[i] = p
		}
	}
	weights := r.weights()
	shifts, factors := r.pairs("shift", "factor")
	r.replace(func(i int, x string) (string, string) {
		w := weights[n.Norms[i].Mask]
		wide := r.mean(x, w)
		apart := r.Add("Sub", []string{x, wide})
		mean := r.shaped(wide, -1)
		variance := r.shaped(r.mean(r.Add("Mul", []string{apart, apart}), w), -1)
		r.output(mean, variance)
		return r.Add("Add", []string{mean, shifts[i]}), r.Add("Mul", []string{variance, factors[i]})
	})
	return r.Finish()
}

// Observed returns a model that takes a tile, its weights and the statistics that Fixed takes. It
// returns the image and the statistics of the tile's elements: for each normalization, the weighted
// means of the elements minus the given means, and of the squares of these differences, [channels]
// both.
func (n *Network) Observed() *onnx.Model {
	r := newRewriter(n)
	weights := r.weights()
	means, variances := r.pairs("mean", "variance")
	r.replace(func(i int, x string) (string, string) {
		w := weights[n.Norms[i].Mask]
		apart := r.Add("Sub", []string{x, r.shaped(means[i], 1, -1, 1, 1)})
		shift := r.shaped(r.mean(apart, w), -1)
		square := r.shaped(r.mean(r.Add("Mul", []string{apart, apart}), w), -1)
		r.output(shift, square)
		// max(v, x) = v, because x <= v. This makes the normalization wait for the observation:
		// ONNX Runtime would postpone that to the end and keep the elements of every layer for it.
		wait := r.Add("Min", []string{variances[i], r.Add("Add", []string{shift, square})})
		return means[i], r.Add("Max", []string{variances[i], wait})
	})
	return r.Finish()
}

// Fixed returns a model that takes, after the image, the means and the variances of each
// normalization, [channels] both, and normalizes by them.
func (n *Network) Fixed() *onnx.Model {
	r := newRewriter(n)
	means, variances := r.pairs("mean", "variance")
	r.replace(func(i int, _ string) (string, string) { return means[i], variances[i] })
	return r.Finish()
}

// prefix begins the names of new nodes.
const prefix = "tiling"

// rewriter replaces the instance normalizations of a network.
type rewriter struct {
	*onnx.Editor
	net *Network
}

func newRewriter(n *Network) *rewriter { return &rewriter{onnx.NewEditor(n.model, prefix), n} }

// weights adds the inputs of the weights, rows and columns for each mask.
func (r *rewriter) weights() [][2]string {
	var names [][2]string
	for range r.net.Masks {
		names = append(names, [2]string{r.Input("rows", -1, 1, -1, 1), r.Input("columns", -1, 1, -1, 1)})
	}
	return names
}

// pairs adds two inputs for each normalization.
func (r *rewriter) pairs(first, second string) (firsts, seconds []string) {
	for range r.net.Norms {
		firsts = append(firsts, r.Input(first, -1))
		seconds = append(seconds, r.Input(second, -1))
	}
	return firsts, seconds
}

// output adds lists to the outputs.
func (r *rewriter) output(names ...string) {
	for _, name := range names {
		r.Model.Outputs = append(r.Model.Outputs, onnx.Port{Name: name, Type: onnx.Float32, Shape: []int64{-1}})
	}
}

// replace turns every instance normalization into a BatchNormalization: normalization i of x uses
// the statistics that it names. Both operators compute the same, and ONNX Runtime has kernels for
// both everywhere.
func (r *rewriter) replace(statistics func(i int, x string) (mean, variance string)) {
	toFloat := onnx.IntAttr("to", int64(onnx.Float32))
	next := 0
	for _, n := range r.net.model.Nodes {
		if next == len(r.net.Norms) || n != r.net.Norms[next].node {
			r.Keep(n)
			continue
		}
		half := r.net.Norms[next].typ == onnx.Float16
		inputs := slices.Clone(n.Inputs) // x, scale, bias
		if half {
			for i, in := range inputs {
				inputs[i] = r.Add("Cast", []string{in}, toFloat)
			}
		}
		mean, variance := statistics(next, inputs[0])
		next++
		inputs = append(inputs, mean, variance)
		norm := &onnx.Node{Op: "BatchNormalization", Name: n.Name, Inputs: inputs, Outputs: n.Outputs}
		if eps, ok := n.Attr("epsilon"); ok {
			norm.Attrs = []onnx.Attr{eps}
		}
		r.Keep(norm)
		if half {
			norm.Outputs = []string{r.Name("normalized")}
			r.Keep(&onnx.Node{Op: "Cast", Name: r.Name("half"), Inputs: norm.Outputs, Outputs: n.Outputs,
				Attrs: []onnx.Attr{onnx.IntAttr("to", int64(onnx.Float16))}})
		}
	}
}

// mean returns the weighted sum of x, [1, channels, 1, 1]. The columns come first, as a matrix
// product, which needs no second x.
func (r *rewriter) mean(x string, weights [2]string) string {
	rows := r.Add("Mul", []string{r.Add("MatMul", []string{x, weights[1]}), weights[0]})
	if r.Model.Opset < 13 {
		return r.Add("ReduceSum", []string{rows}, onnx.IntsAttr("axes", 0, 2, 3))
	}
	return r.Add("ReduceSum", []string{rows, r.Ints("axes", 0, 2, 3)})
}

func (r *rewriter) shaped(x string, shape ...int64) string {
	return r.Add("Reshape", []string{x, r.Ints("shape", shape...)})
}
