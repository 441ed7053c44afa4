// Package onnxgraph writes a [graph.Network] with its weights as an ONNX model.
//
// The model is what a trained generator is shipped as:
//
//	file, err := os.Create("G_AB.onnx")
//	...
//	err = onnxgraph.Write(file, generator, weights, onnxgraph.Metadata{
//		Direction: "AtoB", DomainFrom: "summer", DomainTo: "winter", Step: 40000,
//	})
//
// It has one input, "input", and one output, "output", both float32 in the
// order [N, C, H, W] with free N, H and W, and describes itself in its
// metadata_props (see [Metadata]). It computes what the network does after
// training: BatchNorm uses its running statistics and Dropout is left out.
//
// [MarshalFloat16] and [MarshalInt8] write smaller and faster models of the
// same form, the latter after a [Calibration] on pictures.
//
// The package is pure Go; it encodes the few protobuf messages of ONNX itself.
package onnxgraph

import (
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"

	"cyclegan/graph"
)

// The model uses operator set 17, of ONNX 1.12 (2022). Nothing that the
// networks need came later, and the older the set, the more programs run the
// file. irVersion is the file format's version of that same release; a reader
// refuses one that is newer than itself.
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

// Marshal returns the network as an ONNX model. Equal arguments give equal
// bytes.
func Marshal(n *graph.Network, w graph.Weights, m Metadata) ([]byte, error) {
	f, err := newFile(n, w, m)
	if err != nil {
		return nil, err
	}
	return f.bytes()
}

// Write writes the model that [Marshal] returns, without holding a second copy
// of the weights in memory. Everything is checked before the first byte is
// written, so that the only errors after it are out's own.
func Write(out io.Writer, n *graph.Network, w graph.Weights, m Metadata) error {
	f, err := newFile(n, w, m)
	if err != nil {
		return err
	}
	return f.write(out)
}

// newFile checks the arguments and lays the file out.
func newFile(n *graph.Network, w graph.Weights, m Metadata) (*file, error) {
	if n == nil {
		return nil, errors.New("write onnx: there is no network")
	}
	f, err := layOut(n, w, m)
	if err != nil {
		return nil, fmt.Errorf("write onnx: %w", err)
	}
	return f, nil
}

func layOut(n *graph.Network, w graph.Weights, m Metadata) (*file, error) {
	if err := errors.Join(check(n, w), m.Validate()); err != nil {
		return nil, err
	}
	b, err := build(n, w)
	if err != nil {
		return nil, fmt.Errorf("network %q: %w", n.Name, err)
	}
	return b.finish(n, m, property{"precision", string(F32)})
}

// check refuses networks and weights of which no model can be made.
func check(n *graph.Network, w graph.Weights) error {
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
	return checkFinite(n, w)
}

// finish lays out a model of what was built, with properties beyond the
// metadata.
func (b *builder) finish(n *graph.Network, m Metadata, more ...property) (*file, error) {
	properties, err := m.properties(n, more...)
	if err != nil {
		return nil, err
	}
	// A generator keeps its input's size at multiples of the size multiple
	// only, so its output's sides have names of their own.
	output := picture(outputName, n.Out, "output_height", "output_width")
	f := newLayout(n, b, properties, []message{output})
	if size := f.size(); size > maxModel {
		return nil, fmt.Errorf("network %q: the model would have %d bytes, an ONNX file holds at most %d; use fewer filters", n.Name, size, maxModel)
	}
	return f, nil
}

// checkFinite refuses weights that would turn every picture into NaN.
func checkFinite(n *graph.Network, w graph.Weights) error {
	for _, p := range n.Params() {
		for i, v := range w[p.Name] {
			if v-v != 0 { // NaN, and infinities too
				return fmt.Errorf("weights of %s: value %d of parameter %q is %g; training diverged, take an earlier checkpoint", n.Name, i, p.Name, v)
			}
		}
	}
	return nil
}
