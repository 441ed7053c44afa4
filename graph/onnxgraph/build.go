package onnxgraph

import (
	"fmt"
	"slices"

	"cyclegan/graph"
	"cyclegan/infer/onnx"
)

// A node is one operator of the model, with a single output, and the layer that it computes.
type node struct {
	onnx.Node
	layer graph.Layer
	kind  valueKind
}

// A valueKind is what a node computes.
type valueKind int

const (
	// activations have the precision of the model.
	activations valueKind = iota
	// wide values are float32 in every model that is not of integers.
	wide
	// sizes are int64.
	sizes
)

func (n node) output() string { return n.Outputs[0] }

// A builder turns layers into nodes and initializers.
type builder struct {
	network *graph.Network
	weights graph.Weights
	nodes   []node
	tensors []*onnx.Tensor
	// taken holds every name given so far. Nodes, their outputs and the initializers share one set
	// of names.
	taken map[string]bool
	// last is the latest layer with a name of its own; layers without one are named after it.
	last string
	// shared maps the content of a constant to the name of its initializer.
	shared map[string]string
	// current is the layer being added, and kind the kind of its nodes.
	current graph.Layer
	kind    valueKind
	// opset is the operator set that the nodes need.
	opset int64
}

// build adds all layers of the network. At least one node results.
func build(n *graph.Network, w graph.Weights) (*builder, error) {
	b := &builder{
		network: n, weights: w, opset: opset,
		taken: map[string]bool{inputName: true, outputName: true}, shared: map[string]string{},
	}
	for _, p := range n.Params() {
		b.taken[p.Name] = true
	}
	if _, err := b.layers(n.Layers, inputName); err != nil {
		return nil, fmt.Errorf("network %q: %w", n.Name, err)
	}
	if len(b.nodes) == 0 {
		b.add("Identity", "identity", []string{inputName})
	}
	b.nodes[len(b.nodes)-1].Outputs = []string{outputName}
	return b, nil
}

// layers adds a chain of layers that starts with the value x and returns the value at its end.
func (b *builder) layers(layers []graph.Layer, x string) (string, error) {
	for i, l := range layers {
		var err error
		if x, err = b.layer(l, x, layers[i+1:]); err != nil {
			return "", err
		}
	}
	return x, nil
}

