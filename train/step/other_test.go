//go:build tensorflow

package step

import (
	"math"
	"math/rand/v2"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
)

// With lambda_other, real images of the other domain take their share of the loss on fakes.
func TestOtherDomain(t *testing.T) {
	const weight = 0.25
	net, err := graph.NewDiscriminator(graph.DiscriminatorOptions{Architecture: graph.NLayers, In: 3, Filters: 4, Layers: 1, Norm: graph.NormNone})
	if err != nil {
		t.Fatal(err)
	}
	b := &builder{Options: Options{GANMode: Hinge, LambdaD: 1, LambdaOther: weight, Replicas: 1}, graph: tf.NewGraph()}
	s := op.NewScopeWithGraph(b.graph)
	b.dA = NewNetwork(s, "D_A", net, false)
	b.dB = b.dA
	const side = 16
	image := func(name string) *input { return newInput(s, name, 0, tf.Float, tf.MakeShape(1, side, side, 3)) }
	r := &replica{builder: b, root: s, batch: 1, realA: image("real_A"), realB: image("real_B"), fakeA: image("fake_A"), fakeB: image("fake_B")}
	h := &share{replica: r, scope: s.SubScope("discriminators")}
	h.discriminatorLosses()
	fetches := h.losses
	inputs := []*input{r.realA, r.fakeA, r.realB, r.fakeB}
	for _, in := range inputs {
		fetches = append(fetches, h.apply(s.SubScope("alone"), b.dA, in.value))
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	weights, err := graph.Initialize(net, graph.InitKaiming, 1, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	feeds := tfgraph.Feeds{}
	for i, in := range inputs {
		if feeds[tfgraph.NameOf(in.feed)], err = tfgraph.NewTensor(noise(i+1, side*side*3), 1, side, side, 3); err != nil {
			t.Fatal(err)
		}
	}
	out := compute(t, b, weights, fetches, feeds)
	var scores [4][]float32
	for i := range scores {
		if scores[i], err = tfgraph.Floats(nil, out[2+i]); err != nil {
			t.Fatal(err)
		}
	}
	// hinge is the mean of max(0, 1 + sign*score).
	hinge := func(scores []float32, sign float64) float64 {
		sum := 0.
		for _, v := range scores {
			sum += max(0, 1+sign*float64(v))
		}
		return sum / float64(len(scores))
	}
	realA, fakeA, realB, fakeB := scores[0], scores[1], scores[2], scores[3]
	for i, want := range []float64{
		hinge(realA, -1) + (1-weight)*hinge(fakeA, 1) + weight*hinge(realB, 1),
		hinge(realB, -1) + (1-weight)*hinge(fakeB, 1) + weight*hinge(realA, 1),
	} {
		if got := scalars(out[:2])[i]; math.Abs(got-want) > 1e-5 {
			t.Errorf("loss %d of the discriminators is %g, want %g", i, got, want)
		}
	}
}
