package onnxgraph

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"cyclegan/graph"
	"cyclegan/infer/onnx"
)

// Metadata is what the file says about the model in its metadata_props, under
// keys that begin with "cyclegan.". Strings that are empty are left out. The
// rest follows from the network: format, size_multiple (both sides of a
// picture must be a multiple of it), min_size (the smallest side), range (the
// values of black and white) and channels ("RGB" or "gray").
type Metadata struct {
	// Direction is "AtoB" or "BtoA", or empty for what is no generator.
	Direction string
	// DomainFrom and DomainTo name the domains that Direction leads from and
	// to, such as "summer" and "winter".
	DomainFrom, DomainTo string
	// Architecture is the network's name where it is empty.
	Architecture string
	// TrainWidth and TrainHeight are the size in pixels of the pictures that
	// the model was trained on, 0 where it is unknown.
	TrainWidth, TrainHeight int
	// Step counts the training steps behind the weights.
	Step int64
	// Writer names the program that wrote the file, with its version.
	Writer string
}

// Validate lists every field that has no valid value.
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

// properties returns the entries, and more, in the order in which they are
// written.
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
		{Key: "range", Value: "-1,1"},
		{Key: "channels", Value: channels},
		{Key: "step", Value: strconv.FormatInt(m.Step, 10)},
		{Key: "writer", Value: m.Writer},
	}, more...) {
		if p.Value != "" {
			list = append(list, onnx.Property{Key: "cyclegan." + p.Key, Value: validText(p.Value)})
		}
	}
	return list, nil
}

// validText makes s fit for a protobuf string: domains may be named after
// folders, whose names can be any bytes.
func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
