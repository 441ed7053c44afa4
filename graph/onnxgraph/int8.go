package onnxgraph

import (
	"slices"

	"cyclegan/graph/onnxgraph/quantize"
)

// toInt8 replaces the nodes of a float32 model by those of an 8-bit one. Values
// that are float32 in both keep their names.
func (b *builder) toInt8(c *Calibration) {
	q := &quantizer{builder: b, flow: c.flow, seen: c.seen, parameters: map[string]*tensor{}, values: map[string]*value{inputName: {float: inputName}}}
	for _, t := range b.tensors {
		q.parameters[t.name] = t
	}
	b.nodes = nil
	sides := q.flow.sides()
	for i, n := range q.flow.nodes {
		switch {
		case q.values[n.output] != nil: // a Relu that a convolution does along with its own
		case q.flow.chosen[i]:
			q.convolution(n)
		case n.op == "Pad" && q.flow.onlyBytes(n.output):
			padded := *q.asBytes(n.inputs[0])
			padded.float = ""
			padded.bytes = q.add(n.op, n.name+".bytes", []string{padded.bytes, n.inputs[1]}, n.attributes...)
			q.values[n.output] = &padded
		case inBlocks(n, sides[n.output]):
			q.blocks(n)
		default:
			q.keep(n)
		}
	}
	q.dropUnused()
}

// A quantizer writes the nodes of an 8-bit model.
type quantizer struct {
	*builder
	flow       *flow // of the float32 model
	seen       map[string][]quantize.Histogram
	parameters map[string]*tensor // of the float32 model, by name
	values     map[string]*value  // of the float32 model, by name
}

// A value is one of the float32 model, as the 8-bit model has it: as bytes, as
// float32, or as both.
type value struct {
	// bytes is the uint8 tensor and float the float32 one, "" for none.
	bytes, float string
	// scale and zero are the initializers that tell what bytes stand for:
	// vectors with a number for each channel where perChannel is set.
	scale, zero string
	perChannel  bool
	// params are scale and zero where perChannel is not set.
	params quantize.Params
}

// keep adds a node that goes on with float32.
func (q *quantizer) keep(n node) {
	n.inputs = slices.Clone(n.inputs)
	for i, in := range n.inputs {
		if q.values[in] != nil {
			n.inputs[i] = q.asFloat(in)
		}
	}
	q.put(n)
}

// put adds a node whose result has the name that it has in the float32 model.
func (q *quantizer) put(n node) {
	q.nodes = append(q.nodes, n)
	q.values[n.output] = &value{float: n.output}
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

// dequantize makes the float32 tensor called name of a value's bytes.
func (q *quantizer) dequantize(name string, v *value) {
	n := node{op: "DequantizeLinear", name: name, output: name, inputs: []string{v.bytes, v.scale, v.zero}}
	if v.perChannel {
		n.attributes = []message{intAttribute("axis", 1)}
	}
	q.nodes = append(q.nodes, n)
}

// asBytes returns a value that has bytes.
func (q *quantizer) asBytes(name string) *value {
	if v := q.values[name]; v.bytes != "" {
		return v
	}
	v := q.withParams(name)
	v.float = q.asFloat(name)
	v.bytes = q.add("QuantizeLinear", name+".bytes", []string{v.float, v.scale, v.zero})
	q.values[name] = v
	return v
}

// withParams is a value, without tensors yet, with the scale that the
// calibration found.
func (q *quantizer) withParams(name string) *value {
	p := q.seen[name][0].Params()
	return &value{
		params: p,
		scale:  q.initializer(tensor{name: name + ".scale", kind: typeFloat, floats: []float32{p.Scale}}),
		zero:   q.initializer(tensor{name: name + ".zero", kind: typeUint8, ints: []int64{int64(p.Zero)}}),
	}
}

// initializer adds t under its name, or one like it, and returns that.
func (q *quantizer) initializer(t tensor) string {
	t.name = q.unique(t.name)
	q.tensors = append(q.tensors, &t)
	return t.name
}

// take removes a parameter of the float32 model, whose name is free then, and
// returns its values in ONNX's order; nil for "".
func (q *quantizer) take(name string) []float32 {
	if name == "" {
		return nil
	}
	q.tensors = slices.DeleteFunc(q.tensors, func(t *tensor) bool { return t.name == name })
	delete(q.taken, name)
	return q.parameters[name].inOrder()
}

// dropUnused drops the initializers that no node reads any more.
func (q *quantizer) dropUnused() {
	used := map[string]bool{}
	for _, n := range q.nodes {
		for _, in := range n.inputs {
			used[in] = true
		}
	}
	q.tensors = slices.DeleteFunc(q.tensors, func(t *tensor) bool { return !used[t.name] })
}
