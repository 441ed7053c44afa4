package tiling

import (
	"fmt"
	"slices"

	"cyclegan/infer/onnx"
)

// A Network is a picture-to-picture model each of whose pixels depends on those around it alone, once the statistics of its
// instance normalizations are given.
type Network struct {
	// Margin is how many pixels to each side a pixel may depend on.
	Margin int
	// Align is what the places and sizes of parts have to be multiples of, in pixels, so that strides fall on the same pixels in each.
	Align int
	// Least is the smallest side that a part may have, in pixels: mirrored borders need something to mirror.
	Least int
	// Norms are the instance normalizations, in the order of the file.
	Norms []Norm
	// Masks say where the elements of the normalizations lie; those whose elements lie in the same places share one.
	Masks []Mask

	model *onnx.Model
	input string
}

// A Norm is one InstanceNormalization.
type Norm struct {
	// Y and X say where the elements that it normalizes lie.
	Y, X Span
	// Channels is how many there are.
	Channels int
	// Mask is the place of its mask in Network.Masks.
	Mask int

	node *onnx.Node
	typ  onnx.DataType // Float32 or Float16
}

// A Mask says where the elements lie that it counts.
type Mask struct{ Y, X Span }

// same says whether the elements of both lie in the same places.
func (m Mask) same(o Mask) bool { return m.Y.sameGrid(o.Y) && m.X.sameGrid(o.X) }

// Axes are those of a tensor on which a picture's rows and columns lie.
type Axes struct{ H, W int }

// The axes of pictures in the two layouts.
var (
	NCHW = Axes{2, 3}
	NHWC = Axes{1, 2}
)

// Analyze follows a picture through a network that ONNX Runtime has accepted; in and out are the axes of its input and output.
// computed holds the values that [Computed] named. The error says which operator keeps pictures from being cut into parts.
func Analyze(m *onnx.Model, in, out Axes, computed map[string][]float64) (*Network, error) {
	if m.Opset < 7 {
		return nil, fmt.Errorf("its operators are of opset %d, from before 7", m.Opset)
	}
	t := &tracer{model: m, constants: newConstants(m, computed), values: map[string]value{}, net: &Network{Align: 1, model: m}}
	inputs := slices.DeleteFunc(slices.Clone(m.Inputs), func(p onnx.Port) bool { return t.tensors[p.Name] != nil })
	if len(inputs) != 1 || len(m.Outputs) != 1 {
		return nil, fmt.Errorf("it has %d inputs and %d outputs", len(inputs), len(m.Outputs))
	}
	t.net.input = inputs[0].Name
	if err := t.run(in, out); err != nil {
		return nil, err
	}
	return t.net, nil
}
