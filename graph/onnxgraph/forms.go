package onnxgraph

import (
	"fmt"
	"slices"

	"cyclegan/graph"
	"cyclegan/infer/onnx"
)

// A phase is one of the ordinary convolutions of stride 1 that make up a
// transposed convolution (Shi et al. 2016, https://arxiv.org/abs/1609.07009),
// along one axis: phase p computes the outputs s*m + p for all m.
type phase struct {
	// taps are the kernel's positions, in the order of the inputs they meet.
	taps []int
	// before and after count the zeros needed at either end.
	before, after int
}

// phases divides a transposed convolution. Its output s*m + p meets input i at
// the kernel's position k = s*(m-i) + p + pad.
func phases(l graph.ConvTranspose) []phase {
	list := make([]phase, l.Stride)
	for p := range list {
		for k := l.Kernel - 1; k >= 0; k-- {
			if (p+l.Pad-k)%l.Stride != 0 {
				continue
			}
			offset := (p + l.Pad - k) / l.Stride // i - m, which grows as k falls
			if len(list[p].taps) == 0 {
				list[p].before = -offset
			}
			list[p].after = offset
			list[p].taps = append(list[p].taps, k)
		}
	}
	return list
}

// pick takes rows and columns out of a transposed convolution's weight
// [in, out, k, k] and returns [out, in, rows, columns].
func pick(weight []float32, l graph.ConvTranspose, rows, columns []int) []float32 {
	picked := make([]float32, 0, l.Out*l.In*len(rows)*len(columns))
	for out := range l.Out {
		for in := range l.In {
			kernel := weight[(in*l.Out+out)*l.Kernel*l.Kernel:]
			for _, y := range rows {
				for _, x := range columns {
					picked = append(picked, kernel[y*l.Kernel+x])
				}
			}
		}
	}
	return picked
}

// interleave puts the results of all phases, those of the second axis changing
// faster, in their places. It works with the channels last, where ONNX Runtime
// has integers anyway and whole pixels move. DepthToSpace would be a single
// node, but takes several times as long as the convolutions.
func (q *quantizer) interleave(name string, results []string, l graph.ConvTranspose) string {
	s := l.Stride
	rowShape := q.constant(fmt.Sprintf("row_%d", l.Out), vector(0, 0, -1, int64(l.Out)))
	growth := q.constant(fmt.Sprintf("growth_%d", s), vector(1, int64(s), 1, 1))
	var rows []string // [n, h, s*w, c] each
	for p := range s {
		var columns []string // [n, h, w, c] each
		for _, result := range results[p*s:][:s] {
			columns = append(columns, q.add("Transpose", result+".nhwc", []string{result}, ints("perm", 0, 2, 3, 1)))
		}
		row := fmt.Sprintf("%s.row%d", name, p)
		pairs := q.add("Concat", row+".pixels", columns, onnx.IntAttr("axis", 3)) // [n, h, w, s*c]
		rows = append(rows, q.add("Reshape", row, []string{pairs, rowShape}))
	}
	size := q.add("Mul", name+".size", []string{q.add("Shape", name+".row_size", []string{rows[0]}), growth})
	side := q.add("Concat", name+".rows", rows, onnx.IntAttr("axis", 2)) // [n, h, s*s*w, c]
	whole := q.add("Reshape", name+".nhwc", []string{side, size})        // [n, s*h, s*w, c]
	return q.add("Transpose", name+".bytes", []string{whole}, ints("perm", 0, 3, 1, 2))
}

// block is the side of the squares of pixels that blocks computes at once.
const block = 2

// A side gives the possible lengths of one side of a map: unit times any number,
// plus extra.
type side struct{ unit, extra int }

// sides follows the sides of images through the nodes.
func (f *flow) sides() map[string]side {
	sides := map[string]side{inputName: {1, 0}}
	for _, n := range f.nodes {
		s := sides[n.Inputs[0]]
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
		sides[n.output()] = s
	}
	return sides
}

// inBlocks reports whether blocks make a convolution faster: it computes few
// channels with a large kernel, and the sides of its result are even.
func inBlocks(n node, s side) bool {
	l, ok := n.layer.(graph.Conv)
	return ok && l.Stride == 1 && l.Out <= 4 && l.Kernel >= 5 && s.unit%block == 0 && s.extra%block == 0
}

// blocks computes a float32 convolution in blocks. The convolution that makes
// an image returns 3 numbers per pixel, while a processor computes 8 or 16 at
// once. As a convolution of stride 2 it returns the 12 numbers of four pixels;
// its kernel, larger by 1, holds the original kernel at four places.
func (q *quantizer) blocks(n node) {
	l := n.layer.(graph.Conv)
	k, wide := l.Kernel, l.Kernel+block-1
	inputs := []string{q.asFloat(n.Inputs[0])}
	weight := q.take(n.Inputs[1])
	filters := l.Out * l.In
	large := make([]float32, block*block*filters*wide*wide)
	for y := range block { // DepthToSpace takes the channels as [row, column, channel]
		for x := range block {
			for filter := range filters {
				from, to := weight[filter*k*k:], large[((y*block+x)*filters+filter)*wide*wide:]
				for row := range k {
					copy(to[(row+y)*wide+x:][:k], from[row*k:])
				}
			}
		}
	}
	dims := int64s(block*block*l.Out, l.In, wide, wide)
	inputs = append(inputs, q.initializer(n.Name+".weight", onnx.NewTensor("", dims, large)))
	if l.Bias {
		bias := slices.Repeat(q.take(n.Inputs[2]), block*block)
		inputs = append(inputs, q.initializer(n.Name+".bias", floats(bias...)))
	}
	pixels := q.add("Conv", n.Name+".blocks", inputs,
		ints("kernel_shape", wide, wide), ints("pads", l.Pad, l.Pad, l.Pad, l.Pad), ints("strides", block, block))
	q.result("DepthToSpace", n.output(), []string{pixels}, onnx.IntAttr("blocksize", block))
}
