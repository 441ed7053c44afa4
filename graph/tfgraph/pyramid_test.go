//go:build tensorflow

package tfgraph

import (
	"math"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
	"cyclegan/graph/internal/pyramidtest"
	"cyclegan/graph/onnxgraph"
)

// A pyramid returns what PyTorch returns, at the size of the thumbnail and at others.
func TestPyramidAgreesWithPyTorch(t *testing.T) {
	for _, o := range pyramidtest.Outputs(t) {
		n, shape := o.Shape[0], graph.Shape{H: o.Shape[2], W: o.Shape[3], C: o.Shape[1]}
		net, w := o.Network(t)
		got, err := Evaluate(net, w, onnxgraph.NHWC(o.Input(), n, shape.H, shape.W, shape.C), n, shape)
		if err != nil {
			t.Fatal(err)
		}
		worst := o.Difference(onnxgraph.NCHW(got, n, shape.H, shape.W, shape.C))
		t.Logf("size %d, %d images of %v: %.1e", o.Size, n, shape, worst)
		if !(worst < 1e-4) {
			t.Errorf("size %d, %d images of %v: differs from PyTorch by %.3g", o.Size, n, shape, worst)
		}
	}
}

// The gradients of sum(y^3) with respect to all weights are PyTorch's.
func TestPyramidGradientsAgreeWithPyTorch(t *testing.T) {
	net, w := pyramidtest.Load(t, 1, 64, "64")
	_, want := pyramidtest.Load(t, 1, 64, "64_gradients")
	g := tf.NewGraph()
	s := op.NewScopeWithGraph(g)
	vars := NewVariables(s, "vars", net, nil)
	in := op.Placeholder(s, tf.Float, op.PlaceholderShape(tf.MakeShape(2, 64, 64, 1)))
	out, _ := Apply(s, net, vars.Values(g), in, Mode{Training: true})
	cube := op.Mul(s, op.Square(s, out), out)
	loss := op.Sum(s, cube, op.Const(s.SubScope("axes"), []int32{0, 1, 2, 3}))
	var values []tf.Output
	for _, name := range vars.Names() {
		values = append(values, vars.Values(g)[name])
	}
	gradients := op.Gradients(s, []tf.Output{loss}, values)
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	session, err := NewSession(g, "", &pb.ConfigProto{GraphOptions: &pb.GraphOptions{RewriteOptions: Rewrites(net)}})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := vars.Load(session, w); err != nil {
		t.Fatal(err)
	}
	feed, err := NewTensor(pyramidtest.Picture(2, 1, 64, 64), 2, 64, 64, 1) // one channel: in any layout
	if err != nil {
		t.Fatal(err)
	}
	fetched, err := session.Run(NewPart(gradients), Feeds{NameOf(in): feed})
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range vars.Names() {
		got, err := Floats(nil, fetched[i])
		if err != nil {
			t.Fatal(err)
		}
		worst, largest := 0.0, 0.0
		for k, v := range want[name] {
			worst = math.Max(worst, math.Abs(float64(v-got[k])))
			largest = math.Max(largest, math.Abs(float64(v)))
		}
		if largest == 0 || !(worst < 1e-4*largest) {
			t.Errorf("%s: the gradient differs from PyTorch's by %.3g, its largest value is %.3g", name, worst, largest)
		}
	}
}
