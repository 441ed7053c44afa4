//go:build tensorflow

package step

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	graphs "github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
)

// A sample is every Every-th value of a tensor.
type sample struct {
	Every  int
	Values []float64
}

// check compares values with a sample, relative to its largest value.
func (s sample) check(t *testing.T, what string, values []float32) {
	t.Helper()
	worst, largest := 0.0, 0.0
	for i, v := range s.Values {
		worst = math.Max(worst, math.Abs(v-float64(values[i*s.Every]))) // NaN stays NaN
		largest = math.Max(largest, math.Abs(v))
	}
	if !(worst <= 1e-4*largest) || largest == 0 {
		t.Errorf("%s up to %.3g differs from PyTorch by %.3g", what, largest, worst)
	}
}

// noise is that of testdata/projected.py.
func noise(seed, count int) []float32 {
	values := make([]float32, count)
	for i := range values {
		x := uint32(i)*2654435761 + uint32(seed)*40503
		for range 2 {
			x ^= x >> 16
			x *= 0x45d9f3b
		}
		x ^= x >> 16
		values[i] = float32(float64(x>>8)/(1<<23) - 1)
	}
	return values
}

// projectedWeights returns the weights of testdata/projected.py.
func projectedWeights(n *graph.Network) graph.Weights {
	w := graph.Weights{}
	for i, p := range n.Params() {
		raw, values := noise(i+1, p.Size()), make([]float32, p.Size())
		if p.Role == graph.Bias {
			for j, v := range raw {
				values[j] = float32(float64(v)*0.25 + 0.1)
			}
		} else {
			k, in, out := p.Shape[0], p.Shape[2], p.Shape[3]
			fan := float64(k * k * in)
			if _, ok := p.Layer.(graph.DepthwiseConv); ok {
				fan = float64(k * k)
			}
			for j, v := range raw { // [out, in, k, k] in PyTorch; [c, 1, k, k] has the same order
				x, y, i, o := j%k, j/k%k, j/(k*k)%in, j/(k*k*in)
				values[((y*k+x)*in+i)*out+o] = float32(float64(v) * math.Sqrt(6/fan))
			}
		}
		w[p.Name] = values
	}
	for i, v := range noise(1, 9) {
		w["input.weight"][i%3*3+i/3] = v
	}
	for i, v := range noise(2, 3) {
		w["input.bias"][i] = float32(float64(v) * 0.1)
	}
	return w
}

// compute loads the weights of D_A and runs the edited graph once.
func compute(t *testing.T, b *builder, w graph.Weights, fetches []tf.Output, feeds tfgraph.Feeds, edits ...func(*graphs.GraphDef)) []*tf.Tensor {
	t.Helper()
	edited, err := tfgraph.Edit(b.graph, edits...)
	if err != nil {
		t.Fatal(err)
	}
	session, err := tfgraph.NewSession(edited, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := b.dA.Weights.Load(session, w); err != nil {
		t.Fatal(err)
	}
	out, err := session.Run(tfgraph.NewPart(fetches), feeds)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The hinge losses of a projected discriminator, and their gradients with respect to the image and
// to the heads, are PyTorch's.
func TestProjectedAgreesWithPyTorch(t *testing.T) {
	var want struct {
		Shape                    []int
		Generator, Discriminator float64
		Image                    sample
		Heads                    map[string]sample
	}
	text, err := os.ReadFile("testdata/projected.json")
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	net, err := graph.NewDiscriminator(graph.DiscriminatorOptions{Architecture: graph.Projected, In: 3, Filters: 8, Norm: graph.NormNone})
	if err != nil {
		t.Fatal(err)
	}
	b := &builder{Options: Options{GANMode: Hinge, LambdaD: 1, Replicas: 1}, graph: tf.NewGraph()}
	s := op.NewScopeWithGraph(b.graph)
	b.dA = NewNetwork(s, "D_A", net, false)
	b.dB = b.dA
	n, h, w := want.Shape[0], want.Shape[1], want.Shape[2]
	image := func(name string) *input {
		return newInput(s, name, 0, tf.Float, tf.MakeShape(int64(n), int64(h), int64(w), 3))
	}
	r := &replica{builder: b, root: s, batch: n, realA: image("real_A"), fakeA: image("fake_A")}
	r.realB, r.fakeB = r.realA, r.fakeA

	generator := (&share{replica: r, scope: s.SubScope("generators")})
	lossG := generator.fooling(generator.apply(generator.scope, b.dA, r.fakeA.value))
	discriminators := &share{replica: r, scope: s.SubScope("discriminators")}
	discriminators.discriminatorLosses()
	lossD := discriminators.losses[0]
	fetches := []tf.Output{lossG, lossD}
	fetches = append(fetches, op.Gradients(s.SubScope("image"), []tf.Output{lossG}, []tf.Output{r.fakeA.value})...)
	var heads []string
	var values []tf.Output
	for _, name := range b.dA.Moment.Names() {
		heads, values = append(heads, name), append(values, r.values(b.dA)[name])
	}
	fetches = append(fetches, op.Gradients(s.SubScope("heads"), []tf.Output{lossD}, values)...)
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	if len(heads) != 24 || !strings.HasPrefix(heads[0], "head1.") {
		t.Fatalf("the optimizer changes %q, want the 24 parameters of the heads", heads)
	}
	feeds := tfgraph.Feeds{}
	for in, seed := range map[*input]int{r.realA: 1001, r.fakeA: 1002} {
		nchw := noise(seed, n*3*h*w)
		nhwc := make([]float32, len(nchw))
		for i := range nchw {
			image, c, pixel := i/(3*h*w), i/(h*w)%3, i%(h*w)
			nhwc[(image*h*w+pixel)*3+c] = nchw[i]
		}
		if feeds[tfgraph.NameOf(in.feed)], err = tfgraph.NewTensor(nhwc, n, h, w, 3); err != nil {
			t.Fatal(err)
		}
	}
	out := compute(t, b, projectedWeights(net), fetches, feeds, tfgraph.UseFastMatMul, tfgraph.UseActivations)
	losses := scalars(out[:2])
	if math.Abs(losses[0]-want.Generator) > 1e-4 || math.Abs(losses[1]-want.Discriminator) > 1e-4 {
		t.Errorf("losses %g and %g, PyTorch has %g and %g", losses[0], losses[1], want.Generator, want.Discriminator)
	}
	got, err := tfgraph.Floats(nil, out[2])
	if err != nil {
		t.Fatal(err)
	}
	want.Image.check(t, "the gradient of the image", got)
	for i, name := range heads {
		if got, err = tfgraph.Floats(nil, out[3+i]); err != nil {
			t.Fatal(err)
		}
		want.Heads[name].check(t, "the gradient of "+name, got)
	}
}
