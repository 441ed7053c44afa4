package tiling

import (
	"errors"
	"fmt"
	"slices"

	"cyclegan/infer/onnx"
)

// A rule gives an operator's result; it must refuse what makes a pixel depend on the picture as a whole.
type rule func(t *tracer, n *onnx.Node) (value, error)

var rules = map[string]rule{
	"Conv": conv(1), "QLinearConv": conv(3), "ConvInteger": conv(1),
	"ConvTranspose": convTranspose,
	"MaxPool":       pool, "AveragePool": pool, "LpPool": pool,
	"Pad": pad, "Slice": slice, "Resize": resize, "Upsample": resize,
	"DepthToSpace": depthToSpace, "SpaceToDepth": spaceToDepth, "Transpose": transpose,
	"Concat": concat, "Split": split,
	"InstanceNormalization": instanceNorm, "BatchNormalization": batchNorm,
	"QuantizeLinear": parametric, "DequantizeLinear": parametric, "Clip": parametric, "Dropout": parametric,
}

func init() {
	for _, op := range []string{
		"Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cast", "Ceil", "Celu", "Cos", "Cosh", "Elu", "Erf", "Exp", "Floor",
		"Gelu", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Log", "Mish", "Neg", "Not", "Reciprocal", "Relu", "Round", "Selu",
		"Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu", "QuickGelu",
		"Add", "And", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Mean", "Min", "Mod", "Mul", "Or", "PRelu",
		"Pow", "Sub", "Sum", "Where", "Xor",
	} {
		rules[op] = pointwise
	}
}

