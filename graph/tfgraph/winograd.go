//go:build tensorflow

package tfgraph

import (
	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
	"cyclegan/infer/winograd"
)

// The form needs this many channels in and out and output pixels. With fewer, the transforms cost
// what the multiplications save.
const (
	winogradChannels = 64
	winogradPixels   = 16 * 16
)

// winograd adds the convolution at the start of layers, with a reflecting pad before it, in the
// form F(4x4, 3x3) of Winograd and of Lavin and Gray (https://arxiv.org/abs/1509.09308): each tile
// of 6x6 inputs gives 4x4 outputs with 36 multiplications for a pair of channels instead of 144.
// The multiplications are 36 matrix products, and so are the transforms of whole rows and columns
// and all gradients. On a CPU this takes half the time of TensorFlow's own convolution. Results and
// gradients are rounded to about 1e-5 of the largest value instead of 1e-6.
//
// It returns the number of layers that it added, 0 if the form does not fit.
func (r *reader) winograd(layers []graph.Layer, x tensor) (y tensor, took int) {
	if !r.mode.Winograd {
		return tensor{}, 0
	}
	reflect := 0
	if p, ok := layers[0].(graph.ReflectPad); ok && len(layers) > 1 {
		reflect = p.Pad
		layers, took = layers[1:], 1
	}
	l, ok := layers[0].(graph.Conv)
	if !ok || l.Kernel != winograd.Taps || l.Stride != 1 || min(l.In, l.Out) < winogradChannels || reflect > 0 && l.Pad > 0 {
		return tensor{}, 0
	}
	pad := max(reflect, l.Pad)
	shape := graph.Shape{H: x.shape.H + 2*pad - winograd.Taps + 1, W: x.shape.W + 2*pad - winograd.Taps + 1, C: l.Out}
	if shape.H*shape.W < winogradPixels || reflect >= min(x.shape.H, x.shape.W) {
		return tensor{}, 0
	}
	s := r.scope.SubScope(l.Name)
	out := r.winogradConv(s, l, x, shape, pad, reflect > 0)
	return tensor{r.bias(s, out, l.Name, l.Bias), shape}, took + 1
}

// winogradConv is the convolution. n is the batch, h and w are the tiles in a column and in a row.
func (r *reader) winogradConv(s *op.Scope, l graph.Conv, x tensor, shape graph.Shape, pad int, reflect bool) tf.Output {
	n, h, w := r.batch, tiles(shape.H), tiles(shape.W)
	rows, columns := winograd.Tile*h, winograd.Tile*w
	filters := winogradFilters(s, r.values[l.Name+".weight"], l)

	in := s.SubScope(winogradInputScope)
	v := reshape(in, x.out, n, x.shape.H, x.shape.W*l.In)
	v = matrices(in, inputMatrix(in, x.shape.H, shape.H, pad, reflect), v) // [n, 6*h, W*C]
	v = reshape(in, v, n*rows, x.shape.W, l.In)
	v = matrices(in, inputMatrix(in, x.shape.W, shape.W, pad, reflect), v) // [n*6*h, 6*w, C]
	// One matrix for each point.
	v = reshape(in, v, n, winograd.Tile, h, winograd.Tile, w*l.In)
	v = transpose(in, v, 1, 3, 0, 2, 4) // [6, 6, n, h, w*C]
	v = reshape(in, v, winograd.Points, n*h*w, l.In)

	m := matrices(s.SubScope("winograd"), v, filters) // [36, n*h*w, O]

	out := s.SubScope("winograd_output")
	m = reshape(out, m, winograd.Tile, winograd.Tile, n, h, w*l.Out)
	m = transpose(out, m, 2, 0, 3, 1, 4) // [n, 6, h, 6, w*O]
	m = reshape(out, m, n*rows, columns, l.Out)
	m = matrices(out, outputMatrix(out, shape.W), m) // [n*6*h, W, O]
	m = reshape(out, m, n, rows, shape.W*l.Out)
	m = matrices(out, outputMatrix(out, shape.H), m) // [n, H, W*O]
	return reshape(out, m, n, shape.H, shape.W, l.Out)
}

// winogradInputScope is in the names of the operations that transform inputs, where Recompute finds
// it.
const winogradInputScope = "winograd_input"

// winogradFilters transforms the weights [3, 3, I, O] of a layer to [36, I, O]. Each application of
// a network does it again: TensorFlow merges equal operations, but the gradients of the
// applications are then added as 3x3 filters instead of four times as large transformed ones.
func winogradFilters(s *op.Scope, weight tf.Output, l graph.Conv) tf.Output {
	s = s.SubScope("winograd_filter")
	var g [][]float32
	for i := range winograd.Tile {
		for j := range winograd.Tile {
			var row []float32
			for y := range winograd.Taps {
				for x := range winograd.Taps {
					row = append(row, float32(winograd.Filter[i][y]*winograd.Filter[j][x]))
				}
			}
			g = append(g, row)
		}
	}
	flat := reshape(s, weight, winograd.Taps*winograd.Taps, l.In*l.Out)
	return reshape(s, op.MatMul(s, op.Const(s.SubScope("G"), g), flat), winograd.Points, l.In, l.Out)
}

// tiles returns the number of tiles that cover n outputs.
func tiles(n int) int { return (n + winograd.Step - 1) / winograd.Step }

// inputMatrix [6*tiles, size] pads and transforms a column or row of size inputs to the points of
// its tiles: first the first points of all tiles, then the second ones and so on. Inputs of the
// last tile beyond the padding are zero.
func inputMatrix(s *op.Scope, size, out, pad int, reflect bool) tf.Output {
	n := tiles(out)
	m := make([][]float32, winograd.Tile*n)
	for i := range m {
		m[i] = make([]float32, size)
		point, first := i/n, i%n*winograd.Step-pad
		for k, v := range winograd.Input[point] {
			at := first + k
			if at >= size+pad {
				break
			}
			if reflect {
				at = max(at, -at)
				at = min(at, 2*(size-1)-at)
			}
			if at >= 0 && at < size {
				m[i][at] += v
			}
		}
	}
	return op.Const(s.SubScope("matrix"), m)
}

// outputMatrix [out, 6*tiles] transforms the products of a column or row to its outputs.
func outputMatrix(s *op.Scope, out int) tf.Output {
	n := tiles(out)
	m := make([][]float32, out)
	for i := range m {
		m[i] = make([]float32, winograd.Tile*n)
		for point, v := range winograd.Output[i%winograd.Step] {
			m[i][point*n+i/winograd.Step] = v
		}
	}
	return op.Const(s.SubScope("matrix"), m)
}

// matrices multiplies matrices in the last two axes. A single matrix is multiplied with all others.
func matrices(s *op.Scope, x, y tf.Output) tf.Output {
	return op.BatchMatMulV2(s.SubScope("product"), x, y)
}

func reshape(s *op.Scope, x tf.Output, dims ...int) tf.Output {
	s = s.SubScope("reshape")
	return op.Reshape(s, x, op.Const(s.SubScope("shape"), int32s(dims)))
}

func transpose(s *op.Scope, x tf.Output, order ...int) tf.Output {
	s = s.SubScope("transpose")
	return op.Transpose(s, x, op.Const(s.SubScope("order"), int32s(order)))
}

func int32s(list []int) []int32 {
	out := make([]int32, len(list))
	for i, v := range list {
		out[i] = int32(v)
	}
	return out
}
