package onnxgraph

import (
	"fmt"

	"cyclegan/graph"
)

// A phase is one of the ordinary convolutions, with stride 1, that a transposed
// one consists of (Shi et al. 2016, https://arxiv.org/abs/1609.07009), along
// one axis: that of the outputs s*m + p for all m.
type phase struct {
	// taps are the kernel's positions, by the inputs that they meet.
	taps []int
	// before and after count the zeros needed at either end.
	before, after int
}

// phases parts a transposed convolution. Its output s*m + p gets from input i
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

// interleave puts the results of all phases, the second axis' changing faster,
// in their places. It does so with the channels last, where ONNX Runtime has
// integers anyway, and whole pixels move; DepthToSpace, which would do in one
// node, takes several times as long as the convolutions.
func (q *quantizer) interleave(name string, results []string, l graph.ConvTranspose) string {
	s := l.Stride
	rowShape := q.constant(fmt.Sprintf("row_%d", l.Out), tensor{kind: typeInt64, dims: []int{4}, ints: []int64{0, 0, -1, int64(l.Out)}})
	growth := q.constant(fmt.Sprintf("growth_%d", s), tensor{kind: typeInt64, dims: []int{4}, ints: []int64{1, int64(s), 1, 1}})
	var rows []string // [n, h, s*w, c] each
	for p := range s {
		var columns []string // [n, h, w, c] each
		for _, result := range results[p*s:][:s] {
			columns = append(columns, q.add("Transpose", result+".nhwc", []string{result}, intsAttribute("perm", 0, 2, 3, 1)))
		}
		row := fmt.Sprintf("%s.row%d", name, p)
		pairs := q.add("Concat", row+".pixels", columns, intAttribute("axis", 3)) // [n, h, w, s*c]
		rows = append(rows, q.add("Reshape", row, []string{pairs, rowShape}))
	}
	size := q.add("Mul", name+".size", []string{q.add("Shape", name+".row_size", []string{rows[0]}), growth})
	side := q.add("Concat", name+".rows", rows, intAttribute("axis", 2)) // [n, h, s*s*w, c]
	whole := q.add("Reshape", name+".nhwc", []string{side, size})        // [n, s*h, s*w, c]
	return q.add("Transpose", name+".bytes", []string{whole}, intsAttribute("perm", 0, 3, 1, 2))
}
