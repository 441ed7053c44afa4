package tiling

import (
	"errors"
	"fmt"
	"slices"

	"cyclegan/infer/onnx"
)

// A rule follows an image through an operator: take finds the value that enters, apply returns the
// result. It must reject operators that make a pixel depend on the whole image.
type rule struct {
	take  func(*tracer, *onnx.Node) (value, error)
	apply func(*tracer, *onnx.Node, value) (value, error)
}

var rules map[string]rule // by operator

func init() {
	joined, first, planes := (*tracer).joined, (*tracer).first, (*tracer).planes
	rules = map[string]rule{
		"Conv": {planes, conv}, "ConvTranspose": {planes, convTranspose},
		"MaxPool": {planes, pool}, "AveragePool": {planes, pool},
		"Pad": {first, pad}, "Slice": {first, slice}, "Resize": {first, resize}, "Upsample": {first, resize},
		"DepthToSpace": {planes, blocks}, "SpaceToDepth": {planes, blocks}, "Transpose": {first, transpose},
		"Concat": {joined, concat}, "Split": {first, split},
		"InstanceNormalization": {planes, instanceNorm}, "BatchNormalization": {first, batchNorm},
		"QuantizeLinear": {first, parametric}, "DequantizeLinear": {first, parametric},
		"Clip": {first, parametric}, "Dropout": {first, parametric},
	}
	for _, op := range []string{
		"Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cast", "Ceil", "Celu", "Cos", "Cosh", "Elu", "Erf",
		"Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Log", "Mish", "Neg", "Not",
		"Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt",
		"Swish", "Tan", "Tanh", "ThresholdedRelu", "QuickGelu",
		"Add", "And", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Mean", "Min", "Mod",
		"Mul", "Or", "PRelu", "Pow", "Sub", "Sum", "Where", "Xor",
	} {
		rules[op] = rule{joined, pointwise}
	}
}

// pointwise is an operator that computes each place from the same places, and from constants that
// are equal everywhere.
func pointwise(t *tracer, n *onnx.Node, out value) (value, error) {
	for _, name := range n.Inputs {
		if _, ok := t.values[name]; ok || name == "" {
			continue
		}
		if err := t.fixed(name); err != nil {
			return out, err
		}
		c := t.tensor(name)
		if c == nil {
			return out, fmt.Errorf("its parameter %q could not be read", name)
		}
		for _, axis := range []int{out.h, out.w} {
			if i := axis - out.rank + len(c.Dims); i >= 0 && c.Dims[i] != 1 { // axes are aligned at the end
				return out, fmt.Errorf("its constant %q differs from place to place", name)
			}
		}
	}
	return out, nil
}

// joined joins the values that an operator combines element by element.
func (t *tracer) joined(n *onnx.Node) (value, error) {
	var out value
	for _, name := range n.Inputs {
		v, ok := t.values[name]
		switch {
		case !ok:
		case out.rank == 0:
			out = v
		case v.rank != out.rank || v.h != out.h || v.w != out.w || !v.y.sameStep(out.y) || !v.x.sameStep(out.x):
			return out, errors.New("it combines values of different sizes or axes")
		default:
			out.y, out.x = out.y.joined(v.y), out.x.joined(v.x)
		}
	}
	return out, nil
}

// first returns the value of the first input, which must be the only one that depends on the image.
func (t *tracer) first(n *onnx.Node) (value, error) {
	v, ok := t.values[n.Input(0)]
	if !ok {
		return v, errors.New("the image is not its first input")
	}
	return v, t.fixed(n.Inputs[1:]...)
}

// planes is first for an operator whose rows and columns are on axes 2 and 3.
func (t *tracer) planes(n *onnx.Node) (value, error) {
	v, err := t.first(n)
	if err == nil && (v.rank != 4 || v.h != 2 || v.w != 3) {
		err = errors.New("rows and columns are not its last two axes")
	}
	return v, err
}

// parametric is a pointwise operator whose further inputs are numbers, or one number for each
// channel.
func parametric(t *tracer, n *onnx.Node, v value) (value, error) {
	if len(n.Inputs) > 1 && v.span(int(n.Int("axis", 1))) != nil {
		if c := t.tensor(n.Inputs[1]); c == nil || len(c.Dims) > 0 && c.Dims[0] != 1 {
			return v, errors.New("its parameters differ from place to place")
		}
	}
	return v, nil
}

// list returns the numbers of input i, or of the attribute that older opsets have instead. Nil if
// there is neither.
func (t *tracer) list(n *onnx.Node, i int, attr string) ([]float64, error) {
	if name := n.Input(i); name != "" {
		return t.numbers(name)
	}
	a, _ := n.Attr(attr)
	list, _ := a.Values()
	return list, nil
}

// integers returns a list of numbers as integers, or false.
func integers(list []float64) ([]int, bool) {
	ints := make([]int, len(list))
	for i, v := range list {
		if v != float64(int(v)) || v < -1<<30 || v > 1<<30 {
			return nil, false
		}
		ints[i] = int(v)
	}
	return ints, true
}

// axes counts all axes from the front.
func axes(list []int, rank int) ([]int, error) {
	out := slices.Clone(list)
	for i := range out {
		if out[i] < 0 {
			out[i] += rank
		}
		if out[i] < 0 || out[i] >= rank {
			return nil, fmt.Errorf("axis %d is out of range", list[i])
		}
	}
	return out, nil
}

func transpose(_ *tracer, n *onnx.Node, v value) (value, error) {
	perm := n.Ints("perm")
	if len(perm) != v.rank || perm[0] != 0 {
		return v, errors.New("it does not keep images apart")
	}
	v.h, v.w = slices.Index(perm, int64(v.h)), slices.Index(perm, int64(v.w))
	if v.h < 0 || v.w < 0 {
		return v, errors.New("its permutation is invalid")
	}
	return v, nil
}

func concat(t *tracer, n *onnx.Node, v value) (value, error) {
	for _, name := range n.Inputs {
		if _, ok := t.values[name]; !ok {
			return v, fmt.Errorf("it joins the image with a constant, %q", name)
		}
	}
	return v, onChannels(n, v, 1)
}

func split(_ *tracer, n *onnx.Node, v value) (value, error) { return v, onChannels(n, v, 0) }

// onChannels returns an error unless the node's axis is the axis of the channels.
func onChannels(n *onnx.Node, v value, absent int64) error {
	over, err := axes([]int{int(n.Int("axis", absent))}, v.rank)
	if err == nil && (over[0] == 0 || v.span(over[0]) != nil) {
		err = fmt.Errorf("it works along axis %d, not along the channels", over[0])
	}
	return err
}

func batchNorm(_ *tracer, n *onnx.Node, v value) (value, error) {
	if n.Int("training_mode", 0) != 0 {
		return v, errors.New("it takes its statistics from the image, as in training")
	}
	if v.h < 2 || v.w < 2 {
		return v, errors.New("its channels are not on axis 1")
	}
	return v, nil
}

func instanceNorm(t *tracer, n *onnx.Node, v value) (value, error) {
	scale := t.tensor(n.Input(1))
	if scale == nil || scale.Type != onnx.Float32 && scale.Type != onnx.Float16 {
		return v, errors.New("its scale is not a constant of float32 or float16")
	}
	if len(scale.Dims) != 1 || scale.Dims[0] < 1 || scale.Dims[0] > 1<<20 {
		return v, errors.New("its scale is not a list")
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
