//go:build tensorflow

package train

import (
	"math"
	"slices"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
	"cyclegan/train/step"
)

// A penaltyGraph is a graph of the gradient penalty of one discriminator.
type penaltyGraph struct {
	d                 *step.Network
	real, fake, alpha tf.Output
	value             tf.Output
	stats             []tfgraph.BatchStatistic
	scope             *op.Scope
	session           *tfgraph.Session
}

func newPenaltyGraph(t *testing.T, o Options, shape graph.Shape) *penaltyGraph {
	t.Helper()
	net, err := graph.NewDiscriminator(o.Discriminator(true))
	if err != nil {
		t.Fatal(err)
	}
	g := tf.NewGraph()
	s := op.NewScopeWithGraph(g)
	p := &penaltyGraph{scope: s, d: step.NewNetwork(s, DA, net, false)}
	placeholder := func(name string, h, w, c int) tf.Output {
		return op.Placeholder(s.SubScope(name), tf.Float, op.PlaceholderShape(tf.MakeShape(int64(o.BatchSize), int64(h), int64(w), int64(c))))
	}
	p.real, p.fake = placeholder("real", shape.H, shape.W, shape.C), placeholder("fake", shape.H, shape.W, shape.C)
	p.alpha = placeholder("alpha", 1, 1, 1)
	p.value, p.stats = step.GradientPenalty(s, p.d, p.d.Weights.Values(g), p.real, p.fake, p.alpha, o.LambdaGP)
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	if p.session, err = tfgraph.NewSession(g, "", nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.session.Close() })
	return p
}

// feeds are a batch of images and the shares of the real ones.
func (p *penaltyGraph) feeds(t *testing.T, shape graph.Shape, real, fake, alpha []float32) tfgraph.Feeds {
	t.Helper()
	feeds := tfgraph.Feeds{}
	for _, f := range []struct {
		into   tf.Output
		values []float32
		shape  graph.Shape
	}{{p.real, real, shape}, {p.fake, fake, shape}, {p.alpha, alpha, graph.Shape{H: 1, W: 1, C: 1}}} {
		var err error
		if feeds[tfgraph.NameOf(f.into)], err = tfgraph.NewTensor(f.values, len(alpha), f.shape.H, f.shape.W, f.shape.C); err != nil {
			t.Fatal(err)
		}
	}
	return feeds
}

// The penalty and its gradient against PyTorch's, see testdata/pytorch/penalty.py.
func TestPyTorchGradientPenalty(t *testing.T) {
	for _, name := range []string{"penalty_patch", "penalty_yosemite"} {
		t.Run(name, func(t *testing.T) {
			r := readReference(t, name)
			o := r.options(t, r.Options)
			shape := graph.Shape{H: r.Height, W: r.Width, C: o.InputNC}
			p := newPenaltyGraph(t, o, shape)
			weights := graph.Weights{}
			for _, param := range p.d.Net.Params() {
				weights[param.Name] = drawnParam(DA, param)
			}
			if err := p.d.Weights.Load(p.session, weights); err != nil {
				t.Fatal(err)
			}
			alpha := make([]float32, o.BatchSize)
			for i, u := range drawn(name+"/alpha", o.BatchSize) {
				alpha[i] = float32((1 + u) / 2)
			}
			real, fake := r.images(o, 1)

			var names []string
			var values []tf.Output
			for _, param := range p.d.Net.Params() {
				want := r.tensors["grad/"+DA+"/"+param.Name]
				switch nonzero := func(v float32) bool { return v != 0 }; {
				case slices.ContainsFunc(want, nonzero):
					names, values = append(names, param.Name), append(values, p.d.Weights.Values(p.session.Graph())[param.Name])
				case param.Role == graph.Bias || param.Role == graph.Beta:
					// A term added to scores, or before a rectifier without a norm after it, has no
					// effect on a slope.
				case param.Trainable():
					t.Errorf("the reference has no gradient of %s", param.Name)
				}
			}
			gradients := op.Gradients(p.scope.SubScope("gradients"), []tf.Output{p.value}, values)
			updates := step.UpdateStatistics(p.scope, p.session.Graph(), [][]step.Pass{{{Network: p.d, Stats: p.stats}}})
			if err := p.scope.Err(); err != nil {
				t.Fatal(err)
			}
			out, err := p.session.Run(tfgraph.NewPart(append([]tf.Output{p.value}, gradients...), updates...), p.feeds(t, shape, real, fake, alpha))
			if err != nil {
				t.Fatal(err)
			}
			c := &comparison{t: t}
			c.add("penalty", DA, ratio(float64(out[0].Value().(float32)), r.Losses["penalty"]), r.Gap["losses"], sameWeightsTolerance)
			for i, name := range names {
				got, err := tfgraph.Floats(nil, out[i+1])
				if err != nil {
					t.Fatal(err)
				}
				c.add("gradient", name, apart(t, got, r.tensors["grad/"+DA+"/"+name]), r.Gap["grad"], sameWeightsTolerance)
			}
			after, err := p.d.Weights.Save(p.session)
			if err != nil {
				t.Fatal(err)
			}
			for _, param := range p.d.Net.Params() {
				if !param.Trainable() {
					c.add("running statistics", param.Name, apart(t, after[param.Name], r.tensors["stat/"+DA+"/"+param.Name]), r.Gap["stat"], sameWeightsTolerance)
				}
			}
			c.log()
		})
	}
}

