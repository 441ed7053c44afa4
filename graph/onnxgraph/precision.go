package onnxgraph

import (
	"bytes"
	"errors"
	"fmt"

	"cyclegan/graph"
)

// Precision names the numbers that a model computes with. Its input and output
// are float32 in any case, so that whoever runs one runs the others too.
type Precision string

const (
	// F32 is what [Marshal] and [Write] write: the weights as they were trained.
	F32 Precision = "f32"
	// F16 halves the file; see [MarshalFloat16].
	F16 Precision = "f16"
	// Int8 makes the file a quarter, and a CPU two to four times as fast; see
	// [MarshalInt8].
	Int8 Precision = "int8"
)

// Precisions lists them all.
var Precisions = []Precision{F32, F16, Int8}

// MarshalFloat16 returns the network as an ONNX model that computes with
// 16-bit floating point numbers (IEEE 754 binary16), save for InstanceNorm.
// GPUs do so faster. ONNX Runtime's CPU turns the weights back to float32 when
// it opens the file and has float32's speed; there the gain is the file's size.
func MarshalFloat16(n *graph.Network, w graph.Weights, m Metadata) ([]byte, error) {
	if n == nil {
		return nil, errors.New("write onnx as f16: there is no network")
	}
	data, err := marshalFloat16(n, w, m)
	if err != nil {
		return nil, fmt.Errorf("write onnx as f16: %w", err)
	}
	return data, nil
}

func marshalFloat16(n *graph.Network, w graph.Weights, m Metadata) ([]byte, error) {
	if err := errors.Join(check(n, w), m.Validate()); err != nil {
		return nil, err
	}
	b, err := build(n, w)
	if err != nil {
		return nil, fmt.Errorf("network %q: %w", n.Name, err)
	}
	if err := b.toFloat16(); err != nil {
		return nil, err
	}
	return b.marshal(n, m, property{"precision", string(F16)})
}

// MarshalInt8 returns the network of a calibration as an ONNX model whose
// convolutions compute with 8-bit integers: weights of -127 to 127 with a scale
// for each output channel, activations of 0 to 255 with one scale, or with one
// for each channel where that is free. It is written as QuantizeLinear and
// DequantizeLinear around each convolution (QDQ), from which ONNX Runtime makes
// its integer kernels. Norms, sums and the last convolution stay float32.
//
// The model differs in form from the float32 one where that makes it faster:
// BatchNorm goes into the convolution before it, a transposed convolution
// becomes one of stride 1 for each phase, and the last one computes blocks of
// 2x2 pixels.
func MarshalInt8(c *Calibration, m Metadata) ([]byte, error) {
	data, err := marshalInt8(c, m)
	if err != nil {
		return nil, fmt.Errorf("write onnx as int8: %w", err)
	}
	return data, nil
}

func marshalInt8(c *Calibration, m Metadata) ([]byte, error) {
	if err := errors.Join(m.Validate(), c.complete()); err != nil {
		return nil, err
	}
	b, err := build(c.network, c.weights)
	if err != nil {
		return nil, fmt.Errorf("network %q: %w", c.network.Name, err)
	}
	b.toInt8(c)
	return b.marshal(c.network, m, append([]property{{"precision", string(Int8)}}, c.properties()...)...)
}

// marshal encodes what was built, which has properties beyond the metadata.
func (b *builder) marshal(n *graph.Network, m Metadata, more ...property) ([]byte, error) {
	f, err := b.finish(n, m, more...)
	if err != nil {
		return nil, err
	}
	return f.bytes()
}

// bytes is what write writes.
func (f *file) bytes() ([]byte, error) {
	var out bytes.Buffer
	out.Grow(int(f.size()))
	err := f.write(&out)
	return out.Bytes(), err
}
