//go:build tensorflow

package tfgraph

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
)

// InputGradient adds network n in training mode, as [Apply] does, and the gradient of the sum of
// its outputs with respect to the input x. It returns the output, the gradient, which has x's
// shape, and the statistics of the BatchNorm layers. It reports errors through s.Err.
//
// Unlike the gradient of op.Gradients, this one has gradients with respect to the parameters, so
// that it can be part of a loss: TensorFlow's C library cannot differentiate the gradients of ReLU
// and of the fused normalizations a second time. Only the layer kinds of discriminators and Tanh
// are supported.
func InputGradient(s *op.Scope, n *graph.Network, values map[string]tf.Output, x tf.Output) (y, gradient tf.Output, stats []BatchStatistic) {
	r, in := newReader(s, n, values, x, Mode{Training: true})
	if s.Err() != nil {
		return tf.Output{}, tf.Output{}, nil
	}
	out, back := (&gradientReader{r}).layers(n.Layers, in)
	if s.Err() != nil {
		return tf.Output{}, tf.Output{}, nil
	}
	s = r.scope.SubScope("ones")
	gradient = back(op.Fill(s, r.dims(s, out.shape), op.Const(s.SubScope("one"), float32(1))))
	return out.out, gradient, r.stats
}

// A backward turns the gradient with respect to a layer's output into the one with respect to its
// input.
type backward func(g tf.Output) tf.Output

// gradientReader walks a network forward and collects the way back.
type gradientReader struct{ *reader }

func (r *gradientReader) layers(layers []graph.Layer, x tensor) (tensor, backward) {
	var backs []backward
	for _, l := range layers {
		shape, err := graph.LayerShape(l, x.shape)
		if err != nil {
			r.scope.UpdateErr("InputGradient", err)
		}
		if r.scope.Err() != nil {
			return tensor{}, nil
		}
		y, back := r.layer(l, x, shape)
		x = tensor{y, shape}
		backs = append(backs, back)
	}
	return x, func(g tf.Output) tf.Output {
		for i := len(backs) - 1; i >= 0 && r.scope.Err() == nil; i-- {
			g = backs[i](g)
		}
		return g
	}
}

// layer adds one layer; shape is the shape of its output.
func (r *gradientReader) layer(l graph.Layer, x tensor, shape graph.Shape) (tf.Output, backward) {
	s := r.scope.SubScope("backward")
	switch l := l.(type) {
	case graph.Conv:
		return r.reader.layer(l, x, shape), func(g tf.Output) tf.Output {
			p := int64(l.Pad)
			return op.Conv2DBackpropInput(s, r.dims(s, x.shape), r.values[l.Name+".weight"], g, strides(l.Stride), "EXPLICIT",
				op.Conv2DBackpropInputExplicitPaddings([]int64{0, 0, p, p, p, p, 0, 0}))
		}
	case graph.ReLU:
		return r.rectifier(l, x, shape, 0)
	case graph.LeakyReLU:
		return r.rectifier(l, x, shape, l.Slope)
	case graph.Tanh:
		y := r.reader.layer(l, x, shape)
		return y, func(g tf.Output) tf.Output { // g (1 - y^2)
			return op.Sub(s, g, op.Mul(s, g, op.Square(s, y)))
		}
	case graph.InstanceNorm:
		y, back, _ := normalize(r.scope.SubScope("instance_norm"), x.out, []int32{1, 2}, l.Epsilon)
		return y, back
	case graph.BatchNorm:
		return r.batchNorm(l, x)
	case graph.GlobalMean:
		return r.reader.layer(l, x, shape), func(g tf.Output) tf.Output { // [N, 1, 1, C] to [N, H, W, C]
			share := op.Fill(s, op.Const(s.SubScope("shape"), []int32{1, int32(x.shape.H), int32(x.shape.W), 1}),
				op.Const(s.SubScope("share"), 1/float32(x.shape.H*x.shape.W)))
			return op.Mul(s, g, share)
		}
	default:
		r.scope.UpdateErr("InputGradient", fmt.Errorf("no input gradient for a layer %q", graph.Describe(l)))
		return tf.Output{}, nil
	}
}

// rectifier is ReLU, with slope 0, or LeakyReLU. ReluGrad has no gradient, but LeakyReluGrad has
// one. It needs only signs, which input and output share; using the input would keep TensorFlow
// from fusing the layer with the convolution before it.
func (r *gradientReader) rectifier(l graph.Layer, x tensor, shape graph.Shape, slope float32) (tf.Output, backward) {
	y := r.reader.layer(l, x, shape)
	return y, func(g tf.Output) tf.Output {
		return op.LeakyReluGrad(r.scope.SubScope("backward"), g, y, op.LeakyReluGradAlpha(slope))
	}
}

func (r *gradientReader) batchNorm(l graph.BatchNorm, x tensor) (tf.Output, backward) {
	s := r.scope.SubScope(l.Name)
	gamma, beta := r.values[l.Name+".gamma"], r.values[l.Name+".beta"]
	y, back, seen := normalize(s, x.out, []int32{0, 1, 2}, l.Epsilon)

	channels := op.Const(s.SubScope("channels"), []int32{int32(l.Channels)})
	count := r.batch * x.shape.H * x.shape.W
	unbiased := op.Const(s.SubScope("unbiased"), float32(count)/float32(max(count-1, 1)))
	r.stats = append(r.stats, BatchStatistic{l,
		op.Reshape(s.SubScope("mean"), seen.mean, channels),
		op.Reshape(s.SubScope("variance"), op.Mul(s.SubScope("variance"), seen.variance, unbiased), channels)})

	scaled := op.BiasAdd(s, op.Mul(s.SubScope("gamma"), y, gamma), beta)
	return scaled, func(g tf.Output) tf.Output {
		return back(op.Mul(s.SubScope("gamma_backward"), g, gamma))
	}
}

// moments are a mean and a biased variance.
type moments struct{ mean, variance tf.Output }

// normalize shifts and scales x to mean 0 and variance 1 over the axes. With its result xhat and
// the inverse r of the standard deviation, the way back is
//
//	r (g - mean(g) - xhat mean(g xhat))
//
// (Ioffe and Szegedy 2015, section 3, with the chain rule applied).
func normalize(s *op.Scope, x tf.Output, axes []int32, epsilon float32) (tf.Output, backward, moments) {
	over := op.Const(s.SubScope("axes"), axes)
	mean := func(x tf.Output) tf.Output {
		return op.Mean(s.SubScope("mean"), x, over, op.MeanKeepDims(true))
	}
	mul := func(x, y tf.Output) tf.Output { return op.Mul(s.SubScope("mul"), x, y) }
	sub := func(x, y tf.Output) tf.Output { return op.Sub(s.SubScope("sub"), x, y) }

	center := mean(x)
	centered := sub(x, center)
	variance := mean(op.Square(s, centered))
	r := op.Rsqrt(s, op.AddV2(s, variance, op.Const(s.SubScope("epsilon"), epsilon)))
	xhat := mul(centered, r)
	return xhat, func(g tf.Output) tf.Output {
		return mul(r, sub(sub(g, mean(g)), mul(xhat, mean(mul(g, xhat)))))
	}, moments{center, variance}
}
