package onnxgraph

import (
	"fmt"
	"math"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph/quantize"
	"cyclegan/infer/onnx"
)

// A part is a convolution of the 8-bit model: a convolution of the float32 model, or one phase of a
// transposed convolution.
type part struct {
	name   string
	dims   []int // [out, in, height, width]
	stride int
	pads   [4]int    // at the beginning and at the end of both axes
	weight string    // the int8 initializer
	scales []float32 // of the weight's output channels
	bias   []float32 // nil for none
}

// convolution rewrites a chosen convolution.
func (q *quantizer) convolution(n node) {
	x, name := q.asBytes(n.Inputs[0]), n.output()
	parts := q.parts(n)
	if relu, ok := q.flow.rectifier(n); ok {
		y := q.oneScale(n, relu.output(), x, parts)
		q.values[name], q.values[relu.output()] = y, y
		return
	}
	if !q.flow.normed(name) {
		q.values[name] = q.oneScale(n, name, x, parts)
		return
	}
	if one, ok := oneGrid(q.seen[name]); ok {
		q.values[name] = q.onGrid(n, "", x, parts, one)
		return
	}
	low, high := twoGrids(q.seen[name])
	var halves []string
	for _, half := range []struct {
		suffix string
		grid   grid
	}{{".low", low}, {".high", high}} {
		float := q.unique(name + half.suffix)
		q.dequantize(float, q.onGrid(n, half.suffix, x, parts, half.grid))
		halves = append(halves, float)
	}
	q.values[name] = &value{float: q.put("Add", name, halves)}
}

// oneScale convolves to bytes with the scale of a value.
func (q *quantizer) oneScale(n node, name string, x *value, parts []part) *value {
	y := q.calibrated(name)
	y.bytes = q.integers(n, "", x, parts, nil, y.scale, y.zero)
	return y
}

// onGrid convolves to bytes with a scale for each channel.
func (q *quantizer) onGrid(n node, suffix string, x *value, parts []part, g grid) *value {
	unit := q.constant("level", float(1))
	center := q.constant("middle", onnx.NewTensor("", nil, []uint8{middle}))
	scales, zeros := make([]float32, len(g)), make([]uint8, len(g))
	for c, l := range g {
		scales[c], zeros[c] = float32(l.step), l.zero
	}
	return &value{
		perChannel: true,
		bytes:      q.integers(n, suffix, x, parts, g, unit, center),
		scale:      q.initializer(n.output()+suffix+".scale", floats(scales...)),
		zero:       q.initializer(n.output()+suffix+".zero", vector(zeros...)),
	}
}

// parts rounds the weights of a convolution.
func (q *quantizer) parts(n node) []part {
	weight, bias := q.take(n.Inputs[1]), []float32(nil)
	if len(n.Inputs) > 2 {
		bias = q.take(n.Inputs[2])
	}
	var list []part
	add := func(p part, weight []float32) {
		small, scales := quantize.Weights(weight, p.dims[0])
		p.scales, p.bias = scales, bias
		p.weight = q.initializer(p.name+".weight", onnx.NewTensor("", int64s(p.dims...), small))
		list = append(list, p)
	}
	switch l := n.layer.(type) {
	case graph.Conv:
		add(part{
			name: n.Name, stride: l.Stride,
			dims: []int{l.Out, l.In, l.Kernel, l.Kernel},
			pads: [4]int{l.Pad, l.Pad, l.Pad, l.Pad},
		}, weight)
	case graph.ConvTranspose:
		for i, y := range phases(l) {
			for j, x := range phases(l) {
				add(part{
					name: fmt.Sprintf("%s.phase%d%d", n.Name, i, j), stride: 1,
					dims: []int{l.Out, l.In, len(y.taps), len(x.taps)},
					pads: [4]int{y.before, x.before, y.after, x.after},
				}, pick(weight, l, y.taps, x.taps))
			}
		}
	}
	return list
}

