package onnxgraph

import (
	"slices"

	"cyclegan/graph/onnxgraph/quantize"
	"cyclegan/infer/onnx"
)

// toInt8 replaces the nodes of a float32 model by those of an 8-bit model. Values that are float32
// in both keep their names.
func (b *builder) toInt8(c *Calibration) {
	q := &quantizer{
		builder: b, flow: c.flow, seen: c.seen,
		parameters: map[string]*onnx.Tensor{}, values: map[string]*value{inputName: {float: inputName}},
	}
	for _, t := range b.tensors {
		q.parameters[t.Name] = t
	}
	b.nodes = nil
	for i, n := range q.flow.nodes {
		switch {
		case q.values[n.output()] != nil: // a Relu that became a part of a convolution
		case q.flow.chosen[i]:
			q.convolution(n)
		case q.flow.mirrors(n) && q.flow.onlyBytes(n.output()):
			padded := *q.asBytes(n.Inputs[0])
			padded.float = ""
			padded.bytes = q.add(n.Op, n.Name+".bytes", []string{padded.bytes, n.Inputs[1]}, n.Attrs...)
			q.values[n.output()] = &padded
		default:
			q.keep(n)
		}
	}
	used := map[string]bool{}
	for _, n := range q.nodes {
		for _, in := range n.Inputs {
			used[in] = true
		}
	}
	q.tensors = slices.DeleteFunc(q.tensors, func(t *onnx.Tensor) bool { return !used[t.Name] })
}

// A quantizer writes the nodes of an 8-bit model.
type quantizer struct {
	*builder
	flow       *flow // of the float32 model
	seen       map[string][]quantize.Histogram
	parameters map[string]*onnx.Tensor // of the float32 model, by name
	values     map[string]*value       // of the float32 model, by name
}

// A value is a value of the float32 model in the 8-bit model: as bytes, as float32, or as both.
type value struct {
	// bytes is the uint8 tensor and float the float32 tensor, "" for none.
	bytes, float string
	// scale and zero are the initializers that give bytes their meaning: vectors with a number for
	// each channel if perChannel is set.
	scale, zero string
	perChannel  bool
	// params are scale and zero if perChannel is not set.
	params quantize.Params
}

// keep adds a node that computes with float32.
func (q *quantizer) keep(n node) {
	n.Inputs = slices.Clone(n.Inputs)
	for i, in := range n.Inputs {
		if q.values[in] != nil {
			n.Inputs[i] = q.asFloat(in)
		}
	}
	q.nodes = append(q.nodes, n)
	q.values[n.output()] = &value{float: n.output()}
}

// asFloat returns the name of a value's float32 tensor.
func (q *quantizer) asFloat(name string) string {
	v := q.values[name]
	if v.float == "" {
		v.float = name
		q.dequantize(name, v)
	}
	return v.float
}

// dequantize makes the float32 tensor called name out of a value's bytes.
func (q *quantizer) dequantize(name string, v *value) {
	var attrs []onnx.Attr
	if v.perChannel {
		attrs = []onnx.Attr{onnx.IntAttr("axis", 1)}
	}
	q.put("DequantizeLinear", name, []string{v.bytes, v.scale, v.zero}, attrs...)
}

// asBytes returns a value that has bytes.
func (q *quantizer) asBytes(name string) *value {
	if v := q.values[name]; v.bytes != "" {
		return v
	}
	v := q.calibrated(name)
	v.float = q.asFloat(name)
	v.bytes = q.add("QuantizeLinear", name+".bytes", []string{v.float, v.scale, v.zero})
	q.values[name] = v
	return v
}

// calibrated returns a value, without tensors yet, with the scale that the calibration found.
func (q *quantizer) calibrated(name string) *value {
	p := q.seen[name][0].Params()
	return &value{
		params: p,
		scale:  q.initializer(name+".scale", float(p.Scale)),
		zero:   q.initializer(name+".zero", onnx.NewTensor("", nil, []uint8{p.Zero})),
	}
}

// take removes a parameter of the float32 model and frees its name. It returns the values in ONNX's
// order.
func (q *quantizer) take(name string) []float32 {
	q.tensors = slices.DeleteFunc(q.tensors, func(t *onnx.Tensor) bool { return t.Name == name })
	delete(q.taken, name)
	values, _ := q.parameters[name].Floats()
	return values
}
