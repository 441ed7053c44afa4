package tiling

import (
	"slices"

	"cyclegan/infer/onnx"
)

// The variants are the network with its instance normalizations changed. Their first input is the picture. Weights follow in some, which say how much
// each element counts in the statistics: for each of Masks, in their order, those of the rows, [parts, 1, rows, 1], and those of the
// columns, [parts, 1, columns, 1]. An element counts as much as the product, and all products of a mask sum to 1.

// Joint gives a model that takes any number of parts of a picture together, then the weights, and then for each normalization two
// tensors [channels]. It normalizes all parts by the same statistics: those of the parts, in which each element counts
// as much as its weights say, corrected by the two tensors: the first is added to the means, and the second multiplies the variances.
// It gives the statistics before the correction: for each normalization the means and the variances, [channels] both.
// The picture itself is not computed to its end.
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
	r.withWeights()
	shifts, factors := r.pairs("shift", "factor")
	r.replace(func(i int, x string) (string, string) {
		w := r.weights[n.Norms[i].Mask]
		wide := r.mean(x, w)
		apart := r.Add("Sub", []string{x, wide})
		mean := r.shaped(wide, -1)
		variance := r.shaped(r.mean(r.Add("Mul", []string{apart, apart}), w), -1)
		r.output(mean)
		r.output(variance)
		return r.Add("Add", []string{mean, shifts[i]}), r.Add("Mul", []string{variance, factors[i]})
	})
	return r.Finish()
}

// Observed gives a model that takes a part of a picture, its weights and what Fixed takes beside the picture. It gives the picture and then
// what the statistics are by the elements of this part: for each normalization the means less those that it was told, and the means of the squares of what the
// elements lie apart from those, [channels] both.
func (n *Network) Observed() *onnx.Model {
	r := newRewriter(n)
	r.withWeights()
	means, variances := r.pairs("mean", "variance")
	r.replace(func(i int, x string) (string, string) {
		w := r.weights[n.Norms[i].Mask]
		apart := r.Add("Sub", []string{x, r.shaped(means[i], 1, -1, 1, 1)})
		shift := r.shaped(r.mean(apart, w), -1)
		square := r.shaped(r.mean(r.Add("Mul", []string{apart, apart}), w), -1)
		r.output(shift)
		r.output(square)
		// The larger of the variance and what is no larger is the variance. That makes the normalization wait for the observation: ONNX Runtime would
		// put it off to the end and keep the elements of every layer for it.
		wait := r.Add("Min", []string{variances[i], r.Add("Add", []string{shift, square})})
		return means[i], r.Add("Max", []string{variances[i], wait})
	})
	return r.Finish()
}

// Fixed gives a model that takes, after the picture, the means and the variances of each normalization, [channels] both, and normalizes by them.
func (n *Network) Fixed() *onnx.Model {
	r := newRewriter(n)
	means, variances := r.pairs("mean", "variance")
	r.replace(func(i int, _ string) (string, string) { return means[i], variances[i] })
	return r.Finish()
}

// prefix begins the names that are put in.
const prefix = "tiling"

// rewriter puts nodes in the place of others.
type rewriter struct {
	*onnx.Editor
	net *Network
	// weights are the names of those inputs, rows and columns, for each mask.
	weights [][2]string
}

func newRewriter(n *Network) *rewriter {
	return &rewriter{Editor: onnx.NewEditor(n.model, prefix), net: n}
}

// withWeights makes the weights' inputs.
func (r *rewriter) withWeights() {
	for range r.net.Masks {
		r.weights = append(r.weights, [2]string{r.Input("rows", -1, 1, -1, 1), r.Input("columns", -1, 1, -1, 1)})
	}
}

// pairs makes two inputs for each normalization.
func (r *rewriter) pairs(first, second string) (firsts, seconds []string) {
	for range r.net.Norms {
		firsts = append(firsts, r.Input(first, -1))
		seconds = append(seconds, r.Input(second, -1))
	}
	return firsts, seconds
}

// output adds a list to the outputs.
func (r *rewriter) output(name string) {
	r.Model.Outputs = append(r.Model.Outputs, onnx.Port{Name: name, Type: onnx.Float32, Shape: []int64{-1}})
}

// replace makes a BatchNormalization of every instance normalization: normalization i of x by the statistics of which it is told the names.
// Both operators normalize alike, and ONNX Runtime has kernels for both everywhere.
func (r *rewriter) replace(statistics func(i int, x string) (mean, variance string)) {
	next := 0
	for _, n := range r.net.model.Nodes {
		if next == len(r.net.Norms) || n != r.net.Norms[next].node {
			r.Keep(n)
			continue
		}
		half := r.net.Norms[next].typ == onnx.Float16
		inputs := append([]string(nil), n.Inputs...) // x, scale, bias
		if half {
			for i, in := range inputs {
				inputs[i] = r.Add("Cast", []string{in}, onnx.IntAttr("to", int64(onnx.Float32)))
			}
		}
		mean, variance := statistics(next, inputs[0])
		next++
		var attrs []onnx.Attr
		if eps, ok := n.Attr("epsilon"); ok {
			attrs = append(attrs, eps)
		}
		norm := &onnx.Node{Op: "BatchNormalization", Name: n.Name, Inputs: append(inputs, mean, variance), Outputs: n.Outputs, Attrs: attrs}
		if half {
			norm.Outputs = []string{r.Name("normalized")}
		}
		r.Keep(norm)
		if half {
			r.Keep(&onnx.Node{Op: "Cast", Name: r.Name("half"), Inputs: norm.Outputs, Outputs: n.Outputs,
				Attrs: []onnx.Attr{onnx.IntAttr("to", int64(onnx.Float16))}})
		}
	}
}

// mean gives the weighted sum of x, [1, channels, 1, 1]. The columns go first and in a product of matrices, which needs no second x.
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
