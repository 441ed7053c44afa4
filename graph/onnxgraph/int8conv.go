package onnxgraph

import (
	"fmt"
	"math"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph/quantize"
)

// A part is a convolution of the 8-bit model: all of one of the float32 model,
// or one phase of a transposed one.
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
	x := q.asBytes(n.inputs[0])
	parts := q.parts(n)
	if relu, ok := q.flow.rectifier(n); ok {
		y := q.oneScale(n, relu.output, x, parts)
		q.values[n.output], q.values[relu.output] = y, y
		return
	}
	if !q.flow.normed(n.output) {
		q.values[n.output] = q.oneScale(n, n.output, x, parts)
		return
	}
	if one, ok := oneGrid(q.seen[n.output]); ok {
		q.values[n.output] = q.onGrid(n, "", x, parts, one)
		return
	}
	low, high := twoGrids(q.seen[n.output])
	sum := node{op: "Add", name: n.output, output: n.output}
	for _, half := range []struct {
		suffix string
		grid   grid
	}{{".low", low}, {".high", high}} {
		name := q.unique(n.output + half.suffix)
		q.dequantize(name, q.onGrid(n, half.suffix, x, parts, half.grid))
		sum.inputs = append(sum.inputs, name)
	}
	q.put(sum)
}

// oneScale convolves to bytes whose scale is that of a value.
func (q *quantizer) oneScale(n node, name string, x *value, parts []part) *value {
	y := q.withParams(name)
	y.bytes = q.integers(n, "", x, parts, grid{}, y.scale, y.zero)
	return y
}

// onGrid convolves to bytes with a scale for each channel.
func (q *quantizer) onGrid(n node, suffix string, x *value, parts []part, g grid) *value {
	unit := q.constant("level", tensor{kind: typeFloat, floats: []float32{1}})
	center := q.constant("middle", tensor{kind: typeUint8, ints: []int64{middle}})
	scales, zeros := make([]float32, len(g)), make([]int64, len(g))
	for c, l := range g {
		scales[c], zeros[c] = float32(l.step), l.zero
	}
	dims := []int{len(g)}
	return &value{
		perChannel: true,
		bytes:      q.integers(n, suffix, x, parts, g, unit, center),
		scale:      q.initializer(tensor{name: n.output + suffix + ".scale", kind: typeFloat, dims: dims, floats: scales}),
		zero:       q.initializer(tensor{name: n.output + suffix + ".zero", kind: typeUint8, dims: dims, ints: zeros}),
	}
}

// parts rounds the weights of a convolution.
func (q *quantizer) parts(n node) []part {
	weight, bias := q.take(n.inputs[1]), []float32(nil)
	if len(n.inputs) > 2 {
		bias = q.take(n.inputs[2])
	}
	var list []part
	add := func(p part, weight []float32) {
		small, scales := quantize.Weights(weight, p.dims[0])
		p.scales, p.bias = scales, bias
		p.weight = q.initializer(tensor{name: p.name + ".weight", kind: typeInt8, dims: p.dims, small: small})
		list = append(list, p)
	}
	switch l := n.layer.(type) {
	case graph.Conv:
		add(part{name: n.name, dims: []int{l.Out, l.In, l.Kernel, l.Kernel}, stride: l.Stride, pads: [4]int{l.Pad, l.Pad, l.Pad, l.Pad}}, weight)
	case graph.ConvTranspose:
		for i, y := range phases(l) {
			for j, x := range phases(l) {
				add(part{
					name: fmt.Sprintf("%s.phase%d%d", n.name, i, j), stride: 1,
					dims: []int{l.Out, l.In, len(y.taps), len(x.taps)},
					pads: [4]int{y.before, x.before, y.after, x.after},
				}, pick(weight, l, y.taps, x.taps))
			}
		}
	}
	return list
}

// integers adds the parts of a convolution, whose result it quantizes with
// scale and zero once the convolution itself has brought it to the levels of g,
// unless that is empty. It returns the bytes.
func (q *quantizer) integers(n node, suffix string, x *value, parts []part, g grid, scale, zero string) string {
	var results []string
	for _, p := range parts {
		sum := q.sum(p, suffix, x, g)
		results = append(results, q.add("QuantizeLinear", p.name+suffix+".bytes", []string{sum, scale, zero}))
	}
	if l, ok := n.layer.(graph.ConvTranspose); ok {
		return q.interleave(n.name+suffix, results, l)
	}
	return results[0]
}

// sum adds the convolution of bytes with int8 weights and an int32 bias.
func (q *quantizer) sum(p part, suffix string, x *value, g grid) string {
	name, out := p.name+suffix, p.dims[0]
	scales, biasScales, bias := make([]float32, out), make([]float32, out), make([]int64, out)
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
		bias[c] = int64(max(math.MinInt32, min(math.Round(b/float64(biasScales[c])), math.MaxInt32)))
	}
	vector := func(suffix string, t tensor) string {
		t.name, t.dims = name+suffix, []int{out}
		return q.initializer(t)
	}
	noZeros := q.constant(fmt.Sprintf("weight_zeros_%d", out), tensor{kind: typeInt8, dims: []int{out}, small: make([]int8, out)})
	axis := intAttribute("axis", 0)
	inputs := []string{
		q.add("DequantizeLinear", name+".in", []string{x.bytes, x.scale, x.zero}),
		q.add("DequantizeLinear", name+".weight.float", []string{p.weight, vector(".weight.scale", tensor{kind: typeFloat, floats: scales}), noZeros}, axis),
		q.add("DequantizeLinear", name+".bias.float", []string{vector(".bias", tensor{kind: typeInt32, ints: bias}), vector(".bias.scale", tensor{kind: typeFloat, floats: biasScales})}, axis),
	}
	return q.add("Conv", name+".sum", inputs,
		intsAttribute("kernel_shape", p.dims[2], p.dims[3]),
		intsAttribute("pads", p.pads[:]...),
		intsAttribute("strides", p.stride, p.stride))
}