// layer adds one layer that takes the value x and returns its result. The layers that follow it in
// its chain serve only to find a name.
func (b *builder) layer(l graph.Layer, x string, following []graph.Layer) (string, error) {
	b.current = l
	switch l := l.(type) {
	case graph.Conv:
		b.last = l.Name
		return b.add("Conv", l.Name, b.withParams(l, x),
			ints("kernel_shape", l.Kernel, l.Kernel),
			ints("pads", l.Pad, l.Pad, l.Pad, l.Pad),
			ints("strides", l.Stride, l.Stride)), nil
	case graph.DepthwiseConv:
		b.last = l.Name
		return b.add("Conv", l.Name, b.withParams(l, x),
			onnx.IntAttr("group", int64(l.Channels)),
			ints("kernel_shape", l.Kernel, l.Kernel),
			ints("pads", l.Pad, l.Pad, l.Pad, l.Pad),
			ints("strides", l.Stride, l.Stride)), nil
	case graph.ConvTranspose:
		b.last = l.Name
		return b.add("ConvTranspose", l.Name, b.withParams(l, x),
			ints("kernel_shape", l.Kernel, l.Kernel),
			ints("output_padding", l.OutPad, l.OutPad),
			ints("pads", l.Pad, l.Pad, l.Pad, l.Pad),
			ints("strides", l.Stride, l.Stride)), nil
	case graph.ZeroPad:
		p, q := int64(l.Before), int64(l.After)
		pads := b.constant(fmt.Sprintf("pads_%d_%d", p, q), vector[int64](0, 0, p, p, 0, 0, q, q))
		return b.add("Pad", b.before(following, "pad"), []string{x, pads}, onnx.TextAttr("mode", "constant")), nil
	case graph.ReflectPad:
		p := int64(l.Pad)
		pads := b.constant(fmt.Sprintf("pads_%d", p), vector[int64](0, 0, p, p, 0, 0, p, p))
		return b.add("Pad", b.before(following, "pad"), []string{x, pads}, onnx.TextAttr("mode", "reflect")), nil
	case graph.Upsample:
		return b.upsample(l, x, following)
	case graph.InstanceNorm:
		c := l.Channels
		ones := b.constant(fmt.Sprintf("ones_%d", c), floats(slices.Repeat([]float32{1}, c)...))
		zeros := b.constant(fmt.Sprintf("zeros_%d", c), floats(make([]float32, c)...))
		return b.add("InstanceNormalization", b.after("norm"), []string{x, ones, zeros},
			onnx.FloatAttr("epsilon", l.Epsilon)), nil
	case graph.BatchNorm:
		return b.add("BatchNormalization", l.Name, b.withParams(l, x), onnx.FloatAttr("epsilon", l.Epsilon)), nil
	case graph.ReLU:
		return b.add("Relu", b.after("relu"), []string{x}), nil
	case graph.LeakyReLU:
		return b.add("LeakyRelu", b.after("leaky_relu"), []string{x}, onnx.FloatAttr("alpha", l.Slope)), nil
	case graph.Tanh:
		return b.add("Tanh", b.after("tanh"), []string{x}), nil
	case graph.Clamp:
		if b.isWide(x) {
			b.kind = wide
			defer func() { b.kind = activations }()
		}
		lo := b.constant(fmt.Sprintf("scalar_%g", l.Min), float(l.Min))
		hi := b.constant(fmt.Sprintf("scalar_%g", l.Max), float(l.Max))
		return b.add("Clip", b.after("clip"), []string{x, lo, hi}), nil
	case graph.Dropout:
		return x, nil
	case graph.GlobalMean:
		return b.add("GlobalAveragePool", b.after("mean"), []string{x}), nil
	case graph.Residual:
		branch, err := b.layers(l.Body, x)
		if err != nil {
			return "", err
		}
		b.current = l
		return b.add("Add", b.after("add"), []string{x, branch}), nil
	case graph.Concat:
		branch, err := b.layers(l.Body, x)
		if err != nil {
			return "", err
		}
		b.current = l
		return b.add("Concat", b.after("concat"), []string{x, branch}, onnx.IntAttr("axis", 1)), nil
	case graph.Fork:
		var branches []string
		for _, layers := range l.Branches {
			branch, err := b.layers(layers, x)
			if err != nil {
				return "", err
			}
			branches = append(branches, branch)
		}
		b.current = l
		return b.add("Concat", b.after("fork"), branches, onnx.IntAttr("axis", 1)), nil
	case graph.Downsample:
		return b.downsample(l, x), nil
	case graph.Level:
		return b.level(l, x)
	case graph.Thumbnail:
		return b.thumbnail(l, x)
	default:
		return "", fmt.Errorf("layer kind %T has no ONNX form", l)
	}
}

// upsample adds a Resize node. Nearest repeats every pixel Scale times, as Resize does with the
// floor of asymmetric coordinates.
func (b *builder) upsample(l graph.Upsample, x string, following []graph.Layer) (string, error) {
	s := float32(l.Scale)
	scales := b.constant(fmt.Sprintf("scales_%d", l.Scale), floats(1, 1, s, s))
	name, inputs := b.before(following, "upsample"), []string{x, "", scales} // no region of interest
	switch l.Mode {
	case graph.Nearest:
		return b.add("Resize", name, inputs, onnx.TextAttr("coordinate_transformation_mode", "asymmetric"),
			onnx.TextAttr("mode", "nearest"), onnx.TextAttr("nearest_mode", "floor")), nil
	case graph.Bilinear:
		return b.add("Resize", name, inputs, onnx.TextAttr("coordinate_transformation_mode", "half_pixel"),
			onnx.TextAttr("mode", "linear")), nil
	}
	return "", fmt.Errorf("upsample mode %q has no ONNX form", l.Mode)
}

