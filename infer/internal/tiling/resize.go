package tiling

import (
	"errors"
	"fmt"
	"math"

	"cyclegan/infer/onnx"
)

// resize is a change of size by a whole factor, up or down (Resize, and its forerunner Upsample).
func resize(t *tracer, n *onnx.Node) (value, error) {
	v, err := t.first(n)
	if err != nil {
		return v, err
	}
	scales, err := t.scales(n)
	if err != nil {
		return v, err
	}
	if len(scales) != v.rank {
		return v, fmt.Errorf("it has %d scales, not %d", len(scales), v.rank)
	}
	if n.Int("antialias", 0) != 0 {
		return v, errors.New("its antialias is not known here")
	}
	for axis, scale := range scales {
		var s *Span
		switch axis {
		case v.h:
			s = &v.y
		case v.w:
			s = &v.x
		default:
			if scale != 1 {
				return v, fmt.Errorf("it changes axis %d", axis)
			}
			continue
		}
		if scale == 1 {
			continue
		}
		const most = 1 << 12
		if !(scale >= 1./most && scale <= most) {
			return v, fmt.Errorf("it changes the size by %g, which is no whole factor", scale)
		}
		up, down := int(math.Round(scale)), int(math.Round(1/scale))
		switch {
		case scale > 1 && scale == float64(up):
			down = 1
		case scale < 1 && math.Abs(scale*float64(down)-1) < 1e-6:
			up = 1
		default:
			return v, fmt.Errorf("it changes the size by %g, which is no whole factor", scale)
		}
		shift, err := shift(n, t.model.Opset, float64(up)/float64(down))
		if err != nil {
			return v, err
		}
		below, above, err := taps(n)
		if err != nil {
			return v, err
		}
		*s = s.resized(up, down, shift, below, above)
	}
	return v, nil
}

// scales gives the factors of all axes: Upsample has them as input 1 and, before opset 9, as an attribute;
// Resize as input 2 and, in opset 10, as input 1.
func (t *tracer) scales(n *onnx.Node) ([]float64, error) {
	at := 2
	if n.Op == "Upsample" || t.model.Opset < 11 {
		at = 1
	}
	list, err := t.list(n, at, "scales")
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("it makes a size rather than changing it by a factor")
	}
	over := n.Ints("axes")
	if over == nil {
		return list, nil
	}
	if len(over) != len(list) {
		return nil, errors.New("its scales do not fit its axes")
	}
	all := []float64{1, 1, 1, 1}
	for i, a := range over {
		if a < 0 {
			a += 4
		}
		if a < 0 || a > 3 {
			return nil, fmt.Errorf("axis %d is out of range", over[i])
		}
		all[a] = list[i]
	}
	return all, nil
}

// shift gives where, beside y/scale, the place lies that element y is made of.
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
		return 0, fmt.Errorf("its places (%s) depend on the size of the picture", mode)
	}
}

// taps gives how far around that place it takes pixels.
func taps(n *onnx.Node) (below, above float64, err error) {
	switch mode := n.Text("mode", "nearest"); mode {
	case "nearest", "linear", "bilinear":
		return 1, 1, nil
	case "cubic":
		return 2, 2, nil
	default:
		return 0, 0, fmt.Errorf("its mode %q is unknown", mode)
	}
}
