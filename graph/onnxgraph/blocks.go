package onnxgraph

import "cyclegan/graph"

// block is the side of the squares of pixels that blocks computes at once.
const block = 2

// A side says how long one side of a map can be: unit times any number, and
// extra.
type side struct{ unit, extra int }

// sides follows the sides of pictures through the nodes.
func (f *flow) sides() map[string]side {
	sides := map[string]side{inputName: {1, 0}}
	for _, n := range f.nodes {
		s := sides[n.inputs[0]]
		switch l := n.layer.(type) {
		case graph.Conv:
			if s.extra += 2*l.Pad - (l.Kernel - 1); l.Stride > 1 {
				s = side{1, 0}
			}
		case graph.ConvTranspose:
			s.unit *= l.Stride
			s.extra = (s.extra-1)*l.Stride - 2*l.Pad + l.Kernel + l.OutPad
		case graph.ReflectPad:
			s.extra += 2 * l.Pad
		case graph.Upsample:
			s.unit, s.extra = s.unit*l.Scale, s.extra*l.Scale
		case graph.GlobalMean:
			s = side{1, 0}
		}
		sides[n.output] = s
	}
	return sides
}

// inBlocks reports whether a convolution gets faster by blocks: it has few
// results from a large kernel, and their number is even.
func inBlocks(n node, s side) bool {
	l, ok := n.layer.(graph.Conv)
	return ok && l.Stride == 1 && l.Out <= 4 && l.Kernel >= 5 && s.unit%block == 0 && s.extra%block == 0
}

// blocks computes a float32 convolution in blocks. One that makes a picture
// gives 3 numbers for each pixel, where a processor computes 8 or 16 at once.
// As a convolution with stride 2 it gives the 12 numbers of four pixels; its
// kernel, larger by 1, holds the original one at four places.
func (q *quantizer) blocks(n node) {
	l := n.layer.(graph.Conv)
	k, wide := l.Kernel, l.Kernel+block-1
	x := q.asFloat(n.inputs[0])
	weight := q.take(n.inputs[1])
	dims := []int{block * block * l.Out, l.In, wide, wide}
	large := make([]float32, dims[0]*dims[1]*wide*wide)
	for y := range block { // DepthToSpace takes the channels as [row, column, channel]
		for x := range block {
			for filter := range l.Out * l.In {
				from, to := weight[filter*k*k:], large[((y*block+x)*l.Out*l.In+filter)*wide*wide:]
				for row := range k {
					copy(to[(row+y)*wide+x:][:k], from[row*k:])
				}
			}
		}
	}
	inputs := []string{x, q.initializer(tensor{name: n.name + ".weight", kind: typeFloat, dims: dims, floats: large})}
	if l.Bias {
		bias, all := q.take(n.inputs[2]), []float32(nil)
		for range block * block {
			all = append(all, bias...)
		}
		inputs = append(inputs, q.initializer(tensor{name: n.name + ".bias", kind: typeFloat, dims: []int{len(all)}, floats: all}))
	}
	blocks := q.add("Conv", n.name+".blocks", inputs,
		intsAttribute("kernel_shape", wide, wide),
		intsAttribute("pads", l.Pad, l.Pad, l.Pad, l.Pad),
		intsAttribute("strides", block, block))
	q.put(node{op: "DepthToSpace", name: n.output, output: n.output, inputs: []string{blocks}, attributes: []message{intAttribute("blocksize", block)}})
}
