// Package onnxgraph writes a [graph.Network] with its weights as an ONNX model.
//
// A trained generator ships as such a model:
//
//	data, err := onnxgraph.Marshal(generator, weights, onnxgraph.Metadata{
//		Direction: "AtoB", DomainFrom: "summer", DomainTo: "winter", Step: 40000,
//	}, onnxgraph.F32)
//
// The model has one input, "input", and one output, "output", both float32 of shape [N, C, H, W],
// where N, H and W are dynamic. It describes itself in its metadata_props (see [Metadata]). It
// computes what the network computes after training: BatchNorm uses its running statistics and
// Dropout is left out.
//
// [F16] makes the model smaller. [MarshalInt8] makes it smaller and faster, after a [Calibration]
// on images.
package onnxgraph

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"cyclegan/graph"
	"cyclegan/infer/onnx"
)

// The model uses operator set 17, of ONNX 1.12 (2022), the first one that has all operators of the
// networks: the older the set, the more programs run the file. A pyramid needs set 18, of ONNX 1.13
// (2022). irVersion is the version of the file format in both releases.
const (
	opset     = 17
	irVersion = 8
)

// Names of the model's input and output.
const (
	inputName  = "input"
	outputName = "output"
)

// maxModel is the length of the longest message that protobuf readers accept.
const maxModel = math.MaxInt32

// Precision names the numbers that a model computes with. Its input and output are always float32,
// so that a program that runs one model runs the others.
type Precision string

const (
	// F32 keeps the weights as they were trained.
	F32 Precision = "f32"
	// F16 (IEEE 754 binary16, except for InstanceNorm) halves the file and is faster on GPUs. ONNX
	// Runtime's CPU provider converts the weights back to float32 when it opens the file.
	F16 Precision = "f16"
	// Int8 makes the file a quarter and a CPU two to four times as fast; see [MarshalInt8].
	Int8 Precision = "int8"
)

// Precisions lists them all.
var Precisions = []Precision{F32, F16, Int8}

// Marshal returns the network as an ONNX model that computes with F32 or F16. Equal arguments
// return equal bytes.
func Marshal(n *graph.Network, w graph.Weights, m Metadata, p Precision) ([]byte, error) {
	var b *builder
	err := errors.Join(check(n, w), m.Validate())
	if err == nil {
		b, err = build(n, w)
	}
	if err == nil && p == F16 {
		err = b.toFloat16()
	}
	if err != nil {
		return nil, fmt.Errorf("write onnx as %s: %w", p, err)
	}
	return b.finish(m, p)
}

// MarshalInt8 returns the network of a calibration as an ONNX model whose convolutions compute with
// 8-bit integers: weights from -127 to 127 with a scale for each output channel, and activations
// from 0 to 255 with a single scale, or one for each channel where that costs nothing.
// QuantizeLinear and DequantizeLinear surround each convolution (QDQ); ONNX Runtime fuses them into
// its integer kernels. Norms, sums and the last convolution stay float32.
//
// The model differs in form from the float32 one where that makes it faster: the convolution before
// a BatchNorm takes it in, and a transposed convolution becomes one convolution of stride 1 for
// each phase.
func MarshalInt8(c *Calibration, m Metadata) ([]byte, error) {
	var b *builder
	err := errors.Join(m.Validate(), c.complete())
	if err == nil {
		b, err = build(c.network, c.weights)
	}
	if err != nil {
		return nil, fmt.Errorf("write onnx as int8: %w", err)
	}
	b.toInt8(c)
	return b.finish(m, Int8, c.properties()...)
}

// check rejects networks and weights that cannot become a model.
func check(n *graph.Network, w graph.Weights) error {
	if n == nil {
		return errors.New("there is no network")
	}
	if err := n.Validate(); err != nil {
		return err
	}
	if err := w.Check(n); err != nil {
		return err
	}
	for _, p := range n.Params() {
		if !utf8.ValidString(p.Name) {
			return fmt.Errorf("network %q: the parameter name %q is not UTF-8", n.Name, p.Name)
		}
	}
	return w.CheckFinite(n)
}

// finish returns the file of what was built. more is metadata beyond m.
func (b *builder) finish(m Metadata, p Precision, more ...onnx.Property) ([]byte, error) {
	n := b.network
	properties, err := m.properties(n, append([]onnx.Property{{Key: "precision", Value: string(p)}}, more...)...)
	if err != nil {
		return nil, fmt.Errorf("write onnx as %s: %w", p, err)
	}
	// A generator keeps the size of its input only at multiples of the size multiple, so the sides
	// of its output have names of their own.
	model := b.model(port(outputName, n.Out, "output_height", "output_width"))
	model.Metadata = properties
	if size := model.Size(); size > maxModel {
		return nil, fmt.Errorf("write onnx as %s: network %q: the model would have %d bytes, an ONNX file has at most %d. "+
			"Fix: use fewer filters", p, n.Name, size, maxModel)
	}
	return model.Encode(), nil
}

// model returns a model with the given outputs.
func (b *builder) model(outputs ...onnx.Port) *onnx.Model {
	m := &onnx.Model{
		IRVersion: irVersion, Opset: b.opset, Producer: "cyclegan",
		Graph:   validText(cmp.Or(b.network.Name, "network")), // a graph without a name is not valid
		Tensors: b.tensors, Inputs: []onnx.Port{port(inputName, b.network.In, "height", "width")}, Outputs: outputs,
	}
	for i := range b.nodes {
		m.Nodes = append(m.Nodes, &b.nodes[i].Node)
	}
	return m
}

// port returns a float32 tensor [batch, channels, height, width], of which only the channels are
// fixed.
func port(name string, channels int, height, width string) onnx.Port {
	return onnx.Port{
		Name: name, Type: onnx.Float32,
		Shape: []int64{-1, int64(channels), -1, -1}, Axes: []string{"batch", "", height, width},
	}
}
