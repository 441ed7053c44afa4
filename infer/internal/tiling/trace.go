package tiling

import (
	"errors"
	"fmt"
	"slices"

	"cyclegan/infer/onnx"
)

// A value is a tensor that depends on the picture.
type value struct {
	rank int
	// spans are those of its rows and columns, which lie on axes h and w.
	h, w int
	y, x Span
}

// tracer follows values from the picture to the output.
type tracer struct {
	*constants
	model  *onnx.Model
	values map[string]value
	net    *Network
	// needs are how many elements there have to be of a span.
	needs []need
}

type need struct {
	span  Span
	least int
}

// least gives the smallest multiple of Align that leaves enough of everything.
func (t *tracer) least() (int, error) {
	const most = 1 << 12
	for n := t.net.Align; n <= most; n += t.net.Align {
		if !slices.ContainsFunc(t.needs, func(need need) bool { return need.span.Size(n) < need.least }) {
			return n, nil
		}
	}
	return 0, fmt.Errorf("it takes no picture of less than %d pixels a side", most)
}

// run follows the picture from the axes in to the axes to.
func (t *tracer) run(in, to Axes) error {
	t.values[t.net.input] = value{rank: 4, h: in.H, w: in.W, y: picture(), x: picture()}
	for _, n := range t.model.Nodes {
		if err := t.node(n); err != nil {
			return fmt.Errorf("operator %s %q: %w", n.Op, n.Name, err)
		}
	}
	out, ok := t.values[t.model.Outputs[0].Name]
	if !ok {
		return errors.New("its output does not depend on the picture")
	}
	if out.h != to.H || out.w != to.W {
		return errors.New("it gives rows and columns on other axes")
	}
	for _, s := range []Span{out.y, out.x} {
		if s.Num != 1 || s.Den != 1 {
			return errors.New("it changes the size of the picture")
		}
		t.net.Margin = max(t.net.Margin, s.Reach())
	}
	var err error
	if t.net.Least, err = t.least(); err != nil {
		return err
	}
	// Convolutions that only lose a few pixels at the border change the size as well.
	for n := t.net.Align * 1024; n <= t.net.Align*1025; n += t.net.Align {
		if out.y.Size(n) != n || out.x.Size(n) != n {
			return fmt.Errorf("it makes %dx%d of %dx%d pixels", out.x.Size(n), out.y.Size(n), n, n)
		}
	}
	return nil
}

// node adds a node's outputs to the values.
func (t *tracer) node(n *onnx.Node) error {
	if n.Subgraph {
		return errors.New("it holds networks of its own")
	}
	var from []value
	for _, name := range n.Inputs {
		if v, ok := t.values[name]; ok {
			from = append(from, v)
		}
	}
	if len(from) == 0 {
		return nil // constants
	}
	if n.Domain != "" && n.Domain != "com.microsoft" {
		return fmt.Errorf("it is of the domain %q, which is unknown here", n.Domain)
	}
	rule := rules[n.Op]
	if rule == nil {
		return errors.New("what a pixel of its result depends on is not known")
	}
	out, err := rule(t, n)
	if err != nil {
		return err
	}
	for _, s := range []Span{out.y, out.x} {
		t.needs = append(t.needs, need{s, 1})
		if s.Num > 1<<16 || s.Den > 1<<16 {
			return errors.New("its strides grow too large")
		}
		if t.net.Align = lcm(t.net.Align, s.Num); t.net.Align > 1<<16 {
			return errors.New("its strides do not go together")
		}
	}
	for _, name := range n.Outputs {
		t.values[name] = out
	}
	return nil
}

// first gives the value that comes in at input i, where the picture has to be.
func (t *tracer) first(n *onnx.Node) (value, error) {
	v, ok := t.values[n.Input(0)]
	if !ok {
		return v, errors.New("the picture comes in as a parameter")
	}
	return v, t.onlyConstants(n.Inputs[1:])
}

// onlyConstants says whether none of the names depends on the picture.
func (t *tracer) onlyConstants(names []string) error {
	for _, name := range names {
		if name != "" && !t.is(name) {
			return fmt.Errorf("its parameter %q depends on the picture", name)
		}
	}
	return nil
}

// planes gives the value of an operator that takes its rows and columns on axes 2 and 3.
func (t *tracer) planes(n *onnx.Node) (value, error) {
	v, err := t.first(n)
	if err == nil && (v.rank != 4 || v.h != 2 || v.w != 3) {
		err = errors.New("rows and columns are not its last two axes")
	}
	return v, err
}

