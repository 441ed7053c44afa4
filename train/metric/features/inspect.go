package features

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"cyclegan/infer/onnx"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// inspect determines the format of the model's images and the output of its features.
func (e *Extractor) inspect(d *session.Description, o Options) error {
	if name := d.Metadata["cyclegan.extractor"]; name != "" {
		e.info.Name = name
	}
	if len(d.Inputs) != 1 {
		return fmt.Errorf("the model has %d inputs, not one", len(d.Inputs))
	}
	if err := e.inspectInput(d.Inputs[0], o); err != nil {
		return fmt.Errorf("input %v: %w", d.Inputs[0], err)
	}
	if err := e.inspectOutput(d.Outputs, o.Output); err != nil {
		return err
	}
	e.info.Input.BGR = o.BGR || d.Metadata["cyclegan.channels"] == "BGR"
	e.info.Input.Range = o.Range
	if o.Range == (pixels.Range{}) {
		text := d.Metadata["cyclegan.range"]
		if text == "" {
			return ErrNoRange
		}
		if err := e.info.Input.Range.UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("invalid metadata: cyclegan.range %w", err)
		}
	}
	return e.info.Input.Validate()
}

func (e *Extractor) inspectInput(p onnx.Port, o Options) error {
	if p.Type != onnx.Float32 {
		return fmt.Errorf("type %v is not supported. Fix: export the model with a cast from float32", p.Type)
	}
	dims := p.Shape
	if dims == nil {
		dims = []int64{-1, -1, -1, -1}
	}
	if len(dims) != 4 {
		return fmt.Errorf("%d dimensions, not 4", len(dims))
	}
	channels := func(d int64) bool { return d == 1 || d == 3 }
	nhwc := !channels(dims[1]) && channels(dims[3])
	if o.Layout != "" {
		nhwc = strings.EqualFold(o.Layout, "NHWC")
	}
	c, h, w := dims[1], dims[2], dims[3]
	if nhwc {
		h, w, c = dims[1], dims[2], dims[3]
		e.info.Input.Layout = pixels.NHWC
	}
	if c != -1 && !channels(c) {
		return fmt.Errorf("in layout %v it has %d channels, not 1 or 3", e.info.Input.Layout, c)
	}
	e.info.Input.Channels = 3
	if c == 1 {
		e.info.Input.Channels = 1
	}
	return e.inspectSizes(dims[0], w, h, o)
}

// inspectSizes takes sizes from the model if it fixes them, else from the options.
func (e *Extractor) inspectSizes(n, w, h int64, o Options) error {
	if max(w, h) > largestSide || w == 0 || h == 0 || n == 0 || n > largestBatch {
		return fmt.Errorf("a batch of %d images of %dx%d is not supported", n, w, h)
	}
	switch {
	case o.Width > 0 && (w > 0 && int64(o.Width) != w || h > 0 && int64(o.Height) != h):
		return fmt.Errorf("its size is not %dx%d", o.Width, o.Height)
	case o.Width > 0:
		e.info.Width, e.info.Height = o.Width, o.Height
	case w > 0 && h > 0:
		e.info.Width, e.info.Height = int(w), int(h)
	case w > 0 || h > 0:
		return errors.New("only one side is fixed. Fix: give the size")
	}
	e.info.Batch = cmp.Or(o.Batch, usualBatch)
	if n > 0 {
		e.fixed, e.info.Batch = true, int(n)
	}
	return nil
}

func (e *Extractor) inspectOutput(outputs []onnx.Port, name string) error {
	var names []string
	e.output = -1
	for i, p := range outputs {
		names = append(names, p.Name)
		if p.Name == name || name == "" && len(outputs) == 1 {
			e.output = i
		}
	}
	if e.output < 0 {
		if name == "" {
			return fmt.Errorf("the model has %d outputs. Fix: name the one with the features, of %s", len(outputs), strings.Join(names, ", "))
		}
		return fmt.Errorf("the model has no output %q, only %s", name, strings.Join(names, ", "))
	}
	p := outputs[e.output]
	e.info.Output = p.Name
	if p.Shape == nil {
		return nil
	}
	dim, err := vectorLength(p.Shape)
	if err != nil {
		return fmt.Errorf("output %v: %w", p, err)
	}
	if dim > 0 {
		e.dim.Store(dim)
	}
	return nil
}
