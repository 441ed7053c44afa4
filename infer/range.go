package infer

import (
	"fmt"
	"math"
	"slices"

	"cyclegan/infer/onnx"
)

var byteRange, symmetricRange = Range{0, 255}, Range{-1, 1}

// integers are the integer element types with their bounds and their default range.
var integers = map[string]struct {
	least, largest float64
	usual          Range
}{
	"uint8":  {0, math.MaxUint8, byteRange},
	"int8":   {math.MinInt8, math.MaxInt8, Range{math.MinInt8, math.MaxInt8}},
	"uint16": {0, math.MaxUint16, Range{0, math.MaxUint16}},
	// wider than images need, so they hold 8-bit values
	"int16":  {math.MinInt16, math.MaxInt16, byteRange},
	"uint32": {0, math.MaxUint32, byteRange},
	"int32":  {math.MinInt32, math.MaxInt32, byteRange},
	"uint64": {0, math.MaxUint64, byteRange},
	"int64":  {math.MinInt64, math.MaxInt64, byteRange},
}

// fewestLevels is the smallest number of integers for an image. A range with fewer is meant for
// fractions.
const fewestLevels = 128

// checkRange returns an error if r cannot be the range of images of an element type.
func checkRange(r Range, element string) error {
	whole, ok := integers[element]
	if !ok {
		return nil
	}
	lo, hi := float64(min(r.Lo, r.Hi)), float64(max(r.Lo, r.Hi))
	if lo < whole.least || hi > whole.largest || hi-lo < fewestLevels-1 {
		return fmt.Errorf("the range %g to %g does not fit images in %s, whose usual range is %g to %g", r.Lo, r.Hi, element, whole.usual.Lo, whole.usual.Hi)
	}
	return nil
}

// findRanges determines the values of black and white. Meta is the range in the metadata, zero for
// none.
func (i *Info) findRanges(meta Range, network *onnx.Model, opt *Options) error {
	last, by := outputRange(network, i.Output.Name)
	_, integerOut := integers[i.Output.Type]
	find := func(p *Port, own Range, option string) {
		whole, integer := integers[p.Type]
		switch {
		case own != Range{}:
			p.Range, p.RangeSource = own, option
		case opt.Range != Range{}:
			p.Range, p.RangeSource = opt.Range, "Options.Range"
		case meta != Range{}:
			p.Range, p.RangeSource = meta, "its metadata"
		case integer:
			p.Range, p.RangeSource = whole.usual, "its type, "+p.Type
		case by != "" && !integerOut:
			p.Range, p.RangeSource = last, "its last operator, "+by
		default:
			p.Range = symmetricRange
		}
	}
	find(&i.Input, Range{}, "")
	find(&i.Output, opt.OutputRange, "Options.OutputRange")
	if err := checkRange(i.Input.Range, i.Input.Type); err != nil {
		return fmt.Errorf("input %q: %w", i.Input.Name, err)
	}
	if err := checkRange(i.Output.Range, i.Output.Type); err != nil {
		return fmt.Errorf("output %q: %w (Options.OutputRange sets it for the output only)", i.Output.Name, err)
	}
	return nil
}

// outputRange derives the range of an output from the operator that bounds its values, whose name
// it returns, and from the sums and products with constants after it. By is empty if the range is
// not a usual one.
func outputRange(m *onnx.Model, output string) (r Range, by string) {
	if m == nil {
		return r, ""
	}
	e := tail{model: m, producer: map[string]*onnx.Node{}}
	for _, n := range m.Nodes {
		for _, out := range n.Outputs {
			e.producer[out] = n
		}
	}
	// The output is factor*x + shift of the value x reached so far.
	factor, shift := 1.0, 0.0
	const maxOperators = 32 // a damaged file may have cycles
	for range maxOperators {
		n := e.producer[output]
		if n == nil || n.Domain != "" {
			return r, ""
		}
		if lo, hi, ok := e.bounds(n); ok {
			a, b := factor*lo+shift, factor*hi+shift
			for _, usual := range []Range{symmetricRange, {0, 1}, byteRange} {
				near := func(v float64, u float32) bool { return math.Abs(v-float64(u)) < 1e-3*float64(usual.Hi) }
				if near(min(a, b), usual.Lo) && near(max(a, b), usual.Hi) {
					return usual, n.Op
				}
			}
			return r, ""
		}
		var f, s float64
		var ok bool
		if output, f, s, ok = e.before(n); !ok {
			return r, ""
		}
		factor, shift = factor*f, factor*s+shift
	}
	return r, ""
}

// tail looks at the last operators of a network.
type tail struct {
	model    *onnx.Model
	producer map[string]*onnx.Node
}

// bounds returns the smallest and the largest output of an operator, if it has both.
func (e tail) bounds(n *onnx.Node) (lo, hi float64, ok bool) {
	switch n.Op {
	case "Tanh":
		return -1, 1, true
	case "Sigmoid", "HardSigmoid":
		return 0, 1, true
	case "Clip":
		bound := func(input int, attr string) (float64, bool) {
			if a, ok := n.Attr(attr); ok { // before opset 11
				return float64(a.Float), true
			}
			return e.constant(n.Input(input))
		}
		lo, okLo := bound(1, "min")
		hi, okHi := bound(2, "max")
		return lo, hi, okLo && okHi
	}
	return 0, 0, false
}

// rangePreservingOps are the operators that keep values or change them little.
var rangePreservingOps = []string{"Identity", "Cast", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Slice", "DepthToSpace", "SpaceToDepth", "Round", "Floor", "Ceil", "Dropout"}

// before returns x, factor and shift for an operator that computes factor*x + shift.
func (e tail) before(n *onnx.Node) (x string, factor, shift float64, ok bool) {
	a, b := n.Input(0), n.Input(1)
	if slices.Contains(rangePreservingOps, n.Op) {
		return a, 1, 0, true
	}
	x = a
	v, isConstant := e.constant(b)
	if !isConstant {
		x = b
		v, isConstant = e.constant(a)
	}
	switch {
	case n.Op == "Neg":
		return a, -1, 0, true
	case !isConstant:
	case n.Op == "Mul":
		return x, v, 0, true
	case n.Op == "Div" && x == a && v != 0:
		return x, 1 / v, 0, true
	case n.Op == "Add":
		return x, 1, v, true
	case n.Op == "Sub" && x == a:
		return x, 1, -v, true
	case n.Op == "Sub":
		return x, -1, v, true
	}
	return "", 0, 0, false
}

// constant returns the value of a name that is a constant number.
func (e tail) constant(name string) (float64, bool) {
	var t *onnx.Tensor
	if n := e.producer[name]; n != nil && n.Op == "Constant" && n.Domain == "" {
		if a, ok := n.Attr("value_float"); ok {
			return float64(a.Float), true
		}
		a, _ := n.Attr("value")
		t = a.Tensor
	} else if i := slices.IndexFunc(e.model.Tensors, func(t *onnx.Tensor) bool { return t.Name == name }); i >= 0 {
		t = e.model.Tensors[i]
	}
	if t == nil {
		return 0, false
	}
	v, ok := t.Values()
	if !ok || len(v) != 1 {
		return 0, false
	}
	return v[0], true
}
