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
// The package is pure Go; it encodes the few protobuf messages of ONNX itself.
package onnxgraph

import (
	"bytes"
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
	var out bytes.Buffer
	out.Grow(int(f.size()))
	if err := f.write(&out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
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
	if err := errors.Join(n.Validate(), m.Validate()); err != nil {
		return nil, err
	}
	if err := w.Check(n); err != nil {
		return nil, err
	}
	for _, p := range n.Params() {
		if !utf8.ValidString(p.Name) {
			return nil, fmt.Errorf("network %q: the parameter name %q is not UTF-8", n.Name, p.Name)
		}
	}
	properties, err := m.properties(n)
	if err != nil {
		return nil, err
	}
	b, err := build(n, w)
	if err != nil {
		return nil, fmt.Errorf("network %q: %w", n.Name, err)
	}
	f := newLayout(n, b, properties)
	if size := f.size(); size > maxModel {
		return nil, fmt.Errorf("network %q: the model would have %d bytes, an ONNX file holds at most %d; use fewer filters", n.Name, size, maxModel)
	}
	if err := checkFinite(n, w); err != nil {
		return nil, err
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
