//go:build tensorflow

package tfgraph

import (
	"errors"
	"fmt"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
)

// Mode is how a network is applied.
type Mode struct {
	// Training takes BatchNorm's statistics from the batch and turns dropout on. Without it,
	// BatchNorm uses the running statistics and dropout does nothing.
	Training bool
	// Seed is an int64 tensor [2] from which dropout draws in training: equal seeds give equal
	// masks. A network without dropout needs none.
	Seed tf.Output
	// Winograd computes wide 3x3 convolutions in Winograd's form, which takes half the time on a
	// CPU and rounds to 1e-5 of the largest value.
	Winograd bool
}

// A BatchStatistic is the mean and the unbiased variance of each channel, both [C], that a
// BatchNorm in training mode computed from its batch.
type BatchStatistic struct {
	Layer          graph.BatchNorm
	Mean, Variance tf.Output
}

// Apply adds the operations of network n to scope s. Values holds a tensor for each parameter by
// name; x is the input [N, H, W, C] in float32, whose shape must be fully known. Apply returns the
// output [N, H', W', C'] and the statistics of the BatchNorm layers in the order of computation.
// Like the functions of package op, it reports errors through s.Err.
func Apply(s *op.Scope, n *graph.Network, values map[string]tf.Output, x tf.Output, mode Mode) (tf.Output, []BatchStatistic) {
	r, in := newReader(s, n, values, x, mode)
	if s.Err() != nil {
		return tf.Output{}, nil
	}
	out := r.layers(n.Layers, in)
	return out.out, r.stats
}

// newReader checks that n can be applied to x with these values.
func newReader(s *op.Scope, n *graph.Network, values map[string]tf.Output, x tf.Output, mode Mode) (*reader, tensor) {
	if s.Err() != nil {
		return nil, tensor{}
	}
	dims, err := x.Shape().ToSlice()
	if err != nil || len(dims) != 4 || slices.Min(dims) < 1 {
		s.UpdateErr(n.Name, fmt.Errorf("the input has shape %v, want a fully known [N, H, W, C]", x.Shape()))
		return nil, tensor{}
	}
	for _, p := range n.Params() {
		if _, ok := values[p.Name]; !ok {
			s.UpdateErr(n.Name, fmt.Errorf("parameter %q has no value", p.Name))
			return nil, tensor{}
		}
	}
	r := &reader{scope: s.SubScope(n.Name), values: values, mode: mode, batch: int(dims[0])}
	return r, tensor{x, graph.Shape{H: int(dims[1]), W: int(dims[2]), C: int(dims[3])}}
}

// tensor is an activation with its shape.
type tensor struct {
	out   tf.Output
	shape graph.Shape
}

// reader walks a network and adds operations. The scope keeps the first error.
type reader struct {
	scope    *op.Scope
	values   map[string]tf.Output
	mode     Mode
	batch    int
	stats    []BatchStatistic
	dropouts int
}

func (r *reader) layers(layers []graph.Layer, x tensor) tensor {
	for i := 0; i < len(layers); i++ {
		if r.scope.Err() != nil {
			return tensor{}
		}
		if y, took := r.winograd(layers[i:], x); took > 0 {
			x, i = y, i+took-1
			continue
		}
		l := layers[i]
		shape, err := graph.LayerShape(l, x.shape)
		if err != nil {
			r.scope.UpdateErr("Apply", err)
			return tensor{}
		}
		x = tensor{r.layer(l, x, shape), shape}
	}
	return x
}

