//go:build tensorflow

package predict

import (
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
)

// The operations counted are those of the graph that TensorFlow gets, summed
// over its convolutions and products by the shapes that it says itself.
func TestTrainingFormsAreTheGraph(t *testing.T) {
	o := course(t)
	for _, withWinograd := range []bool{true, false} {
		n, err := graph.NewGenerator(o.Generator(true))
		if err != nil {
			t.Fatal(err)
		}
		const side = 72 // of which quarters are no multiple of the tile
		mode := tfgraph.Mode{Winograd: withWinograd}
		g := tf.NewGraph()
		s := op.NewScopeWithGraph(g)
		in := op.Placeholder(s, tf.Float, op.PlaceholderShape(tf.MakeShape(1, side, side, 3)))
		tfgraph.Apply(s, n, tfgraph.NewVariables(s, "weights", n, nil).Values(), in, mode)
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
		got, products := operations(t, g)

		p := player{net: n}
		if err := p.shape(side, withWinograd); err != nil {
			t.Fatal(err)
		}
		_, want := p.filters()
		for _, f := range p.forms {
			want += f.forward
		}
		if got != want {
			t.Errorf("Winograd's form %v: the graph has %.0f operations, counted are %.0f", withWinograd, got, want)
		}
		if (products > 0) != withWinograd {
			t.Errorf("Winograd's form %v: %d products of matrices", withWinograd, products)
		}
	}
}

// operations counts those of a graph's convolutions and products of matrices,
// and the latter.
func operations(t *testing.T, g *tf.Graph) (flops float64, products int) {
	t.Helper()
	inputs := map[string]map[int][]int64{}
	size := func(shape []int64) float64 {
		n := 1.0
		for _, d := range shape {
			n *= float64(d)
		}
		return n
	}
	shapeOf := func(out tf.Output) []int64 {
		shape, err := out.Shape().ToSlice()
		if err != nil {
			return nil
		}
		return shape
	}
	all := g.Operations()
	for i := range all {
		for k := range all[i].NumOutputs() {
			out := all[i].Output(k)
			for _, c := range out.Consumers() {
				name := c.Op.Name()
				if inputs[name] == nil {
					inputs[name] = map[int][]int64{}
				}
				inputs[name][c.Index] = shapeOf(out)
			}
		}
	}
	for i := range all {
		in := inputs[all[i].Name()]
		switch all[i].Type() {
		case "Conv2D": // [k, k, in, out]
			w := in[1]
			flops += 2 * size(w[:3]) * size(shapeOf(all[i].Output(0)))
		case "Conv2DBackpropInput": // sizes, [k, k, out, in], what goes in
			flops += 2 * size(in[1][:3]) * size(in[2])
		case "MatMul", "BatchMatMulV2":
			products++
			inner := in[0][len(in[0])-1]
			flops += 2 * float64(inner) * size(shapeOf(all[i].Output(0)))
		}
	}
	return flops, products
}
