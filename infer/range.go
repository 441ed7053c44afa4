package infer

import (
	"fmt"
	"math"
	"slices"

	"cyclegan/infer/onnx"
	"cyclegan/infer/pixels"
)

// wholes are the element types of whole numbers: the least and the largest value, and those of black and white unless something else is said.
var wholes = map[string]struct {
	least, largest float64
	usual          pixels.Range
}{
	"uint8":  {0, math.MaxUint8, pixels.Byte},
	"int8":   {math.MinInt8, math.MaxInt8, pixels.Range{Lo: math.MinInt8, Hi: math.MaxInt8}},
	"uint16": {0, math.MaxUint16, pixels.Range{Lo: 0, Hi: math.MaxUint16}},
	// wider than pictures need, so that they hold the values of 8 bits
	"int16":  {math.MinInt16, math.MaxInt16, pixels.Byte},
	"uint32": {0, math.MaxUint32, pixels.Byte},
	"int32":  {math.MinInt32, math.MaxInt32, pixels.Byte},
	"uint64": {0, math.MaxUint64, pixels.Byte},
	"int64":  {math.MinInt64, math.MaxInt64, pixels.Byte},
}

// fewestLevels is how many whole numbers a picture's values take at least. Fewer come of a range that is meant for fractions.
const fewestLevels = 128

// fits says why a range cannot be that of a port, or gives nil.
func fits(r pixels.Range, p Port) error {
	whole, ok := wholes[p.Type]
	if !ok {
		return nil
	}
	lo, hi := float64(min(r.Lo, r.Hi)), float64(max(r.Lo, r.Hi))
	if lo < whole.least || hi > whole.largest || hi-lo < fewestLevels-1 {
		return fmt.Errorf("values from %g to %g cannot be those of pictures in %s, where they usually are %g to %g", r.Lo, r.Hi, p.Type, whole.usual.Lo, whole.usual.Hi)
	}
	return nil
}

// ranges finds the values of black and white. What i holds of them is the metadata's, if told.
func (i *Info) ranges(told bool, network *onnx.Model, opt *Options) error {
	meta := i.Input.Range
	end, by := endRange(network, i.OutputPort.Name)
	_, wholeOut := wholes[i.OutputPort.Type]
	find := func(p *Port, own pixels.Range, option string) pixels.Range {
		whole, ok := wholes[p.Type]
		switch {
		case own != pixels.Range{}:
			p.RangeBy = option
			return own
		case opt.Range != pixels.Range{}:
			p.RangeBy = "Options.Range"
			return opt.Range
		case told:
			p.RangeBy = "its metadata"
			return meta
		case ok:
			p.RangeBy = "its type, " + p.Type
			return whole.usual
		case by != "" && !wholeOut:
			p.RangeBy = "its last operator, " + by
			return end
		}
		return pixels.Symmetric
	}
	i.Input.Range = find(&i.InputPort, pixels.Range{}, "")
	i.Output.Range = find(&i.OutputPort, opt.OutputRange, "Options.OutputRange")
	if err := fits(i.Input.Range, i.InputPort); err != nil {
		return fmt.Errorf("input %q: %w", i.InputPort.Name, err)
	}
	if err := fits(i.Output.Range, i.OutputPort); err != nil {
		return fmt.Errorf("output %q: %w (Options.OutputRange is for it alone)", i.OutputPort.Name, err)
	}
	return nil
}

// endRange tells the range of what a network gives by the operator that bounds its values, named by it, and by the sums and products with constants
// after that. Empty where it is none of the usual ranges.
func endRange(m *onnx.Model, output string) (r pixels.Range, by string) {
	if m == nil {
		return r, ""
	}
	e := ending{model: m, producer: map[string]*onnx.Node{}}
	for _, n := range m.Nodes {
		for _, out := range n.Outputs {
			e.producer[out] = n
		}
	}
	// The output is factor*x + shift of the value x that has been come to.
	factor, shift := 1.0, 0.0
	const most = 32 // operators: a damaged file may lead in a circle
	for range most {
		n := e.producer[output]
		if n == nil || n.Domain != "" {
			return r, ""
		}
		if lo, hi, ok := e.bounds(n); ok {
			a, b := factor*lo+shift, factor*hi+shift
			for _, usual := range []pixels.Range{pixels.Symmetric, pixels.Unit, pixels.Byte} {
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

// ending looks at the operators that a network ends in.
type ending struct {
	model    *onnx.Model
	producer map[string]*onnx.Node
}

// bounds gives the smallest and the largest value that an operator gives, if it has both.
func (e ending) bounds(n *onnx.Node) (lo, hi float64, ok bool) {
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

// movers are the operators that leave values as they are, or move them but little.
var movers = []string{"Identity", "Cast", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Slice", "DepthToSpace", "SpaceToDepth", "Round", "Floor", "Ceil", "Dropout"}

// before gives the value that an operator makes factor*x + shift of, with both numbers.
func (e ending) before(n *onnx.Node) (x string, factor, shift float64, ok bool) {
	a, b := n.Input(0), n.Input(1)
	if slices.Contains(movers, n.Op) {
		return a, 1, 0, true
	}
	left, isLeft := e.constant(a)
	right, isRight := e.constant(b)
	switch {
	case n.Op == "Neg":
		return a, -1, 0, true
	case isLeft == isRight:
		return "", 0, 0, false
	case n.Op == "Mul" && isRight:
		return a, right, 0, true
	case n.Op == "Mul":
		return b, left, 0, true
	case n.Op == "Div" && isRight && right != 0:
		return a, 1 / right, 0, true
	case n.Op == "Add" && isRight:
		return a, 1, right, true
	case n.Op == "Add":
		return b, 1, left, true
	case n.Op == "Sub" && isRight:
		return a, 1, -right, true
	case n.Op == "Sub":
		return b, -1, left, true
	}
	return "", 0, 0, false
}

// constant gives the number that stands behind a name, if it is one.
func (e ending) constant(name string) (float64, bool) {
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
