//go:build tensorflow

package tfgraph

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
	"cyclegan/graph/pytorch"
)

// pyramid returns a network of graph/testdata/pyramid.py with the weights of a file.
func pyramid(t *testing.T, channels, size int, file string) (*graph.Network, graph.Weights) {
	t.Helper()
	s, err := pytorch.ReadFile("../testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	n, w, err := pytorch.Generator(s, graph.GeneratorOptions{
		Architecture: graph.Pyramid, In: channels, Out: channels, Filters: 8, Size: size, Norm: graph.NormNone, Upsampling: graph.UpTranspose,
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, w
}

// pyramidInput is the script's picture(), [n, h, w, c].
func pyramidInput(n int, s graph.Shape) []float32 {
	var values []float32
	for b := range n {
		for i := range s.H {
			for j := range s.W {
				for k := range s.C {
					b, y, x, k := float64(b), float64(i), float64(j), float64(k)
					smooth := 0.3 * math.Sin(0.07*y+k+b) * math.Cos(0.05*x-k)
					fine := 0.15 * math.Sin(2.1*y*(k+1)+0.3*x*x) * math.Cos(1.7*x+b)
					values = append(values, float32(smooth+fine))
				}
			}
		}
	}
	return values
}

// A pyramid returns what PyTorch returns, at the size of the thumbnail and at others.
func TestPyramidAgreesWithPyTorch(t *testing.T) {
	text, err := os.ReadFile("../testdata/pyramid_outputs.json")
	if err != nil {
		t.Fatal(err)
	}
	var outputs []struct {
		Size   int
		Shape  [4]int // [n, c, h, w]
		Every  int
		Values []float64
	}
	if err := json.Unmarshal(text, &outputs); err != nil {
		t.Fatal(err)
	}
	for _, o := range outputs {
		images, shape := o.Shape[0], graph.Shape{H: o.Shape[2], W: o.Shape[3], C: o.Shape[1]}
		net, w := pyramid(t, shape.C, o.Size, fmt.Sprintf("pyramid_%d.safetensors", o.Size))
		got, err := Evaluate(net, w, pyramidInput(images, shape), images, shape)
		if err != nil {
			t.Fatal(err)
		}
		worst := 0.0
		for i, want := range o.Values {
			i *= o.Every
			b, c, y, x := i/(shape.C*shape.H*shape.W), i/(shape.H*shape.W)%shape.C, i/shape.W%shape.H, i%shape.W
			worst = math.Max(worst, math.Abs(want-float64(got[((b*shape.H+y)*shape.W+x)*shape.C+c])))
		}
		t.Logf("size %d, %d images of %v: %.1e", o.Size, images, shape, worst)
		if !(worst < 1e-4) {
			t.Errorf("size %d, %d images of %v: differs from PyTorch by %.3g", o.Size, images, shape, worst)
		}
	}
}

// The gradients of sum(y^3) with respect to all weights are PyTorch's.

func TestPyramidGradientsAgreeWithPyTorch(t *testing.T) {
	net, w := pyramid(t, 1, 64, "pyramid_64.safetensors")
	_, want := pyramid(t, 1, 64, "pyramid_64_gradients.safetensors")
	shape := graph.Shape{H: 64, W: 64, C: 1}
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
	feed, err := NewTensor(pyramidInput(2, shape), 2, 64, 64, 1)
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
