package onnxgraph

import (
	"fmt"
	"slices"

	"cyclegan/graph"
)

// A node is one operator of the model.
type node struct {
	op, name   string
	inputs     []string
	output     string
	attributes []message
	// layer is what the node computes.
	layer graph.Layer
}

// A builder turns layers into nodes and initializers.
type builder struct {
	weights graph.Weights
	nodes   []node
	tensors []*tensor
	// taken holds every name given so far. Nodes, their outputs and the
	// initializers share one set of names.
	taken map[string]bool
	// last is the latest layer that has a name of its own; layers without one
	// are named after it.
	last string
	// shared maps what a constant is to the name of its initializer.
	shared map[string]string
	// current is the layer that is being added.
	current graph.Layer
}

// build adds all layers of the network. At least one node results.
func build(n *graph.Network, w graph.Weights) (*builder, error) {
	b := &builder{weights: w, taken: map[string]bool{inputName: true, outputName: true}, shared: map[string]string{}}
	for _, p := range n.Params() {
		b.taken[p.Name] = true
	}
	if _, err := b.layers(n.Layers, inputName); err != nil {
		return nil, err
	}
	if len(b.nodes) == 0 {
		b.add("Identity", "identity", []string{inputName})
	}
	b.nodes[len(b.nodes)-1].output = outputName
	return b, nil
}

// layers adds a chain of layers that begins with the value x and returns the
// value at its end.
func (b *builder) layers(layers []graph.Layer, x string) (string, error) {
	for i, l := range layers {
		var err error
		if x, err = b.layer(l, x, layers[i+1:]); err != nil {
			return "", err
		}
	}
	return x, nil
}

// layer adds one layer that takes the value x and returns its result. The
// layers that follow it in its chain only serve to find a name.
func (b *builder) layer(l graph.Layer, x string, following []graph.Layer) (string, error) {
	b.current = l
	switch l := l.(type) {
	case graph.Conv:
		b.last = l.Name
		return b.add("Conv", l.Name, b.convInputs(l, x),
			intsAttribute("kernel_shape", l.Kernel, l.Kernel),
			intsAttribute("pads", l.Pad, l.Pad, l.Pad, l.Pad),
			intsAttribute("strides", l.Stride, l.Stride)), nil
	case graph.ConvTranspose:
		b.last = l.Name
		return b.add("ConvTranspose", l.Name, b.convInputs(l, x),
			intsAttribute("kernel_shape", l.Kernel, l.Kernel),
			intsAttribute("output_padding", l.OutPad, l.OutPad),
			intsAttribute("pads", l.Pad, l.Pad, l.Pad, l.Pad),
			intsAttribute("strides", l.Stride, l.Stride)), nil
	case graph.ReflectPad:
		p := int64(l.Pad)
		pads := b.constant(fmt.Sprintf("pads_%d", p), tensor{kind: typeInt64, dims: []int{8}, ints: []int64{0, 0, p, p, 0, 0, p, p}})
		return b.add("Pad", b.before(following, "pad"), []string{x, pads}, stringAttribute("mode", "reflect")), nil
	case graph.Upsample:
		return b.upsample(l, x, following)
	case graph.InstanceNorm:
		c := l.Channels
		ones := b.constant(fmt.Sprintf("ones_%d", c), tensor{kind: typeFloat, dims: []int{c}, floats: slices.Repeat([]float32{1}, c)})
		zeros := b.constant(fmt.Sprintf("zeros_%d", c), tensor{kind: typeFloat, dims: []int{c}, floats: make([]float32, c)})
		return b.add("InstanceNormalization", b.after("norm"), []string{x, ones, zeros}, floatAttribute("epsilon", l.Epsilon)), nil
	case graph.BatchNorm:
		inputs := []string{x}
		for _, p := range graph.LayerParams(l) { // gamma, beta, mean, variance: the operator's order too
			inputs = append(inputs, b.parameter(p))
		}
		return b.add("BatchNormalization", l.Name, inputs, floatAttribute("epsilon", l.Epsilon)), nil
	case graph.ReLU:
		return b.add("Relu", b.after("relu"), []string{x}), nil
	case graph.LeakyReLU:
		return b.add("LeakyRelu", b.after("leaky_relu"), []string{x}, floatAttribute("alpha", l.Slope)), nil
	case graph.Tanh:
		return b.add("Tanh", b.after("tanh"), []string{x}), nil
	case graph.Clamp:
		lo := b.constant(fmt.Sprintf("scalar_%g", l.Min), tensor{kind: typeFloat, floats: []float32{l.Min}})
		hi := b.constant(fmt.Sprintf("scalar_%g", l.Max), tensor{kind: typeFloat, floats: []float32{l.Max}})
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
		return b.add("Concat", b.after("concat"), []string{x, branch}, intAttribute("axis", 1)), nil
	default:
		return "", fmt.Errorf("layer kind %T has no ONNX form", l)
	}
}