// withParams lists x and the parameters of a layer, in the order of both package graph and the
// operator. It adds each parameter as an initializer of its name.
func (b *builder) withParams(l graph.Layer, x string) []string {
	inputs := []string{x}
	for _, p := range graph.LayerParams(l) {
		dims, values := int64s(p.Shape...), slices.Values(b.weights[p.Name])
		if p.Role == graph.Weight {
			dims, values = filters(p.Shape, b.weights[p.Name])
		}
		if _, ok := l.(graph.DepthwiseConv); ok && p.Role == graph.Weight {
			dims[0], dims[1] = dims[1], dims[0] // one input channel for each output
		}
		b.tensors = append(b.tensors, onnx.Stream(p.Name, dims, values))
		inputs = append(inputs, p.Name)
	}
	return inputs
}

// constant returns the name of the initializer for key, which identifies the content and suggests
// the name. It adds t under that name at the first call.
func (b *builder) constant(key string, t *onnx.Tensor) string {
	of := fmt.Sprint(key, b.kind) // a model of 16 bits has the constants of wide nodes in 32
	name, ok := b.shared[of]
	if !ok {
		name = b.initializer(key, t)
		b.shared[of] = name
	}
	return name
}

// initializer adds t under a name, or one like it, and returns that.
func (b *builder) initializer(name string, t *onnx.Tensor) string {
	t.Name = b.unique(name)
	b.tensors = append(b.tensors, t)
	return t.Name
}

// vector returns a tensor of one dimension.
func vector[T uint8 | int8 | int32 | int64](values ...T) *onnx.Tensor {
	return onnx.NewTensor("", int64s(len(values)), values)
}

// floats returns a float32 tensor of one dimension, float a scalar. Both can become float16.
func floats(values ...float32) *onnx.Tensor {
	return onnx.Stream("", int64s(len(values)), slices.Values(values))
}

func float(v float32) *onnx.Tensor {
	return onnx.Stream("", nil, slices.Values([]float32{v}))
}

// ints returns an attribute that lists integers.
func ints(name string, values ...int) onnx.Attr { return onnx.IntsAttr(name, int64s(values...)...) }

// add adds a node and returns the name of its output, which is its own.
func (b *builder) add(op, name string, inputs []string, attrs ...onnx.Attr) string {
	return b.put(op, b.unique(name), inputs, attrs...)
}

// put adds a node under a name that is already taken for it.
func (b *builder) put(op, name string, inputs []string, attrs ...onnx.Attr) string {
	n := onnx.Node{Op: op, Name: name, Inputs: inputs, Outputs: []string{name}, Attrs: attrs}
	b.nodes = append(b.nodes, node{n, b.current, b.kind})
	return name
}

// after names a layer after the named one before it.
func (b *builder) after(kind string) string {
	if b.last == "" {
		return kind
	}
	return b.last + "." + kind
}

// isWide reports whether a wide node computes a value.
func (b *builder) isWide(value string) bool {
	return slices.ContainsFunc(b.nodes, func(n node) bool { return n.kind == wide && n.output() == value })
}

// before names a layer that prepares the input of a convolution after that convolution, and any
// other layer as after does.
func (b *builder) before(following []graph.Layer, kind string) string {
	for _, l := range following {
		switch l := l.(type) {
		case graph.Conv:
			return l.Name + "." + kind
		case graph.DepthwiseConv:
			return l.Name + "." + kind
		case graph.ConvTranspose:
			return l.Name + "." + kind
		case graph.ReflectPad, graph.ZeroPad, graph.Upsample:
		default:
			return b.after(kind)
		}
	}
	return b.after(kind)
}

// unique returns name, or when it is taken name with the first free number.
func (b *builder) unique(name string) string {
	free := name
	for i := 2; b.taken[free]; i++ {
		free = fmt.Sprintf("%s_%d", name, i)
	}
	b.taken[free] = true
	return free
}