// layer adds one layer; shape is the shape of its output.
func (r *reader) layer(l graph.Layer, x tensor, shape graph.Shape) tf.Output {
	switch l := l.(type) {
	case graph.Conv:
		s := r.scope.SubScope(l.Name)
		padded := x.out
		if l.Pad > 0 { // TensorFlow's SAME pads differently from PyTorch, and the gradient of its EXPLICIT fails
			padded = op.Pad(s, padded, paddings(s, l.Pad))
		}
		y := op.Conv2D(s, padded, r.values[l.Name+".weight"], strides(l.Stride), "VALID")
		return r.bias(s, y, l.Name, l.Bias)
	case graph.DepthwiseConv:
		s := r.scope.SubScope(l.Name)
		return r.bias(s, r.depthwise(s, l, x.out), l.Name, l.Bias)
	case graph.ConvTranspose:
		s := r.scope.SubScope(l.Name)
		return r.bias(s, r.transposed(s, l, x, shape), l.Name, l.Bias)
	case graph.ZeroPad:
		s := r.scope.SubScope("zero_pad")
		p := []int32{int32(l.Before), int32(l.After)}
		return op.Pad(s, x.out, op.Const(s.SubScope("paddings"), [][]int32{{0, 0}, p, p, {0, 0}}))
	case graph.ReflectPad:
		s := r.scope.SubScope("reflect_pad")
		return op.MirrorPad(s, x.out, paddings(s, l.Pad), "REFLECT")
	case graph.Upsample:
		s := r.scope.SubScope("upsample")
		size := op.Const(s.SubScope("size"), []int32{int32(shape.H), int32(shape.W)})
		if l.Mode == graph.Nearest {
			return op.ResizeNearestNeighbor(s, x.out, size)
		}
		return op.ResizeBilinear(s, x.out, size, op.ResizeBilinearHalfPixelCenters(true))
	case graph.InstanceNorm:
		return r.instanceNorm(l, x)
	case graph.BatchNorm:
		return r.batchNorm(l, x)
	case graph.ReLU:
		return op.Relu(r.scope.SubScope("relu"), x.out)
	case graph.LeakyReLU:
		return op.LeakyRelu(r.scope.SubScope("leaky_relu"), x.out, op.LeakyReluAlpha(l.Slope))
	case graph.Tanh:
		return op.Tanh(r.scope.SubScope("tanh"), x.out)
	case graph.Clamp:
		s := r.scope.SubScope("clamp")
		if l == (graph.Clamp{Min: 0, Max: 6}) {
			return op.Relu6(s, x.out) // oneDNN fuses it with the convolution before it
		}
		low := op.Maximum(s, x.out, op.Const(s.SubScope("min"), l.Min))
		return op.Minimum(s, low, op.Const(s.SubScope("max"), l.Max))
	case graph.Dropout:
		return r.dropout(l, x)
	case graph.GlobalMean:
		s := r.scope.SubScope("global_mean")
		return op.Mean(s, x.out, op.Const(s.SubScope("axes"), []int32{1, 2}), op.MeanKeepDims(true))
	case graph.Residual:
		return op.AddV2(r.scope.SubScope("residual"), x.out, r.layers(l.Body, x).out)
	case graph.Concat:
		inner := r.layers(l.Body, x)
		s := r.scope.SubScope("concat")
		return op.ConcatV2(s, []tf.Output{x.out, inner.out}, op.Const(s.SubScope("axis"), int32(3)))
	case graph.Fork:
		var branches []tf.Output
		for _, b := range l.Branches {
			branches = append(branches, r.layers(b, x).out)
		}
		s := r.scope.SubScope("fork")
		if s.Err() != nil {
			return tf.Output{}
		}
		return op.ConcatV2(s, branches, op.Const(s.SubScope("axis"), int32(3)))
	case graph.Downsample:
		return r.downsample(x).out
	case graph.Level:
		return r.level(l, x)
	case graph.Thumbnail:
		return r.thumbnail(l, x)
	default:
		r.scope.UpdateErr("Apply", fmt.Errorf("unknown layer kind %T", l))
		return tf.Output{}
	}
}

// depthwise is the convolution without its bias. SAME is PyTorch's padding where the stride is 1
// and the kernel keeps the size.
func (r *reader) depthwise(s *op.Scope, l graph.DepthwiseConv, x tf.Output) tf.Output {
	padding := "VALID"
	if l.Stride == 1 && l.Kernel == 2*l.Pad+1 {
		padding = "SAME"
	} else if l.Pad > 0 {
		x = op.Pad(s, x, paddings(s, l.Pad))
	}
	return op.DepthwiseConv2dNative(s, x, r.values[l.Name+".weight"], strides(l.Stride), padding)
}

func (r *reader) bias(s *op.Scope, y tf.Output, name string, bias bool) tf.Output {
	if !bias {
		return y
	}
	return op.BiasAdd(s, y, r.values[name+".bias"])
}

