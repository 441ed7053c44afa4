// Package tiling prepares a network for images that pass through it in tiles. Its central type is
// [Network], the result of [Analyze] for an ONNX model.
//
// Two things make a tile's result differ from the result of the whole image. First, a tile ends
// where the image continues, and convolutions see that: Analyze finds how far they see, so that
// tiles can have that margin. Second, instance normalization (https://arxiv.org/abs/1607.08022)
// takes the mean and the variance of each channel over its input: [Network.Joint] returns a model
// that takes them over many tiles, [Network.Fixed] a model that gets them as inputs, and
// [Network.Observed] a model that also returns how far off they were.
package tiling

import (
	"errors"
	"fmt"
	"slices"

	"cyclegan/infer/onnx"
)

// A Network is an image-to-image model whose pixels depend only on the pixels around them, once the
// statistics of its instance normalizations are given.
type Network struct {
	// Margin is the number of pixels to each side that a pixel may depend on.
	Margin int
	// Align divides the places and sizes of tiles, in pixels, so that strides meet the same pixels
	// in each.
	Align int
	// Least is the smallest side of a tile, in pixels: a mirrored border needs something to mirror.
	Least int
	// Norms are the instance normalizations, in the order of the file.
	Norms []Norm
	// Masks are the places of the normalizations' elements. Norms with elements in the same places
	// share a mask.
	Masks []Mask

	model *onnx.Model
	input string
}

// A Norm is one InstanceNormalization.
type Norm struct {
	Channels int
	Mask     int // index of its mask in Network.Masks

	node *onnx.Node
	typ  onnx.DataType // Float32 or Float16
}

// A Mask gives the places of the elements that it counts.
type Mask struct{ Y, X Span }

func (m Mask) same(o Mask) bool { return m.Y.sameGrid(o.Y) && m.X.sameGrid(o.X) }

// Axes are the axes of a tensor that hold an image's rows and columns.
type Axes struct{ H, W int }

// The axes of images in the two layouts.
var (
	NCHW = Axes{2, 3}
	NHWC = Axes{1, 2}
)

// Analyze follows an image through a network that ONNX Runtime has accepted; in and out are the
// axes of its input and output. computed holds the values that [Computed] named. The error names
// the operator that prevents tiles.
func Analyze(m *onnx.Model, in, out Axes, computed map[string][]float64) (*Network, error) {
	if m.Opset < 7 {
		return nil, fmt.Errorf("its operators are of opset %d, from before 7", m.Opset)
	}
	t := &tracer{
		model: m, constants: newConstants(m, computed), values: map[string]value{},
		net: &Network{Align: 1, model: m},
	}
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

// A value is a tensor that depends on the image.
type value struct {
	rank int
	h, w int  // the axes of rows and columns
	y, x Span // of the rows and the columns
}

// span returns the span along an axis, nil if the axis holds neither rows nor columns.
func (v *value) span(axis int) *Span {
	switch axis {
	case v.h:
		return &v.y
	case v.w:
		return &v.x
	}
	return nil
}

// tracer follows values from the image to the output.
type tracer struct {
	*constants
	model  *onnx.Model
	values map[string]value
	net    *Network
	needs  []need
}

// A need is a number of elements that a span must have.
type need struct {
	span  Span
	least int
}

// run follows the image from the axes in to the axes to.
func (t *tracer) run(in, to Axes) error {
	t.values[t.net.input] = value{rank: 4, h: in.H, w: in.W, y: pixels(), x: pixels()}
	for _, n := range t.model.Nodes {
		if err := t.node(n); err != nil {
			return fmt.Errorf("operator %s %q: %w", n.Op, n.Name, err)
		}
	}
	out, ok := t.values[t.model.Outputs[0].Name]
	if !ok {
		return errors.New("its output does not depend on the image")
	}
	if out.h != to.H || out.w != to.W {
		return errors.New("its output has rows and columns on other axes than expected")
	}
	for _, s := range []Span{out.y, out.x} {
		if s.Num != 1 || s.Den != 1 {
			return errors.New("it changes the size of the image")
		}
		t.net.Margin = max(t.net.Margin, s.Reach())
	}
	if err := t.least(); err != nil {
		return err
	}
	// Convolutions that only lose a few pixels at the border change the size as well.
	for n := t.net.Align * 1024; n <= t.net.Align*1025; n += t.net.Align {
		if out.y.Size(n) != n || out.x.Size(n) != n {
			return fmt.Errorf("it turns %dx%d pixels into %dx%d", n, n, out.x.Size(n), out.y.Size(n))
		}
	}
	return nil
}

// least sets Least to the smallest multiple of Align that meets all needs.
func (t *tracer) least() error {
	const most = 1 << 12
	for n := t.net.Align; n <= most; n += t.net.Align {
		if !slices.ContainsFunc(t.needs, func(need need) bool { return need.span.Size(n) < need.least }) {
			t.net.Least = n
			return nil
		}
	}
	return fmt.Errorf("it takes no image below %d pixels a side", most)
}

// node adds a node's outputs to the values.
func (t *tracer) node(n *onnx.Node) error {
	if n.Subgraph {
		return errors.New("it holds a network of its own")
	}
	if !slices.ContainsFunc(n.Inputs, func(name string) bool { _, ok := t.values[name]; return ok }) {
		return nil // it computes constants
	}
	if n.Domain != "" && n.Domain != "com.microsoft" {
		return fmt.Errorf("its domain %q is unknown", n.Domain)
	}
	rule, ok := rules[n.Op]
	if !ok {
		return errors.New("it is not known which pixels its result depends on")
	}
	out, err := rule.take(t, n)
	if err == nil {
		out, err = rule.apply(t, n, out)
	}
	if err != nil {
		return err
	}
	for _, s := range []Span{out.y, out.x} {
		t.needs = append(t.needs, need{s, 1})
		if t.net.Align = lcm(t.net.Align, s.Num); max(t.net.Align, s.Num, s.Den) > 1<<16 {
			return errors.New("its strides have too large a product or common multiple")
		}
	}
	for _, name := range n.Outputs {
		t.values[name] = out
	}
	return nil
}