// integers adds the parts of a convolution and quantizes the result with scale and zero. The
// convolution itself brings the result to the levels of g, unless g is empty. It returns the bytes.
func (q *quantizer) integers(n node, suffix string, x *value, parts []part, g grid, scale, zero string) string {
	var results []string
	for _, p := range parts {
		sum := q.sum(p, suffix, x, g)
		results = append(results, q.add("QuantizeLinear", p.name+suffix+".bytes", []string{sum, scale, zero}))
	}
	if l, ok := n.layer.(graph.ConvTranspose); ok {
		return q.interleave(n.Name+suffix, results, l)
	}
	return results[0]
}

// sum adds the convolution of bytes with int8 weights and an int32 bias.
func (q *quantizer) sum(p part, suffix string, x *value, g grid) string {
	name, out := p.name+suffix, p.dims[0]
	scales, biasScales, bias := make([]float32, out), make([]float32, out), make([]int32, out)
	for c := range out {
		b, step := 0.0, 1.0
		if p.bias != nil {
			b = float64(p.bias[c])
		}
		if len(g) > 0 {
			b, step = (b-g[c].center)/g[c].step, g[c].step
		}
		scales[c] = float32(float64(p.scales[c]) / step)
		// The runtime adds the bias to sums of products of bytes.
		biasScales[c] = x.params.Scale * scales[c]
		bias[c] = int32(int64(max(math.MinInt32, min(math.Round(b/float64(biasScales[c])), math.MaxInt32))))
	}
	noZeros := q.constant(fmt.Sprintf("weight_zeros_%d", out), vector(make([]int8, out)...))
	in := q.add("DequantizeLinear", name+".in", []string{x.bytes, x.scale, x.zero})
	axis := onnx.IntAttr("axis", 0)
	weights := []string{p.weight, q.initializer(name+".weight.scale", floats(scales...)), noZeros}
	weight := q.add("DequantizeLinear", name+".weight.float", weights, axis)
	biases := []string{
		q.initializer(name+".bias", vector(bias...)), q.initializer(name+".bias.scale", floats(biasScales...)),
	}
	return q.add("Conv", name+".sum", []string{in, weight, q.add("DequantizeLinear", name+".bias.float", biases, axis)},
		ints("kernel_shape", p.dims[2:]...), ints("pads", p.pads[:]...), ints("strides", p.stride, p.stride))
}

// middle is the level in the middle of a byte.
const middle = 128

// A grid gives the bytes of a convolution's result their meaning, for each channel. A scale for
// each channel costs nothing, since it goes into the scale of that channel's weights. InstanceNorm
// has to follow: it removes a summand that all levels of a channel share.
type grid []levels

// levels are the levels of one channel: level q of the convolution's result is center +
// (q-middle)*step, which InstanceNorm reads as (q-zero)*step.
type levels struct {
	center, step float64
	zero         uint8
}

// at returns levels of which the given one is v, read as 0.
func at(level uint8, v, step float64) levels {
	return levels{v + float64(middle-int(level))*step, step, level}
}

// maxOneByteLoss limits the error of rounding a result to one byte, as squared error over variance
// (35 dB). Beyond it the result gets two bytes: if the network's last transposed convolution has a
// long tail, a single byte would cost more than all other rounding together.
var maxOneByteLoss = math.Pow(10, -3.5)

// oneGrid covers the values that the calibration saw. ok reports whether it is fine enough.
func oneGrid(seen []quantize.Histogram) (g grid, ok bool) {
	loss := 0.0
	for i := range seen {
		lo, hi := seen[i].Range()
		loss += seen[i].Loss(lo, hi)
		g = append(g, at(middle, (lo+hi)/2, step(lo, hi)))
	}
	return g, loss <= maxOneByteLoss*float64(len(seen))
}

// twoGrids covers the values with two grids whose results add up: the first one ends at the level
// where the second one starts.
func twoGrids(seen []quantize.Histogram) (low, high grid) {
	for i := range seen {
		lo, cut, hi := seen[i].Split()
		low = append(low, at(quantize.Levels, cut, step(lo, cut)))
		high = append(high, at(0, cut, step(cut, hi)))
	}
	return low, high
}

// step is the distance between levels from lo to hi, 1 if these are equal.
func step(lo, hi float64) float64 {
	if s := (hi - lo) / quantize.Levels; s > 1e-30 {
		return s
	}
	return 1
}