// transposed is the gradient of the convolution from this layer's output to its input. It is
// computed without padding, with (n-1)*Stride + Kernel pixels a side, and then cropped: TensorFlow
// has no oneDNN kernel for explicit padding, which makes bfloat16 several times slower.
func (r *reader) transposed(s *op.Scope, l graph.ConvTranspose, x tensor, shape graph.Shape) tf.Output {
	whole := graph.Shape{H: (x.shape.H-1)*l.Stride + l.Kernel, W: (x.shape.W-1)*l.Stride + l.Kernel, C: l.Out}
	y := op.Conv2DBackpropInput(s, r.dims(s, whole), r.values[l.Name+".weight"], x.out, strides(l.Stride), "VALID")
	if beyond := int32(l.OutPad - l.Pad); beyond > 0 {
		// These pixels have no input.
		y = op.Pad(s, y, op.Const(s.SubScope("beyond"), [][]int32{{0, 0}, {0, beyond}, {0, beyond}, {0, 0}}))
	}
	if whole == shape {
		return y
	}
	p := int32(l.Pad)
	return op.Slice(s, y, op.Const(s.SubScope("begin"), []int32{0, p, p, 0}), r.dims(s.SubScope("cut"), shape))
}

// instanceNorm uses fused batch normalization in training mode, which is the same for one image. A
// batch is split and concatenated again.
func (r *reader) instanceNorm(l graph.InstanceNorm, x tensor) tf.Output {
	s := r.scope.SubScope("instance_norm")
	scale := op.Const(s.SubScope("scale"), slices.Repeat([]float32{1}, l.Channels))
	offset := op.Const(s.SubScope("offset"), make([]float32, l.Channels))
	none := op.Const(s.SubScope("none"), []float32{})
	norm := func(s *op.Scope, x tf.Output) tf.Output {
		y, _, _, _, _, _ := op.FusedBatchNormV3(s, x, scale, offset, none, none, op.FusedBatchNormV3Epsilon(l.Epsilon))
		return y
	}
	if r.batch == 1 {
		return norm(s, x.out)
	}
	images := op.Split(s, op.Const(s.SubScope("axis"), int32(0)), x.out, int64(r.batch))
	for i, image := range images {
		images[i] = norm(s.SubScope("image"), image)
	}
	return op.ConcatV2(s, images, op.Const(s.SubScope("concat_axis"), int32(0)))
}

func (r *reader) batchNorm(l graph.BatchNorm, x tensor) tf.Output {
	s := r.scope.SubScope(l.Name)
	gamma, beta := r.values[l.Name+".gamma"], r.values[l.Name+".beta"]
	if !r.mode.Training {
		y, _, _, _, _, _ := op.FusedBatchNormV3(s, x.out, gamma, beta, r.values[l.Name+".mean"], r.values[l.Name+".variance"],
			op.FusedBatchNormV3Epsilon(l.Epsilon), op.FusedBatchNormV3IsTraining(false))
		return y
	}
	none := op.Const(s.SubScope("none"), []float32{})
	y, mean, variance, _, _, _ := op.FusedBatchNormV3(s, x.out, gamma, beta, none, none, op.FusedBatchNormV3Epsilon(l.Epsilon))
	r.stats = append(r.stats, BatchStatistic{l, mean, variance})
	return y
}

func (r *reader) dropout(l graph.Dropout, x tensor) tf.Output {
	if !r.mode.Training || l.Rate == 0 {
		return x.out
	}
	s := r.scope.SubScope("dropout")
	if r.mode.Seed.Op == nil {
		s.UpdateErr("Dropout", errors.New("training with dropout needs a seed"))
		return tf.Output{}
	}
	// Each layer has its own seed.
	r.dropouts++
	seed := op.AddV2(s.SubScope("seed"), r.mode.Seed, op.Const(s.SubScope("index"), []int64{int64(r.dropouts), 0}))
	uniform := op.StatelessRandomUniform(s, r.dims(s, x.shape), seed)
	kept := op.Cast(s, op.GreaterEqual(s, uniform, op.Const(s.SubScope("rate"), l.Rate)), tf.Float)
	mask := op.Mul(s.SubScope("mask"), kept, op.Const(s.SubScope("rescale"), 1/(1-l.Rate)))
	return op.Mul(s, x.out, mask)
}

// dims is the shape of an activation as a constant, int32 [4].
func (r *reader) dims(s *op.Scope, shape graph.Shape) tf.Output {
	return op.Const(s.SubScope("shape"), []int32{int32(r.batch), int32(shape.H), int32(shape.W), int32(shape.C)})
}

func paddings(s *op.Scope, pad int) tf.Output {
	p := int32(pad)
	return op.Const(s.SubScope("paddings"), [][]int32{{0, 0}, {p, p}, {p, p}, {0, 0}})
}

func strides(stride int) []int64 { return []int64{1, int64(stride), int64(stride), 1} }
