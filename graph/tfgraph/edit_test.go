//go:build tensorflow

package tfgraph

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	attrs "github.com/wamuir/graft/tensorflow/core/framework/attr_value_go_proto"
	graphs "github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	nodes "github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	types "github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
)

// What was built in a graph runs in its edited copy.
func TestEdit(t *testing.T) {
	s := op.NewScope()
	x := op.Placeholder(s, tf.Float, op.PlaceholderShape(tf.MakeShape(2)))
	y := op.Neg(s.SubScope("y"), x)
	g, err := s.Finalize()
	if err != nil {
		t.Fatal(err)
	}
	edited, err := Edit(g, func(def *graphs.GraphDef) {
		for _, n := range def.Node {
			if n.Op == "Neg" {
				n.Op = "Abs"
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	session, err := NewSession(edited, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	feed, err := NewTensor([]float32{-3, 2}, 2)
	if err != nil {
		t.Fatal(err)
	}
	out, err := session.Run(NewPart([]tf.Output{y}), Feeds{NameOf(x): feed})
	if err != nil {
		t.Fatal(err)
	}
	if got := out[0].Value().([]float32); !slices.Equal(got, []float32{3, 2}) {
		t.Errorf("%v", got)
	}
	if _, err := Edit(g, func(def *graphs.GraphDef) { def.Node[0].Op = "Nothing" }); err == nil {
		t.Error("a graph with an unknown operation was accepted")
	}
}

// A name that the edited graph does not have is an error wherever it is used:
// as a fetch, as a target, as a feed, and in Check.
func TestUnknownNames(t *testing.T) {
	s := op.NewScope()
	x := op.Placeholder(s.SubScope("x"), tf.Float, op.PlaceholderShape(tf.MakeShape(1)))
	y := op.Neg(s.SubScope("y"), x)
	net := &graph.Network{Name: "n", In: 1, Out: 1, Layers: []graph.Layer{graph.Conv{Name: "c", In: 1, Out: 1, Kernel: 1, Stride: 1}}}
	vars := NewVariables(s, "vars", net, nil)
	g, err := s.Finalize()
	if err != nil {
		t.Fatal(err)
	}
	edited, err := Edit(g, func(def *graphs.GraphDef) { def.Node = def.Node[:1] })
	if err != nil {
		t.Fatal(err)
	}
	session, err := NewSession(edited, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	feed, err := NewTensor([]float32{1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for what, run := range map[string]func() error{
		"fetch":  func() error { _, err := session.Run(NewPart([]tf.Output{y}), Feeds{NameOf(x): feed}); return err },
		"target": func() error { _, err := session.Run(NewPart(nil, y.Op), Feeds{NameOf(x): feed}); return err },
		"feed":   func() error { _, err := session.Run(NewPart([]tf.Output{x}), Feeds{NameOf(y): feed}); return err },
		"traced": func() error { _, _, err := session.RunTraced(NewPart([]tf.Output{y}), nil); return err },
		"check":  func() error { return session.Check(NewPart([]tf.Output{x}), NewPart([]tf.Output{y})) },
	} {
		if err := run(); err == nil || !strings.Contains(err.Error(), `no operation "y/Neg"`) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	if err := vars.Load(session, graph.Weights{"c.weight": {1}}); err == nil || !strings.Contains(err.Error(), `no operation "vars/c.weight/`) {
		t.Errorf("load of variables: error %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("the values of variables were found in a graph without them")
		}
	}()
	vars.Values(edited)
}

func TestUseFastMatMul(t *testing.T) {
	kind := func(k types.DataType) *attrs.AttrValue {
		return &attrs.AttrValue{Value: &attrs.AttrValue_Type{Type: k}}
	}
	equal := &nodes.NodeDef{Op: "BatchMatMulV3", Attr: map[string]*attrs.AttrValue{
		"Ta": kind(types.DataType_DT_FLOAT), "Tb": kind(types.DataType_DT_FLOAT), "Tout": kind(types.DataType_DT_FLOAT)}}
	mixed := &nodes.NodeDef{Op: "BatchMatMulV3", Attr: map[string]*attrs.AttrValue{
		"Ta": kind(types.DataType_DT_INT8), "Tb": kind(types.DataType_DT_INT8), "Tout": kind(types.DataType_DT_INT32)}}
	UseFastMatMul(&graphs.GraphDef{Node: []*nodes.NodeDef{equal, mixed}})
	if equal.Op != "BatchMatMulV2" || equal.Attr["T"].GetType() != types.DataType_DT_FLOAT || len(equal.Attr) != 1 {
		t.Errorf("%v", equal)
	}
	if mixed.Op != "BatchMatMulV3" {
		t.Errorf("%v", mixed)
	}
}

// A product of a gradient takes a copy of the transform, which waits for the
// other factor; one that is fed by nothing of the kind stays.
func TestRecompute(t *testing.T) {
	node := func(name, op string, inputs ...string) *nodes.NodeDef {
		return &nodes.NodeDef{Name: name, Op: op, Input: inputs}
	}
	def := &graphs.GraphDef{Node: []*nodes.NodeDef{
		node("x", "Placeholder"),
		node("net/winograd_input/matrix/Const", "Const"),
		node("net/winograd_input/product", "BatchMatMulV2", "net/winograd_input/matrix/Const", "x"),
		node("net/winograd_input/transpose", "Transpose", "net/winograd_input/product", "x"),
		node("dy", "Placeholder"),
		node("adam/Gradients/filters", "BatchMatMulV2", "net/winograd_input/transpose", "dy:1"),
		node("adam/Gradients/other", "BatchMatMulV2", "x", "dy"),
		node("forward", "BatchMatMulV2", "net/winograd_input/transpose", "dy"),
	}}
	Recompute(def)
	got := map[string]string{}
	for _, n := range def.Node {
		got[n.Name] = strings.Join(n.Input, " ")
	}
	for name, want := range map[string]string{
		"adam/Gradients/filters":             "again/net/winograd_input/transpose dy:1",
		"again/net/winograd_input/transpose": "again/net/winograd_input/product x",
		"again/net/winograd_input/product":   "net/winograd_input/matrix/Const x ^dy",
		"adam/Gradients/other":               "x dy",
		"forward":                            "net/winograd_input/transpose dy",
	} {
		if got[name] != want {
			t.Errorf("%s takes %q, want %q", name, got[name], want)
		}
	}
	if len(got) != 10 {
		t.Errorf("%d nodes: %v", len(got), got)
	}
}

// The gradients of rectifiers read outputs instead of inputs, with the same result.
func TestUseActivations(t *testing.T) {
	conv := func(name string) graph.Layer {
		return graph.Conv{Name: name, In: 3, Out: 3, Kernel: 3, Stride: 1, Pad: 1, Bias: true}
	}
	n := &graph.Network{Name: "net", In: 3, Out: 3, Layers: []graph.Layer{
		conv("a"), graph.LeakyReLU{Slope: 0.2}, conv("b"), graph.ReLU{}, conv("c"), graph.Clamp{Min: 0, Max: 6}, conv("d"), graph.LeakyReLU{Slope: -0.5},
	}}
	w, err := graph.Initialize(n, graph.InitKaiming, 0, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	g := tf.NewGraph()
	s := op.NewScopeWithGraph(g)
	vars := NewVariables(s, "w", n, nil)
	x := op.Placeholder(s, tf.Float, op.PlaceholderShape(tf.MakeShape(2, 9, 8, 3)))
	y, _ := Apply(s, n, vars.Values(g), x, Mode{Training: true})
	part := NewPart(op.Gradients(s, []tf.Output{y}, []tf.Output{x, vars.Values(g)["a.weight"]}))
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	feed, err := NewTensor(randomInput(7, graph.Shape{H: 9, W: 8, C: 3}), 2, 9, 8, 3)
	if err != nil {
		t.Fatal(err)
	}
	var results [2][]float32
	for i, edits := range [][]func(*graphs.GraphDef){nil, {UseActivations}} {
		edits = append(edits, func(def *graphs.GraphDef) {
			kinds := map[string]string{}
			for _, n := range def.Node {
				kinds[n.Name] = n.Op
			}
			var read []string
			for _, n := range def.Node {
				switch n.Op {
				case "ReluGrad", "Relu6Grad", "LeakyReluGrad":
					read = append(read, kinds[nodeOf(n.Input[1])])
				}
			}
			slices.Sort(read)
			// A negative slope changes signs, so that gradient needs the input.
			want := [][]string{{"BiasAdd", "BiasAdd", "BiasAdd", "BiasAdd"}, {"BiasAdd", "LeakyRelu", "Relu", "Relu6"}}[i]
			if !slices.Equal(read, want) {
				t.Errorf("gradients read %q, want %q", read, want)
			}
		})
		edited, err := Edit(g, edits...)
		if err != nil {
			t.Fatal(err)
		}
		session, err := NewSession(edited, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		if err := vars.Load(session, w); err != nil {
			t.Fatal(err)
		}
		out, err := session.Run(part, Feeds{NameOf(x): feed})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range out {
			values, err := Floats(nil, o)
			if err != nil {
				t.Fatal(err)
			}
			results[i] = append(results[i], values...)
		}
	}
	for i, want := range results[0] {
		if got := results[1][i]; math.Abs(float64(got-want)) > 1e-5*(1+math.Abs(float64(want))) {
			t.Fatalf("gradient %d is %g, without the edit %g", i, got, want)
		}
	}
}
