package onnxgraph

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"cyclegan/graph"
	"cyclegan/infer/onnx"
	"cyclegan/infer/pixels"
)

// Metadata describes the model in the file's metadata_props, under keys that begin with
// "cyclegan.". Empty strings are left out. The network adds format, size_multiple (both sides of an
// image must be a multiple of it), min_size (the smallest side), tiles ("never" for a network that
// sees a thumbnail of the image, of which a tile would have another), range (the values of black
// and white) and channels ("RGB" or "gray").
type Metadata struct {
	// Direction is "AtoB" or "BtoA", empty for a network that is not a generator.
	Direction string
	// DomainFrom and DomainTo name the domains of the input and the output, such as "summer" and
	// "winter".
	DomainFrom, DomainTo string
	// InputWindow and OutputWindow hold the values that 16-bit images of the two domains use, zero
	// for images with 8 bits.
	InputWindow, OutputWindow pixels.Window
	// Architecture is the name of the architecture. Default: the network's name.
	Architecture string
	// TrainWidth and TrainHeight are the size of the training images in pixels, 0 if unknown.
	TrainWidth, TrainHeight int
	// Step is the number of training steps.
	Step int64
	// Writer names the program that wrote the file, with its version.
	Writer string
}

// Validate lists every field with an invalid value.
func (m Metadata) Validate() error {
	var errs []error
	if m.Direction != "" && m.Direction != "AtoB" && m.Direction != "BtoA" {
		errs = append(errs, fmt.Errorf("metadata: direction %q is neither AtoB nor BtoA", m.Direction))
	}
	if m.TrainWidth < 0 || m.TrainHeight < 0 {
		errs = append(errs, fmt.Errorf("metadata: training size %dx%d", m.TrainWidth, m.TrainHeight))
	}
	if m.Step < 0 {
		errs = append(errs, fmt.Errorf("metadata: step %d", m.Step))
	}
	return errors.Join(errs...)
}

// properties returns the entries, with more at the end, in the order of the file.
func (m Metadata) properties(n *graph.Network, more ...onnx.Property) ([]onnx.Property, error) {
	minSize, err := n.MinSize()
	if err != nil {
		return nil, err
	}
	channels := ""
	switch n.In {
	case 1:
		channels = "gray"
	case 3:
		channels = "RGB"
	}
	tiles := ""
	n.Walk(func(l graph.Layer) {
		if _, ok := l.(graph.Thumbnail); ok {
			tiles = "never"
		}
	})
	var list []onnx.Property
	for _, p := range append([]onnx.Property{
		{Key: "format", Value: "1"},
		{Key: "direction", Value: m.Direction},
		{Key: "domain_from", Value: m.DomainFrom},
		{Key: "domain_to", Value: m.DomainTo},
		{Key: "architecture", Value: cmp.Or(m.Architecture, n.Name)},
		{Key: "train_width", Value: strconv.Itoa(m.TrainWidth)},
		{Key: "train_height", Value: strconv.Itoa(m.TrainHeight)},
		{Key: "size_multiple", Value: strconv.Itoa(n.SizeMultiple())},
		{Key: "min_size", Value: strconv.Itoa(minSize)},
		{Key: "tiles", Value: tiles},
		{Key: "range", Value: "-1,1"},
		{Key: "channels", Value: channels},
		{Key: "input_window", Value: m.InputWindow.String()},
		{Key: "output_window", Value: m.OutputWindow.String()},
		{Key: "step", Value: strconv.FormatInt(m.Step, 10)},
		{Key: "writer", Value: m.Writer},
	}, more...) {
		if p.Value != "" {
			list = append(list, onnx.Property{Key: "cyclegan." + p.Key, Value: validText(p.Value)})
		}
	}
	return list, nil
}

// validText makes s valid in a protobuf string: domains may have the names of folders, which can be
// any bytes.
func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
