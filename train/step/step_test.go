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

// TensorFlow's Adam with AdamSettings against PyTorch's formula in float64.
func TestAdamFollowsPyTorch(t *testing.T) {
	g := tf.NewGraph()
	s := op.NewScopeWithGraph(g)
	net := &graph.Network{Name: "n", In: 1, Out: 3, Layers: []graph.Layer{graph.Conv{Name: "c", In: 1, Out: 3, Kernel: 1, Stride: 1}}}
	p := NewNetwork(s, "network", net, false)
	rateIn, epsilonIn := op.Placeholder(s.SubScope("rate"), tf.Float), op.Placeholder(s.SubScope("epsilon"), tf.Float)
	gradient := op.Placeholder(s.SubScope("gradient"), tf.Float, op.PlaceholderShape(tf.MakeShape(1, 1, 1, 3)))
	update := NewAdam(s, g, rateIn, epsilonIn, 0.5, 0.999).Update(p, "c.weight", gradient)
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	session, err := tfgraph.NewSession(g, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	weight := []float64{0.5, -0.25, 0}
	if err := p.Weights.Load(session, graph.Weights{"c.weight": {0.5, -0.25, 0}}); err != nil {
		t.Fatal(err)
	}
	for _, v := range []*tfgraph.Variables{p.Moment, p.Square} {
		if err := v.Zero(session); err != nil {
			t.Fatal(err)
		}
	}
	const lr, beta1, beta2, epsilon = 2e-4, 0.5, 0.999, 1e-8
	var m1, m2 [3]float64
	rng := rand.New(rand.NewPCG(3, 0))
	for n := int64(1); n <= 200; n++ {
		// One gradient is ordinary, one so small that epsilon matters, and one rarely not 0.
		grads := []float32{float32(rng.NormFloat64()), float32(1e-8 * rng.NormFloat64()), 0}
		if n%50 == 1 {
			grads[2] = 3
		}
		for i, g := range grads {
			m1[i] = beta1*m1[i] + (1-beta1)*float64(g)
			m2[i] = beta2*m2[i] + (1-beta2)*float64(g)*float64(g)
			weight[i] -= lr / (1 - math.Pow(beta1, float64(n))) * m1[i] / (math.Sqrt(m2[i]/(1-math.Pow(beta2, float64(n)))) + epsilon)
		}
		feed, err := tfgraph.NewTensor(grads, 1, 1, 1, 3)
		if err != nil {
			t.Fatal(err)
		}
		feeds := tfgraph.Feeds{tfgraph.NameOf(gradient): feed}
		rate, eps := AdamSettings(lr, beta1, beta2, n)
		feeds[tfgraph.NameOf(rateIn)], _ = tf.NewTensor(float32(rate))
		feeds[tfgraph.NameOf(epsilonIn)], _ = tf.NewTensor(float32(eps))
		if _, err := session.Run(tfgraph.NewPart(nil, update), feeds); err != nil {
			t.Fatal(err)
		}
	}
	got, err := p.Weights.Save(session)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range weight {
		if d := math.Abs(float64(got["c.weight"][i]) - want); d > 1e-5*200*lr {
			t.Errorf("weight %d after 200 steps is %g, want %g", i, got["c.weight"][i], want)
		}
	}
}

// The losses against their definitions in float64.
func TestLosses(t *testing.T) {
	g := tf.NewGraph()
	s := op.NewScopeWithGraph(g)
	scores := []float32{-1.5, 0.2, 0.9, 30, -30, 1}
	x := op.Reshape(s, op.Const(s.SubScope("scores"), scores), op.Const(s.SubScope("shape"), []int32{1, 2, 3, 1}))
	plain := map[string]func(v float64, real bool) float64{
		LSGAN: func(v float64, real bool) float64 {
			if real {
				return (v - 1) * (v - 1)
			}
			return v * v
		},
		Vanilla: func(v float64, real bool) float64 {
			p := 1 / (1 + math.Exp(-v))
			if real {
				return -math.Log(p)
			}
			return math.Log1p(math.Exp(v)) // -log(1 - p) without its rounding
		},
		WGANGP: func(v float64, real bool) float64 {
			if real {
				return -v
			}
			return v
		},
		Hinge: func(v float64, real bool) float64 {
			if real {
				return max(0, 1-v)
			}
			return max(0, 1+v)
		},
	}
	session, err := tfgraph.NewSession(g, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for mode, f := range plain {
		for _, real := range []bool{true, false} {
			out := Adversarial(s, mode, x, real)
			if err := s.Err(); err != nil {
				t.Fatal(err)
			}
			fetched, err := session.Run(tfgraph.NewPart([]tf.Output{out}), nil)
			if err != nil {
				t.Fatal(err)
			}
			want := 0.0
			for _, v := range scores {
				want += f(float64(v), real) / float64(len(scores))
			}
			if got := scalars(fetched)[0]; math.Abs(got-want) > 1e-5*math.Abs(want) {
				t.Errorf("%s, real %v: %g, want %g", mode, real, got, want)
			}
		}
	}
}