// upsample adds a Resize node. Nearest repeats every pixel Scale times, which
// is what Resize does with the floor of asymmetric coordinates.
func (b *builder) upsample(l graph.Upsample, x string, following []graph.Layer) (string, error) {
	s := float32(l.Scale)
	scales := b.constant(fmt.Sprintf("scales_%d", l.Scale), tensor{kind: typeFloat, dims: []int{4}, floats: []float32{1, 1, s, s}})
	name, inputs := b.before(following, "upsample"), []string{x, "", scales} // no region of interest
	switch l.Mode {
	case graph.Nearest:
		return b.add("Resize", name, inputs, stringAttribute("coordinate_transformation_mode", "asymmetric"),
			stringAttribute("mode", "nearest"), stringAttribute("nearest_mode", "floor")), nil
	case graph.Bilinear:
		return b.add("Resize", name, inputs, stringAttribute("coordinate_transformation_mode", "half_pixel"),
			stringAttribute("mode", "linear")), nil
	}
	return "", fmt.Errorf("upsample mode %q has no ONNX form", l.Mode)
}

// convInputs lists x, the weight and the bias, if there is one.
func (b *builder) convInputs(l graph.Layer, x string) []string {
	inputs := []string{x}
	for _, p := range graph.LayerParams(l) {
		inputs = append(inputs, b.parameter(p))
	}
	return inputs
}

// parameter adds a parameter of the network as an initializer of its own name.
func (b *builder) parameter(p graph.Param) string {
	t := &tensor{name: p.Name, dims: p.Shape, floats: b.weights[p.Name], kind: typeFloat}
	if p.Role == graph.Weight {
		t.dims, t.filters = filterDims(p.Shape), true
	}
	b.tensors = append(b.tensors, t)
	return t.name
}

// constant returns the name of the initializer t, which it adds when it is
// asked for the first time. key says what t holds and suggests its name.
func (b *builder) constant(key string, t tensor) string {
	if name, ok := b.shared[key]; ok {
		return name
	}
	t.name = b.unique(key)
	b.shared[key] = t.name
	b.tensors = append(b.tensors, &t)
	return t.name
}

// add appends a node and returns the name of its output, which is its own.
func (b *builder) add(op, name string, inputs []string, attributes ...message) string {
	name = b.unique(name)
	b.nodes = append(b.nodes, node{op: op, name: name, inputs: inputs, output: name, attributes: attributes, layer: b.current})
	return name
}

// after names a layer after the named one before it.
func (b *builder) after(kind string) string {
	if b.last == "" {
		return kind
	}
	return b.last + "." + kind
}

// before names a layer that prepares the input of a convolution after that
// one, and any other as after does.
func (b *builder) before(following []graph.Layer, kind string) string {
	for _, l := range following {
		switch l := l.(type) {
		case graph.Conv:
			return l.Name + "." + kind
		case graph.ConvTranspose:
			return l.Name + "." + kind
		case graph.ReflectPad, graph.Upsample:
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
