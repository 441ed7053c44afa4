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

// A portReader reads the shapes of inputs and outputs.
type portReader struct {
	layout   *pixels.Layout // of Options.Layout, or nil
	likely   pixels.Layout  // if the shape allows both
	channels int            // if the shape does not tell
}

// shape is what the shape of a port tells about its images.
type shape struct {
	layout                         pixels.Layout
	layoutKnown                    bool // the shape or Options.Layout determines the layout
	channels, width, height, batch int  // width, height and batch are 0 if they may change
}

// maxFixed bounds the pixels of a model of fixed size: a damaged one could require any amount of
// memory.
const maxFixed = 1 << 27

// output selects the image output.
func (r portReader) output(d *session.Description, name string) (onnx.Port, error) {
	if name != "" {
		s, err := d.Select(nil, []string{name})
		if err != nil {
			return onnx.Port{}, err
		}
		d = s
	}
	var images []onnx.Port
	var bad []string
	for _, p := range d.Outputs {
		if _, err := r.port(p); err != nil {
			bad = append(bad, fmt.Sprintf("output %v: %v", p, err))
		} else {
			images = append(images, p)
		}
	}
	switch len(images) {
	case 0:
		return onnx.Port{}, fmt.Errorf("the model returns no image: %s", strings.Join(bad, "; "))
	case 1:
		return images[0], nil
	}
	return onnx.Port{}, fmt.Errorf("%d outputs of the model may be the image: %s: name one of them (Options.Output)", len(images), listed(images))
}

// input selects the image input among those that the output needs.
func (r portReader) input(d *session.Description, network *onnx.Model, name, output string) (onnx.Port, error) {
	named := func(name string) func(onnx.Port) bool {
		return func(p onnx.Port) bool { return p.Name == name }
	}
	needed := d.Inputs
	if len(needed) > 1 && network != nil && !d.External {
		only := network.Only(output)
		needed = slices.DeleteFunc(slices.Clone(needed), func(p onnx.Port) bool {
			return !slices.ContainsFunc(only.Inputs, named(p.Name))
		})
	}
	if name == "" {
		switch {
		case len(needed) == 1:
			return needed[0], nil
		case len(needed) > 1:
			return onnx.Port{}, fmt.Errorf("the model does not convert one image to another: its output %q needs %d inputs: %s", output, len(needed), listed(needed))
		case len(d.Optional) > 0:
			return onnx.Port{}, errors.New("the model has a default for each of its inputs: name the one that takes the image (Options.Input)")
		}
		return onnx.Port{}, errors.New("the model takes no image: it has no inputs")
	}
	usable := slices.Concat(needed, d.Optional)
	i := slices.IndexFunc(usable, named(name))
	others := slices.DeleteFunc(slices.Clone(needed), named(name))
	switch {
	case i >= 0 && len(others) == 0:
		return usable[i], nil
	case i >= 0:
		return onnx.Port{}, fmt.Errorf("the model needs more than an image: in addition to %q its output %q needs %s", name, output, listed(others))
	case slices.ContainsFunc(d.Inputs, named(name)):
		return onnx.Port{}, fmt.Errorf("output %q does not depend on input %q: it needs %s", output, name, listed(needed))
	}
	return onnx.Port{}, fmt.Errorf("the model has no input %q: it has %s", name, listed(slices.Concat(d.Inputs, d.Optional)))
}

// listed formats a list of ports.
func listed(ports []onnx.Port) string {
	var parts []string
	for _, p := range ports {
		parts = append(parts, p.String())
	}
	return strings.Join(parts, ", ")
}

// readPorts reads the shapes of both ports, one of which may determine what the other leaves open.
func (r portReader) readPorts(input, output onnx.Port) (in, out shape, err error) {
	if out, err = r.port(output); err != nil {
		return in, out, fmt.Errorf("the model returns no image: output %v: %w", output, err)
	}
	if out.layoutKnown {
		r.likely = out.layout
	}
	if in, err = r.port(input); err != nil {
		return in, out, fmt.Errorf("the model takes no image: input %v: %w", input, err)
	}
	if in.layoutKnown {
		r.likely = in.layout
	}
	r.channels = in.channels
	if out, err = r.port(output); err != nil {
		return in, out, fmt.Errorf("the model returns no image: output %v: %w", output, err)
	}
	differ := func(a, b int) bool { return a > 0 && b > 0 && a != b }
	if differ(in.width, out.width) || differ(in.height, out.height) {
		return in, out, fmt.Errorf("the model changes the size of images: it converts %v to %v", input, output)
	}
	if differ(in.batch, out.batch) {
		return in, out, fmt.Errorf("the model does not convert one image to another: it converts %v to %v", input, output)
	}
	return in, out, nil
}

// port reads the shape of a port, with a batch axis (NCHW) or without (CHW).
func (r portReader) port(p onnx.Port) (shape, error) {
	if !session.Convertible(p.Type) {
		return shape{}, fmt.Errorf("it holds %v, not numbers", p.Type)
	}
	dims, axes := p.Shape, p.Axes
	switch len(dims) {
	case 4:
	case 3:
		dims, axes = slices.Concat([]int64{1}, dims), slices.Concat([]string{""}, axes)
	default:
		if dims != nil {
			return shape{}, fmt.Errorf("an image has 4 dimensions, this has %d", len(dims))
		}
		dims = []int64{-1, -1, -1, -1}
	}
	s := shape{channels: r.channels, batch: max(0, int(min(dims[0], maxFixed+1)))}
	s.layout, s.layoutKnown = r.layoutOf(dims, axes)
	c, h, w := dims[1], dims[2], dims[3]
	if s.layout == pixels.NHWC {
		h, w, c = dims[1], dims[2], dims[3]
	}
	switch c {
	case -1:
	case 1, 3:
		s.channels = int(c)
	default:
		return shape{}, fmt.Errorf("as %v it has %d channels, not 1 or 3", s.layout, c)
	}
	if h == 0 || w == 0 || h > 1<<16 || w > 1<<16 {
		return shape{}, fmt.Errorf("images of %dx%d are impossible", w, h)
	}
	if dims[0] == 0 || max(dims[0], 1) > maxFixed/(max(h, 1)*max(w, 1)) {
		return shape{}, fmt.Errorf("%d images of %dx%d at a time are impossible", dims[0], max(w, 1), max(h, 1))
	}
	s.width, s.height = max(0, int(w)), max(0, int(h))
	return s, nil
}

// layoutOf finds the axis with 1 or 3 channels or, if there are two or none, an axis named after
// channels.
func (r portReader) layoutOf(dims []int64, axes []string) (layout pixels.Layout, layoutKnown bool) {
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

// channelAxis reports whether an axis is named after channels.
func channelAxis(name string) bool {
	name = strings.ToLower(name)
	return name == "c" || name == "ch" || strings.Contains(name, "channel")
}
