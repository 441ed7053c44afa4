package tiling

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"cyclegan/infer/onnx"
)

// The rules of this file are for operators that change the number or the places of pixels.

func conv(t *tracer, n *onnx.Node, v value) (value, error) {
	for axis, s := range []*Span{&v.y, &v.x} {
		w, err := t.window(n, axis)
		if err != nil {
			return v, err
		}
		*s = s.windowed(w)
	}
	return v, nil
}

// window reads the attributes of a convolution or pooling along rows (axis 0) or columns (axis 1).
// The weights give the size of a kernel without an attribute.
func (t *tracer) window(n *onnx.Node, axis int) (window, error) {
	kernel, strides, dilations, pads := n.Ints("kernel_shape"), n.Ints("strides"), n.Ints("dilations"), n.Ints("pads")
	if w := t.tensor(n.Input(1)); kernel == nil && w != nil && len(w.Dims) == 4 {
		kernel = w.Dims[2:]
	}
	if kernel == nil {
		return window{}, errors.New("the size of its kernel could not be read")
	}
	var w window
	for _, p := range []struct {
		to     *int
		list   []int64
		at     int
		absent int
	}{
		{&w.kernel, kernel, axis, 0}, {&w.stride, strides, axis, 1}, {&w.dilation, dilations, axis, 1},
		{&w.begin, pads, axis, 0}, {&w.end, pads, axis + 2, 0},
	} {
		const most = 1 << 12
		switch {
		case p.list == nil:
			*p.to = p.absent
		case p.at >= len(p.list):
			return w, errors.New("it is not two-dimensional")
		case p.list[p.at] < -most || p.list[p.at] > most:
			return w, fmt.Errorf("%d is out of range", p.list[p.at])
		default:
			*p.to = int(p.list[p.at])
		}
	}
	if w.kernel < 1 || w.stride < 1 || w.dilation < 1 {
		return w, errors.New("its kernel, stride or dilation is below 1")
	}
	switch pad := n.Text("auto_pad", "NOTSET"); pad {
	case "NOTSET", "":
	case "VALID":
		w.begin, w.end = 0, 0
	case "SAME_UPPER", "SAME_LOWER":
		// For sizes that are multiples of the stride, which the sizes of tiles are.
		total := max(w.reach()+1-w.stride, 0)
		w.begin, w.end = total/2, total-total/2
		if pad == "SAME_LOWER" {
			w.begin, w.end = w.end, w.begin
		}
	default:
		return w, fmt.Errorf("auto_pad %q is unknown", pad)
	}
	return w, nil
}

func pool(t *tracer, n *onnx.Node, v value) (value, error) {
	if n.Int("ceil_mode", 0) != 0 {
		return v, errors.New("it rounds sizes up")
	}
	return conv(t, n, v)
}

func convTranspose(t *tracer, n *onnx.Node, v value) (value, error) {
	if _, ok := n.Attr("output_shape"); ok {
		return v, errors.New("its result has a fixed size")
	}
	if p := n.Text("auto_pad", "NOTSET"); p != "NOTSET" && p != "VALID" {
		return v, fmt.Errorf("auto_pad %q is unknown for it", p)
	}
	outPad := n.Ints("output_padding")
	for axis, s := range []*Span{&v.y, &v.x} {
		w, err := t.window(n, axis)
		if err != nil {
			return v, err
		}
		extra := 0
		if axis < len(outPad) {
			extra = int(outPad[axis])
		}
		*s = s.transposed(w, extra)
	}
	return v, nil
}

func pad(t *tracer, n *onnx.Node, v value) (value, error) {
	mode := n.Text("mode", "constant")
	if mode == "wrap" {
		return v, errors.New("it takes pixels from the other side")
	}
	list, err := t.list(n, 1, "pads")
	if err != nil {
		return v, err
	}
	pads, ok := integers(list)
	if !ok || len(pads) != 2*v.rank || n.Input(3) != "" {
		return v, errors.New("its pads do not fit its axes")
	}
	for axis := range v.rank {
		begin, end := pads[axis], pads[axis+v.rank]
		if s := v.span(axis); s != nil {
			if mode == "reflect" {
				t.needs = append(t.needs, need{*s, 1 + max(begin, end)})
			}
			*s = s.cut(begin, end)
		} else if axis == 0 && (begin != 0 || end != 0) {
			return v, errors.New("it adds images")
		}
	}
	return v, nil
}

