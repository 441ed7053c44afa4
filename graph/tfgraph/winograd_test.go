//go:build tensorflow

package tfgraph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
)

// In Winograd's form a convolution has the values and the gradients that it
// has without it, for every kind of padding, sides that are no multiples of
// the tile, one image and two, and weights that are used twice.
func TestWinogradIsTheConvolution(t *testing.T) {
	conv := func(in, out, pad int, bias bool) graph.Conv {
		return graph.Conv{Name: "c", In: in, Out: out, Kernel: 3, Stride: 1, Pad: pad, Bias: bias}
	}
	for name, layers := range map[string][]graph.Layer{
		"padded":           {conv(64, 80, 1, true), graph.Tanh{}},
		"reflected":        {graph.ReflectPad{Pad: 1}, conv(72, 64, 0, false), graph.ReLU{}},
		"reflected by two": {graph.ReflectPad{Pad: 2}, conv(64, 64, 0, true)},
		"not padded":       {graph.Tanh{}, conv(64, 64, 0, false)},
		"in a residual":    {graph.Residual{Body: []graph.Layer{graph.ReflectPad{Pad: 1}, conv(64, 64, 0, false)}}},
	} {
		for _, batch := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s, %d", name, batch), func(t *testing.T) { checkWinograd(t, layers, batch) })
		}
	}
}

func checkWinograd(t *testing.T, layers []graph.Layer, batch int) {
	shape := graph.Shape{H: 18, W: 21}
	for _, l := range layers {
		if r, ok := l.(graph.Residual); ok {
			l = r.Body[len(r.Body)-1]
		}
		if c, ok := l.(graph.Conv); ok {
			shape.C = c.In
		}
	}
	net := &graph.Network{Name: "net", In: shape.C, Layers: layers}
	out := shape
	for _, l := range layers {
		var err error
		if out, err = graph.LayerShape(l, out); err != nil {
			t.Fatal(err)
		}
	}
	net.Out = out.C
	weights, err := graph.Initialize(net, graph.InitNormal, 0.05, rand.New(rand.NewPCG(7, 8)))
	if err != nil {
		t.Fatal(err)
	}

	g := tf.NewGraph()
	s := op.NewScopeWithGraph(g)
	vars := NewVariables(s, "vars", net, nil)
	in := op.Placeholder(s.SubScope("in"), tf.Float, op.PlaceholderShape(tf.MakeShape(int64(batch), int64(shape.H), int64(shape.W), int64(shape.C))))
	var values []tf.Output
	for _, p := range net.Params() {
		values = append(values, vars.Values(g)[p.Name])
	}
	var fetches []tf.Output
	for _, winograd := range []bool{false, true} {
		s := s.SubScope("form")
		mode := Mode{Training: true, Winograd: winograd}
		first, _ := Apply(s, net, vars.Values(g), in, mode)
		second, _ := Apply(s.SubScope("again"), net, vars.Values(g), op.Neg(s.SubScope("negative"), in), mode)
		all := []int32{0, 1, 2, 3}
		loss := op.AddV2(s.SubScope("loss"), op.Sum(s.SubScope("sum"), op.Square(s.SubScope("square"), first), op.Const(s.SubScope("axes"), all)),
			op.Sum(s.SubScope("sum2"), second, op.Const(s.SubScope("axes2"), all)))
		fetches = append(fetches, first)
		fetches = append(fetches, op.Gradients(s.SubScope("gradients"), []tf.Output{loss}, append([]tf.Output{in}, values...))...)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	if !inWinogradForm(g) {
		t.Fatal("the form is not used")
	}
	results := NewPart(fetches)
	g, err = Edit(g, UseFastMatMul, Recompute)
	if err != nil {
		t.Fatal(err)
	}
	recomputed := 0
	for _, o := range g.Operations() {
		if o.Type() == "BatchMatMulV3" {
			t.Errorf("%s is left to Eigen", o.Name())
		}
		if strings.HasPrefix(o.Name(), RecomputeScope) {
			recomputed++
		}
	}
	if recomputed == 0 {
		t.Error("nothing is computed again")
	}
	session, err := NewSession(g, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := vars.Load(session, weights); err != nil {
		t.Fatal(err)
	}
	feed, err := NewTensor(randomInput(1, shape)[:batch*shape.H*shape.W*shape.C], batch, shape.H, shape.W, shape.C)
	if err != nil {
		t.Fatal(err)
	}
	got, err := session.Run(results, Feeds{NameOf(in): feed})
	if err != nil {
		t.Fatal(err)
	}
	half := len(fetches) / 2
	for i := range half {
		want, err := Floats(nil, got[i])
		if err != nil {
			t.Fatal(err)
		}
		have, err := Floats(nil, got[half+i])
		if err != nil || len(have) != len(want) {
			t.Fatal(len(have), len(want), err)
		}
		largest, apart := 0.0, 0.0
		for k, v := range want {
			largest = max(largest, math.Abs(float64(v)))
			apart = max(apart, math.Abs(float64(v-have[k])))
		}
		if largest == 0 || apart > 3e-5*largest {
			t.Errorf("output %d differs by %.2g of %.2g", i, apart, largest)
		}
	}
}

// Where the form does not pay or does not fit, TensorFlow's convolution stays.
func TestWinogradLeaves(t *testing.T) {
	conv := graph.Conv{Name: "c", In: 64, Out: 64, Kernel: 3, Stride: 1, Pad: 1}
	for name, change := range map[string]func(*graph.Conv, *graph.Shape){
		"few channels in":  func(c *graph.Conv, s *graph.Shape) { c.In, s.C = 32, 32 },
		"few channels out": func(c *graph.Conv, s *graph.Shape) { c.Out = 32 },
		"small":            func(c *graph.Conv, s *graph.Shape) { s.H = 15 },
		"steps":            func(c *graph.Conv, s *graph.Shape) { c.Stride = 2 },
		"kernel":           func(c *graph.Conv, s *graph.Shape) { c.Kernel = 5 },
	} {
		c, shape := conv, graph.Shape{H: 16, W: 16, C: 64}
		change(&c, &shape)
		net := &graph.Network{Name: "net", In: c.In, Out: c.Out, Layers: []graph.Layer{c}}
		g := tf.NewGraph()
		s := op.NewScopeWithGraph(g)
		x := op.Placeholder(s, tf.Float, op.PlaceholderShape(tf.MakeShape(1, int64(shape.H), int64(shape.W), int64(shape.C))))
		Apply(s, net, NewVariables(s, "vars", net, nil).Values(g), x, Mode{Winograd: true})
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
		if inWinogradForm(g) {
			t.Errorf("%s: the form is used", name)
		}
	}
}

func inWinogradForm(g *tf.Graph) bool {
	return slices.ContainsFunc(g.Operations(), func(o tf.Operation) bool { return strings.Contains(o.Name(), "/"+winogradInputScope) })
}
