package infer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cyclegan/infer/onnx"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// reading is how ports are read where they do not say it themselves.
type reading struct {
	layout   *pixels.Layout // that was asked for, if any was
	likely   pixels.Layout  // where the shape leaves both possible
	channels int
}

// shape is what a port's shape says of the pictures in it.
type shape struct {
	layout                         pixels.Layout
	told                           bool // the layout, by the shape
	channels, width, height, batch int  // width, height and batch 0 where they may change
}

// mostFixed is how many pixels a model of fixed size may take at a time: a damaged one could ask for any amount of memory.
const mostFixed = 1 << 27

// output chooses the output that gives the picture.
func (r reading) output(d *session.Description, name string) (onnx.Port, error) {
	if name != "" {
		s, err := d.Select(nil, []string{name})
		if err != nil {
			return onnx.Port{}, err
		}
		d = s
	}
	var pictures []onnx.Port
	var bad []string
	for _, p := range d.Outputs {
		if _, err := r.port(p); err != nil {
			bad = append(bad, fmt.Sprintf("output %v: %v", p, err))
		} else {
			pictures = append(pictures, p)
		}
	}
	switch len(pictures) {
	case 0:
		return onnx.Port{}, fmt.Errorf("the model gives no picture: %s", strings.Join(bad, "; "))
	case 1:
		return pictures[0], nil
	}
	return onnx.Port{}, fmt.Errorf("%d of the model's outputs may be the picture: %s: name one of them (Options.Output)", len(pictures), listed(pictures))
}

// input chooses the input that takes the picture, among those that the output needs.
func (r reading) input(d *session.Description, network *onnx.Model, name, output string) (onnx.Port, error) {
	needed := d.Inputs
	if len(needed) > 1 && network != nil && !d.External {
		only := network.Only(output)
		needed = slices.DeleteFunc(slices.Clone(needed), func(p onnx.Port) bool {
			return !slices.ContainsFunc(only.Inputs, func(o onnx.Port) bool { return o.Name == p.Name })
		})
	}
	for _, p := range append(slices.Clone(needed), d.Optional...) {
		if name == "" || p.Name != name {
			continue
		}
		if others := slices.DeleteFunc(slices.Clone(needed), func(o onnx.Port) bool { return o.Name == name }); len(others) > 0 {
			return p, fmt.Errorf("the model needs more than a picture: beside %q its output %q needs %s", name, output, listed(others))
		}
		return p, nil
	}
	switch {
	case name != "" && slices.ContainsFunc(d.Inputs, func(p onnx.Port) bool { return p.Name == name }):
		return onnx.Port{}, fmt.Errorf("output %q does not depend on input %q: it needs %s", output, name, listed(needed))
	case name != "":
		return onnx.Port{}, fmt.Errorf("the model has no input %q: it has %s", name, listed(append(slices.Clone(d.Inputs), d.Optional...)))
	case len(needed) == 1:
		return needed[0], nil
	case len(needed) > 1:
		return onnx.Port{}, fmt.Errorf("the model does not make one picture of another: its output %q needs %d inputs: %s", output, len(needed), listed(needed))
	case len(d.Optional) > 0:
		return onnx.Port{}, errors.New("the model has a value for each of its inputs: name the one that takes the picture (Options.Input)")
	}
	return onnx.Port{}, errors.New("the model takes no picture: it has no inputs")
}

// listed writes ports one after the other, but no more than a few.
func listed(ports []onnx.Port) string {
	const most = 8
	var parts []string
	for _, p := range ports[:min(most, len(ports))] {
		parts = append(parts, p.String())
	}
	if more := len(ports) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, ", ")
}

// both reads the two ports, of which one may tell what the other leaves open.
func (r reading) both(input, output onnx.Port) (in, out shape, err error) {
	if out, err = r.port(output); err != nil {
		return in, out, fmt.Errorf("the model gives no picture: output %v: %w", output, err)
	}
	if out.told {
		r.likely = out.layout
	}
	if in, err = r.port(input); err != nil {
		return in, out, fmt.Errorf("the model takes no picture: input %v: %w", input, err)
	}
	if in.told {
		r.likely = in.layout
	}
	r.channels = in.channels
	if out, err = r.port(output); err != nil {
		return in, out, fmt.Errorf("the model gives no picture: output %v: %w", output, err)
	}
	differ := func(a, b int) bool { return a > 0 && b > 0 && a != b }
	if differ(in.width, out.width) || differ(in.height, out.height) {
		return in, out, fmt.Errorf("the model changes the size of pictures: it makes %v of %v", output, input)
	}
	if differ(in.batch, out.batch) {
		return in, out, fmt.Errorf("the model does not make one picture of another: it makes %v of %v", output, input)
	}
	return in, out, nil
}

// port reads a port's shape. Pictures may have an axis of their own (NCHW), or stand alone (CHW).
func (r reading) port(p onnx.Port) (shape, error) {
	if !session.Convertible(p.Type) {
		return shape{}, fmt.Errorf("it holds %v, and not numbers that a picture can be made of", p.Type)
	}
	dims, axes := p.Shape, p.Axes
	switch len(dims) {
	case 4:
	case 3:
		dims, axes = slices.Concat([]int64{1}, dims), slices.Concat([]string{""}, axes)
	default:
		if dims != nil {
			return shape{}, fmt.Errorf("a picture has 4 dimensions, and this has %d", len(dims))
		}
		dims = []int64{-1, -1, -1, -1}
	}
	s := shape{channels: r.channels, batch: max(0, int(min(dims[0], mostFixed+1)))}
	s.layout, s.told = r.layoutOf(dims, axes)
	c, h, w := dims[1], dims[2], dims[3]
	if s.layout == pixels.NHWC {
		h, w, c = dims[1], dims[2], dims[3]
	}
	switch c {
	case -1:
	case 1, 3:
		s.channels = int(c)
	default:
		return shape{}, fmt.Errorf("as %v it has %d channels, not the 1 or 3 of a picture", s.layout, c)
	}
	if h == 0 || w == 0 || h > 1<<16 || w > 1<<16 {
		return shape{}, fmt.Errorf("pictures of %dx%d cannot be made", w, h)
	}
	if dims[0] == 0 || max(dims[0], 1) > mostFixed/(max(h, 1)*max(w, 1)) {
		return shape{}, fmt.Errorf("%d pictures of %dx%d at a time cannot be made", dims[0], max(w, 1), max(h, 1))
	}
	s.width, s.height = max(0, int(w)), max(0, int(h))
	return s, nil
}

// layoutOf tells the layout by where the 1 or 3 channels stand or, where that is left open, by what the axes are called.
func (r reading) layoutOf(dims []int64, axes []string) (layout pixels.Layout, told bool) {
	if r.layout != nil {
		return *r.layout, true
	}
	channels := func(d int64) bool { return d == 1 || d == 3 }
	first, last := channels(dims[1]), channels(dims[3])
	if first == last && len(axes) == 4 {
		first, last = channelAxis(axes[1]), channelAxis(axes[3])
	}
	switch {
	case first && !last:
		return pixels.NCHW, true
	case last && !first:
		return pixels.NHWC, true
	}
	return r.likely, false
}

// channelAxis says whether an axis is called after channels.
func channelAxis(name string) bool {
	name = strings.ToLower(name)
	return name == "c" || name == "ch" || strings.Contains(name, "channel")
}
