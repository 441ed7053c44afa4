package onnxgraph

import (
	"fmt"

	"cyclegan/graph"
	"cyclegan/infer/onnx"
)

// A phase is one of the ordinary convolutions of stride 1 that make up a transposed convolution
// (Shi et al. 2016, https://arxiv.org/abs/1609.07009), along one axis: phase p computes the outputs
// s*m + p for all m.
type phase struct {
	// taps are the kernel's positions, in the order of the inputs they meet.
	taps []int
	// before and after count the zeros needed at either end.
	before, after int
}

// phases divides a transposed convolution. Its output s*m + p meets input i at the kernel's
// position k = s*(m-i) + p + pad.
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

// pick takes rows and columns out of a transposed convolution's weight [in, out, k, k] and returns
// [out, in, rows, columns].
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

// interleave puts the results of all phases, those of the second axis changing faster, in their
// places. It works with the channels last, where ONNX Runtime has integers anyway and whole pixels
// move. DepthToSpace would be a single node, but takes several times as long as the convolutions.
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
