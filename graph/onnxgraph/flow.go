package onnxgraph

import (
	"slices"

	"cyclegan/graph"
)

// A flow holds the producer and the readers of each value of a float32 model, and which of its
// convolutions 8-bit integers compute.
type flow struct {
	nodes    []node
	producer map[string]int   // the node that computes a value
	uses     map[string][]int // the nodes that read a value
	// chosen are the convolutions to compute with integers.
	chosen map[int]bool
}

// newFlow chooses all convolutions except the last ones before the output: there nothing hides the
// rounding, and with the few channels of an image integers are hardly faster.
func newFlow(nodes []node) *flow {
	f := &flow{nodes: nodes, producer: map[string]int{}, uses: map[string][]int{}, chosen: map[int]bool{}}
	for i, n := range nodes {
		f.producer[n.output()] = i
		for _, in := range n.Inputs {
			f.uses[in] = append(f.uses[in], i)
		}
	}
	ahead := map[string]bool{} // a convolution reads the value, or a value computed from it
	for i, n := range slices.Backward(nodes) {
		conv := quantizable(n.layer)
		f.chosen[i] = conv && ahead[n.output()]
		for _, in := range n.Inputs {
			ahead[in] = ahead[in] || conv || ahead[n.output()]
		}
	}
	return f
}

// quantizable reports whether a layer is a convolution, or a transposed convolution that divides
// into phases of equal size.
func quantizable(l graph.Layer) bool {
	switch l := l.(type) {
	case graph.Conv:
		return true
	case graph.ConvTranspose:
		uneven := func(p phase) bool { return len(p.taps) == 0 || p.before < 0 || p.after < 0 }
		return l.Kernel-2*l.Pad+l.OutPad == l.Stride && !slices.ContainsFunc(phases(l), uneven)
	}
	return false
}

// unpadded returns a node's first input, or the value before its padding by mirrored bytes.
func (f *flow) unpadded(n node) string {
	x := n.Inputs[0]
	if i, ok := f.producer[x]; ok && f.mirrors(f.nodes[i]) {
		return f.nodes[i].Inputs[0]
	}
	return x
}

// mirrors reports whether a node is a padding whose values are all from its input, so that bytes
// may pass it: the byte of zero depends on the scale.
func (f *flow) mirrors(n node) bool {
	_, ok := n.layer.(graph.ReflectPad)
	return ok && n.Op == "Pad"
}

// rectifier returns the Relu that is the only reader of a convolution's result, if an integer
// convolution reads the Relu's result. Bytes without negative levels replace it.
func (f *flow) rectifier(n node) (relu node, ok bool) {
	readers := f.uses[n.output()]
	if len(readers) != 1 {
		return node{}, false
	}
	relu = f.nodes[readers[0]]
	return relu, relu.Op == "Relu" && slices.ContainsFunc(f.uses[relu.output()], func(i int) bool {
		return f.chosen[i] || f.mirrors(f.nodes[i]) && f.onlyBytes(f.nodes[i].output())
	})
}

// onlyBytes reports whether all readers of a value are integer convolutions.
func (f *flow) onlyBytes(value string) bool {
	readers := f.uses[value]
	return len(readers) > 0 && !slices.ContainsFunc(readers, func(i int) bool { return !f.chosen[i] })
}

// normed reports whether InstanceNorm is the only reader of a value. It removes any factor and
// summand of a channel.
func (f *flow) normed(value string) bool {
	readers := f.uses[value]
	return len(readers) == 1 && f.nodes[readers[0]].Op == "InstanceNormalization"
}

// A site is a value whose range the calibration has to find, for all channels together or for each
// one.
type site struct {
	value      string
	perChannel bool
}

// sites lists the inputs and results of the integer convolutions.
func (f *flow) sites() []site {
	var list []site
	add := func(value string) {
		if s := (site{value, f.normed(value)}); !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	for i, n := range f.nodes {
		if !f.chosen[i] {
			continue
		}
		add(f.unpadded(n))
		if relu, ok := f.rectifier(n); ok {
			add(relu.output())
		} else {
			add(n.output())
		}
	}
	return list
}

// shapes follows an image through the nodes.
func (f *flow) shapes(image graph.Shape) (map[string]graph.Shape, error) {
	shapes := map[string]graph.Shape{inputName: image}
	for _, n := range f.nodes {
		s := shapes[n.Inputs[0]]
		switch n.Op {
		case "Identity":
		case "Concat":
			for _, in := range n.Inputs[1:] {
				s.C += shapes[in].C
			}
		default:
			var err error
			if s, err = graph.LayerShape(n.layer, s); err != nil {
				return nil, err
			}
		}
		shapes[n.output()] = s
	}
	return shapes, nil
}