// list gives the numbers of a parameter: input i, or the attribute that older opsets have; nil where neither is there.
func (t *tracer) list(n *onnx.Node, i int, attr string) ([]float64, error) {
	if name := n.Input(i); name != "" {
		return t.constants.values(name)
	}
	a, ok := n.Attr(attr)
	if !ok || attr == "" {
		return nil, nil
	}
	var list []float64
	for _, v := range a.Ints {
		list = append(list, float64(v))
	}
	for _, v := range a.Floats {
		list = append(list, float64(v))
	}
	return list, nil
}

// window reads the attributes of a convolution or pooling along rows (axis 0) or columns (axis 1).
func (t *tracer) window(n *onnx.Node, axis int, kernel []int64) (window, error) {
	at := func(list []int64, i int, absent int64) (int, error) {
		if list == nil {
			return int(absent), nil
		}
		if i >= len(list) {
			return 0, errors.New("it is not two-dimensional")
		}
		const most = 1 << 12
		if v := list[i]; v >= -most && v <= most {
			return int(v), nil
		}
		return 0, fmt.Errorf("%d is out of range", list[i])
	}
	var w window
	errs := make([]error, 5)
	w.kernel, errs[0] = at(kernel, axis, 0)
	w.stride, errs[1] = at(n.Ints("strides"), axis, 1)
	w.dilation, errs[2] = at(n.Ints("dilations"), axis, 1)
	w.begin, errs[3] = at(n.Ints("pads"), axis, 0)
	w.end, errs[4] = at(n.Ints("pads"), axis+2, 0)
	if err := errors.Join(errs...); err != nil {
		return w, err
	}
	if w.kernel < 1 || w.stride < 1 || w.dilation < 1 {
		return w, errors.New("its kernel, stride or dilation is below 1 or not said")
	}
	switch pad := n.Text("auto_pad", "NOTSET"); pad {
	case "NOTSET", "":
	case "VALID":
		w.begin, w.end = 0, 0
	case "SAME_UPPER", "SAME_LOWER":
		// For sizes that are multiples of the stride, which those of parts are.
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

// kernel gives the size of a convolution's kernel, which its weights have if no attribute says it.
func (t *tracer) kernel(n *onnx.Node, weights int) ([]int64, error) {
	if k := n.Ints("kernel_shape"); k != nil {
		return k, nil
	}
	if w := t.tensor(n.Input(weights)); w != nil && len(w.Dims) == 4 {
		return w.Dims[2:], nil
	}
	return nil, errors.New("the size of its kernel could not be read")
}

// whole gives the list as whole numbers, or false.
func whole(list []float64) ([]int, bool) {
	ints := make([]int, len(list))
	for i, v := range list {
		if v != float64(int(v)) || v < -1<<30 || v > 1<<30 {
			return nil, false
		}
		ints[i] = int(v)
	}
	return ints, true
}

// common joins values that are computed from element by element.
func (t *tracer) common(n *onnx.Node) (value, error) {
	var out value
	found := false
	for _, name := range n.Inputs {
		v, ok := t.values[name]
		switch {
		case !ok:
		case !found:
			out, found = v, true
		case v.rank != out.rank || v.h != out.h || v.w != out.w || !v.y.sameStep(out.y) || !v.x.sameStep(out.x):
			return out, errors.New("it joins values of different sizes or axes")
		default:
			out.y, out.x = out.y.joined(v.y), out.x.joined(v.x)
		}
	}
	if !found {
		return out, errors.New("the picture does not come in")
	}
	return out, nil
}

// even says whether a constant is the same in every place of v's rows and columns, as it is broadcast.
func (t *tracer) even(name string, v value) error {
	if name == "" {
		return nil
	}
	if !t.is(name) {
		return fmt.Errorf("its parameter %q depends on the picture", name)
	}
	c := t.tensor(name)
	if c == nil {
		return fmt.Errorf("its parameter %q could not be read", name)
	}
	for _, axis := range []int{v.h, v.w} {
		if i := axis - v.rank + len(c.Dims); i >= 0 && c.Dims[i] != 1 {
			return fmt.Errorf("its constant %q differs from place to place", name)
		}
	}
	return nil
}

// axes gives whole numbers of axes counted from the front.
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