// slice takes some of the channels, or cuts rows and columns off the borders.
func slice(t *tracer, n *onnx.Node, v value) (_ value, err error) {
	var parts [4][]float64
	for i, attr := range []string{"starts", "ends", "axes", ""} {
		if parts[i], err = t.list(n, i+1, attr); err != nil {
			return v, err
		}
	}
	starts, ends, steps := parts[0], parts[1], parts[3]
	over, ok := integers(parts[2])
	if parts[2] == nil {
		for i := range starts {
			over = append(over, i)
		}
	}
	if steps == nil {
		steps = slices.Repeat([]float64{1}, len(over))
	}
	if over, err = axes(over, v.rank); err != nil {
		return v, err
	}
	if !ok || len(starts) != len(over) || len(ends) != len(over) || len(steps) != len(over) {
		return v, errors.New("its starts and ends do not fit its axes")
	}
	for i, axis := range over {
		const far, most = 1 << 30, 1 << 12 // an end from far on is the end of the axis
		s, start, end := v.span(axis), starts[i], ends[i]
		switch {
		case s == nil && axis != 0: // channels
		case start == 0 && end >= far && steps[i] == 1:
		case s == nil || steps[i] != 1 || start < 0 || start > most || end >= 0 && end < far || end < -most:
			return v, errors.New("it takes a part that depends on the size")
		default:
			*s = s.cut(-int(start), int(min(end, 0)))
		}
	}
	return v, nil
}

// resize changes the size by an integer factor, up or down (Resize, and Upsample before it).
func resize(t *tracer, n *onnx.Node, v value) (value, error) {
	scales, err := t.scales(n, v.rank)
	if err != nil {
		return v, err
	}
	if n.Int("antialias", 0) != 0 {
		return v, errors.New("it uses antialias")
	}
	for axis, scale := range scales {
		s := v.span(axis)
		if scale == 1 {
			continue
		}
		if s == nil {
			return v, fmt.Errorf("it changes axis %d", axis)
		}
		const most = 1 << 12
		up, down := 1, 1
		if scale >= 1 && scale <= most {
			up = int(scale)
		} else if scale >= 1./most && scale < 1 {
			down = int(math.Round(1 / scale))
		}
		if !(math.Abs(scale*float64(down)/float64(up)-1) <= 1e-6) { // NaN too
			return v, fmt.Errorf("it changes the size by %g, which is not an integer factor", scale)
		}
		shift, err := shift(n, t.model.Opset, float64(up)/float64(down))
		if err != nil {
			return v, err
		}
		reach := map[string]float64{"nearest": 1, "linear": 1, "bilinear": 1, "cubic": 2}[n.Text("mode", "nearest")]
		if reach == 0 {
			return v, fmt.Errorf("its mode %q is unknown", n.Text("mode", ""))
		}
		*s = s.resized(up, down, shift, reach, reach)
	}
	return v, nil
}

// scales returns the factors of all axes. Upsample has them as input 1 and, before opset 9, as an
// attribute; Resize has them as input 2 and, in opset 10, as input 1.
func (t *tracer) scales(n *onnx.Node, rank int) ([]float64, error) {
	at := 2
	if n.Op == "Upsample" || t.model.Opset < 11 {
		at = 1
	}
	list, err := t.list(n, at, "scales")
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("it sets a size instead of a factor")
	}
	if len(list) != rank || n.Ints("axes") != nil {
		return nil, fmt.Errorf("it has %d scales, not one for each of %d axes", len(list), rank)
	}
	return list, nil
}

// shift returns the constant part of the place that element y is made of, which is y/scale + shift.
func shift(n *onnx.Node, opset int64, scale float64) (float64, error) {
	absent := "half_pixel"
	if n.Op == "Upsample" || opset < 11 {
		absent = "asymmetric"
	}
	switch mode := n.Text("coordinate_transformation_mode", absent); mode {
	case "asymmetric":
		return 0, nil
	case "half_pixel", "pytorch_half_pixel", "half_pixel_symmetric":
		return 0.5/scale - 0.5, nil
	case "tf_half_pixel_for_nn":
		return 0.5 / scale, nil
	default:
		return 0, fmt.Errorf("its places (%s) depend on the size of the image", mode)
	}
}

// blocks is DepthToSpace or SpaceToDepth, which move pixels between channels and square blocks.
func blocks(_ *tracer, n *onnx.Node, v value) (value, error) {
	b := int(n.Int("blocksize", 0))
	if b < 1 || b > 1<<12 {
		return v, fmt.Errorf("its blocks have an invalid size, %d", b)
	}
	for _, s := range []*Span{&v.y, &v.x} {
		if n.Op == "DepthToSpace" {
			*s = s.resized(b, 1, 0, float64(b-1)/float64(b), 0)
		} else {
			*s = s.windowed(window{kernel: b, stride: b, dilation: 1})
		}
	}
	return v, nil
}