// pointwise is an operator that computes each place from the same places, and from constants that are the same everywhere.
func pointwise(t *tracer, n *onnx.Node) (value, error) {
	out, err := t.common(n)
	if err != nil {
		return out, err
	}
	for _, name := range n.Inputs {
		if _, ok := t.values[name]; !ok {
			if err := t.even(name, out); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

// parametric is a pointwise operator whose further inputs are numbers, or one for each channel.
func parametric(t *tracer, n *onnx.Node) (value, error) {
	v, err := t.first(n)
	if a := n.Int("axis", 1); err == nil && len(n.Inputs) > 1 && (a == int64(v.h) || a == int64(v.w)) {
		if c := t.tensor(n.Inputs[1]); c == nil || len(c.Dims) > 0 && c.Dims[0] != 1 {
			err = errors.New("its parameters differ from place to place")
		}
	}
	return v, err
}

// conv is a convolution whose weights are that input.
func conv(weights int) rule {
	return func(t *tracer, n *onnx.Node) (value, error) {
		v, err := t.planes(n)
		if err != nil {
			return v, err
		}
		kernel, err := t.kernel(n, weights)
		if err != nil {
			return v, err
		}
		return t.windowed(n, v, kernel)
	}
}

func (t *tracer) windowed(n *onnx.Node, v value, kernel []int64) (value, error) {
	for axis, s := range []*Span{&v.y, &v.x} {
		w, err := t.window(n, axis, kernel)
		if err != nil {
			return v, err
		}
		*s = s.windowed(w)
	}
	return v, nil
}

func pool(t *tracer, n *onnx.Node) (value, error) {
	v, err := t.planes(n)
	if err != nil {
		return v, err
	}
	if n.Int("ceil_mode", 0) != 0 {
		return v, errors.New("it rounds sizes up")
	}
	return t.windowed(n, v, n.Ints("kernel_shape"))
}

func convTranspose(t *tracer, n *onnx.Node) (value, error) {
	v, err := t.planes(n)
	if err != nil {
		return v, err
	}
	if _, ok := n.Attr("output_shape"); ok {
		return v, errors.New("it gives one size alone")
	}
	if p := n.Text("auto_pad", "NOTSET"); p != "NOTSET" && p != "VALID" {
		return v, fmt.Errorf("auto_pad %q is not known for it", p)
	}
	kernel, err := t.kernel(n, 1)
	if err != nil {
		return v, err
	}
	more := n.Ints("output_padding")
	for axis, s := range []*Span{&v.y, &v.x} {
		w, err := t.window(n, axis, kernel)
		if err != nil {
			return v, err
		}
		extra := 0
		if axis < len(more) {
			extra = int(more[axis])
		}
		*s = s.transposed(w, extra)
	}
	return v, nil
}

func pad(t *tracer, n *onnx.Node) (value, error) {
	v, err := t.first(n)
	if err != nil {
		return v, err
	}
	mode := n.Text("mode", "constant")
	if mode == "wrap" {
		return v, errors.New("it takes pixels from the other side")
	}
	list, err := t.list(n, 1, "pads")
	if err != nil {
		return v, err
	}
	pads, ok := whole(list)
	over := make([]int, len(pads)/2)
	for i := range over {
		over[i] = i
	}
	if name := n.Input(3); name != "" {
		list, err := t.constants.values(name)
		if err != nil {
			return v, err
		}
		if over, ok = whole(list); !ok {
			return v, errors.New("its axes are no whole numbers")
		}
	}
	if over, err = axes(over, v.rank); err != nil {
		return v, err
	}
	if !ok || len(pads) == 0 || len(pads) != 2*len(over) {
		return v, errors.New("its pads do not fit its axes")
	}
	for i, axis := range over {
		begin, end := pads[i], pads[i+len(over)]
		if mode == "reflect" && (axis == v.h || axis == v.w) {
			s := v.y
			if axis == v.w {
				s = v.x
			}
			t.needs = append(t.needs, need{s, 1 + max(begin, end)})
		}
		switch axis {
		case v.h:
			v.y = v.y.cut(begin, end)
		case v.w:
			v.x = v.x.cut(begin, end)
		case 0:
			if begin != 0 || end != 0 {
				return v, errors.New("it adds pictures")
			}
		}
	}
	return v, nil
}

// slice takes a part of the channels, or a number of rows and columns off the borders.
func slice(t *tracer, n *onnx.Node) (value, error) {
	v, err := t.first(n)
	if err != nil {
		return v, err
	}
	var parts [4][]float64 // starts, ends, axes, steps
	for i, attr := range []string{"starts", "ends", "axes", ""} {
		if parts[i], err = t.list(n, i+1, attr); err != nil {
			return v, err
		}
	}
	starts, ends, steps := parts[0], parts[1], parts[3]
	over, ok := whole(parts[2])
	if parts[2] == nil {
		for i := range starts {
			over = append(over, i)
		}
	}
	if over, err = axes(over, v.rank); err != nil {
		return v, err
	}
	if !ok || len(starts) != len(over) || len(ends) != len(over) || steps != nil && len(steps) != len(over) {
		return v, errors.New("its starts and ends do not fit its axes")
	}
	const far = 1 << 30 // ends beyond it mean the end
	for i, axis := range over {
		if axis != 0 && axis != v.h && axis != v.w {
			continue
		}
		if starts[i] == 0 && ends[i] >= far && (steps == nil || steps[i] == 1) {
			continue
		}
		if axis == 0 || steps != nil && steps[i] != 1 || starts[i] < 0 || starts[i] > 1<<12 || ends[i] >= 0 && ends[i] < far || ends[i] < -1<<12 {
			return v, errors.New("it takes a part that depends on the size")
		}
		end := 0
		if ends[i] < 0 {
			end = int(ends[i])
		}
		if axis == v.h {
			v.y = v.y.cut(-int(starts[i]), end)
		} else {
			v.x = v.x.cut(-int(starts[i]), end)
		}
	}
	return v, nil
}

// blocks gives the input of a node that moves pixels between space and channels, and its blocks' side.
func (t *tracer) blocks(n *onnx.Node) (value, int, error) {
	v, err := t.planes(n)
	b := int(n.Int("blocksize", 0))
	if err == nil && (b < 1 || b > 1<<12) {
		err = fmt.Errorf("blocks of %d cannot be", b)
	}
	return v, b, err
}

func depthToSpace(t *tracer, n *onnx.Node) (value, error) {
	v, b, err := t.blocks(n)
	if err != nil {
		return v, err
	}
	below := float64(b-1) / float64(b)
	v.y, v.x = v.y.resized(b, 1, 0, below, 0), v.x.resized(b, 1, 0, below, 0)
	return v, nil
}

func spaceToDepth(t *tracer, n *onnx.Node) (value, error) {
	v, b, err := t.blocks(n)
	if err != nil {
		return v, err
	}
	w := window{kernel: b, stride: b, dilation: 1}
	v.y, v.x = v.y.windowed(w), v.x.windowed(w)
	return v, nil
}

func transpose(t *tracer, n *onnx.Node) (value, error) {
	v, err := t.first(n)
	if err != nil {
		return v, err
	}
	perm := n.Ints("perm")
	if len(perm) != v.rank || perm[0] != 0 {
		return v, errors.New("it does not keep pictures apart")
	}
	h, w := slices.Index(perm, int64(v.h)), slices.Index(perm, int64(v.w))
	if h < 0 || w < 0 {
		return v, errors.New("its permutation is none")
	}
	v.h, v.w = h, w
	return v, nil
}

func concat(t *tracer, n *onnx.Node) (value, error) {
	v, err := t.common(n)
	if err != nil {
		return v, err
	}
	for _, name := range n.Inputs {
		if _, ok := t.values[name]; !ok {
			return v, fmt.Errorf("it puts a constant beside the picture, %q", name)
		}
	}
	return v, t.channelAxis(n, v, 1)
}

func split(t *tracer, n *onnx.Node) (value, error) {
	v, err := t.first(n)
	if err != nil {
		return v, err
	}
	return v, t.channelAxis(n, v, 0)
}

// channelAxis says whether the node's axis is that of the channels.
func (t *tracer) channelAxis(n *onnx.Node, v value, absent int64) error {
	over, err := axes([]int{int(n.Int("axis", absent))}, v.rank)
	if err != nil {
		return err
	}
	if over[0] == 0 || over[0] == v.h || over[0] == v.w {
		return fmt.Errorf("it works along axis %d, which is not that of the channels", over[0])
	}
	return nil
}

func batchNorm(t *tracer, n *onnx.Node) (value, error) {
	v, err := t.first(n)
	if err == nil && n.Int("training_mode", 0) != 0 {
		err = errors.New("it takes its statistics from the picture, as in training")
	}
	if err == nil && (v.h < 2 || v.w < 2) {
		err = errors.New("its channels are not on axis 1")
	}
	return v, err
}

func instanceNorm(t *tracer, n *onnx.Node) (value, error) {
	v, err := t.planes(n)
	if err != nil {
		return v, err
	}
	scale := t.tensor(n.Input(1))
	if scale == nil || scale.Type != onnx.Float32 && scale.Type != onnx.Float16 {
		return v, errors.New("its scale is no constant of float32 or float16")
	}
	if len(scale.Dims) != 1 || scale.Dims[0] < 1 || scale.Dims[0] > 1<<20 {
		return v, errors.New("its scale is no list")
	}
	mask := Mask{v.y, v.x}
	at := slices.IndexFunc(t.net.Masks, mask.same)
	if at < 0 {
		at = len(t.net.Masks)
		t.net.Masks = append(t.net.Masks, mask)
	}
	t.net.Norms = append(t.net.Norms, Norm{Channels: int(scale.Dims[0]), Mask: at, node: n, typ: scale.Type})
	return v, nil
}