// penalized is a small run with the penalty.
func penalized(t *testing.T) Options {
	o := tiny(t)
	o.GANMode, o.LambdaGP, o.BatchSize = WGANGP, 10, 2
	return o
}

// Steps with the penalty against the same steps without: it is added to the discriminators' losses
// for any lambda_D, with shares of the real images that differ in each step.
func TestGradientPenaltyIsAdded(t *testing.T) {
	with := penalized(t)
	with.PoolSize, with.LambdaD, with.LR = 0, 0.25, 1e-30 // the weights stay
	without := with
	without.LambdaGP = 0
	trainer, data := open(t, with)
	plain, _ := open(t, without)
	shape := graph.Shape{H: 32, W: 32, C: 3}
	p := newPenaltyGraph(t, with, shape)
	shares := map[float32]bool{}
	for step := range int64(3) {
		batch, err := data.Batch(1, int(step))
		if err != nil {
			t.Fatal(err)
		}
		got, err := trainer.Step(batch)
		if err != nil {
			t.Fatal(err)
		}
		want, err := plain.Step(batch)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			player, generator string
			real, source      []float32
			got, want         float64
		}{{DA, GBA, batch.A, batch.B, got.DA, want.DA}, {DB, GAB, batch.B, batch.A, got.DB, want.DB}} {
			alpha := shareOfReal(t, trainer, c.player, step)
			for _, a := range alpha {
				if a < 0 || a >= 1 || shares[a] {
					t.Errorf("step %d: %s uses shares %g of the real images after %v", step+1, c.player, alpha, shares)
				}
				shares[a] = true
			}
			fake, err := trainer.Translate(c.generator, c.source, batch.N, shape)
			if err != nil {
				t.Fatal(err)
			}
			for _, player := range trainer.graph.Networks {
				if player.Name == c.player {
					w, err := player.Weights.Save(trainer.session)
					if err != nil {
						t.Fatal(err)
					}
					if err := p.d.Weights.Load(p.session, w); err != nil {
						t.Fatal(err)
					}
				}
			}
			out, err := p.session.Run(tfgraph.NewPart([]tf.Output{p.value}), p.feeds(t, shape, c.real, fake, alpha))
			if err != nil {
				t.Fatal(err)
			}
			penalty := float64(out[0].Value().(float32))
			if d := math.Abs(c.got - c.want - penalty); !(penalty > 0.01) || d > 1e-4*penalty {
				t.Errorf("step %d: %s is %g with the penalty, %g without, and the penalty %g", step+1, c.player, c.got, c.want, penalty)
			}
		}
	}
}

// shareOfReal draws what a step drew. That must not change, or a run resumed by another version
// would not be reproducible.
func shareOfReal(t *testing.T, trainer *Trainer, player string, step int64) []float32 {
	t.Helper()
	place := int64(1)
	if player == DB {
		place = 2
	}
	s := op.NewScope()
	shape := op.Const(s.SubScope("shape"), []int32{int32(trainer.opts.BatchSize)})
	uniform := op.StatelessRandomUniform(s, shape, op.Const(s.SubScope("seed"), []int64{int64(trainer.opts.Seed) + place<<32, step}))
	g, err := s.Finalize()
	if err != nil {
		t.Fatal(err)
	}
	session, err := tf.NewSession(g, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	out, err := session.Run(nil, []tf.Output{uniform}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Value().([]float32)
}

// Training with the penalty brings the slopes closer to 1.
func TestGradientPenaltyLevels(t *testing.T) {
	o := penalized(t)
	o.LR, o.NGF = 4e-3, 2
	trainer, data := open(t, o)
	losses := run(t, trainer, data, 30)
	first, last := losses[0].DA, 0.0
	for _, l := range losses[20:] {
		last += l.DA / 10
	}
	t.Logf("D_A is %.3g in the first step and %.3g in the last ones", first, last)
	if !(first > 5) || last > first/4 {
		t.Errorf("D_A is %g in the first step and %g after 30; at first it is mostly the penalty for a slope near 0", first, last)
	}
}

func TestLambdaGPErrors(t *testing.T) {
	o := tiny(t)
	o.LambdaGP = 10
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "-gan_mode wgangp") {
		t.Errorf("-lambda_gp 10 with lsgan: %v", err)
	}
	o = penalized(t)
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
	// Images of two sizes cannot be mixed. Without the penalty they need not be.
	a, b := graph.Shape{H: 32, W: 32, C: 3}, graph.Shape{H: 32, W: 48, C: 3}
	if _, err := NewTrainer(o, a, b); err == nil || !strings.Contains(err.Error(), "-lambda_gp") {
		t.Errorf("pictures of two sizes: %v", err)
	}
	for _, lambda := range []float64{-1, math.NaN()} {
		o.LambdaGP = lambda
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "-lambda_gp") {
			t.Errorf("-lambda_gp %g: %v", lambda, err)
		}
	}
	o.LambdaGP = 0
	trainer, err := NewTrainer(o, a, b)
	if err != nil {
		t.Fatal(err)
	}
	trainer.Close()
}
