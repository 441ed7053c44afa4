//go:build tensorflow

package train

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
	"cyclegan/train/dataset"
)

const (
	sameWeightsTolerance = 1e-4
	// gapFactor is how much further from PyTorch's float64 several steps may
	// lead than PyTorch's own float32 does.
	gapFactor = 3
)

// batchOf is a batch of a reference's pictures.
func batchOf(t *Trainer, a, b []float32, epoch int) *dataset.Batch {
	return &dataset.Batch{
		A: a, B: b, N: t.opts.BatchSize, Epoch: epoch,
		HA: t.shapeA.H, WA: t.shapeA.W, CA: t.shapeA.C, HB: t.shapeB.H, WB: t.shapeB.W, CB: t.shapeB.C,
	}
}

// The networks, the losses and their gradients, and whole steps, against
// PyTorch. `go test -v -run PyTorch` prints the largest differences.
func TestPyTorch(t *testing.T) {
	for _, name := range []string{"resnet", "unet", "yosemite", "vanilla_lambdas", "wgangp_gray"} {
		t.Run(name, func(t *testing.T) {
			r := readReference(t, name)
			o := r.options(t, r.Options)
			if len(r.Steps) > 0 && o.PoolSize > 0 {
				o.Seed = r.poolSeed(t, o.PoolSize)
			}
			trainer, err := NewTrainer(o, graph.Shape{H: r.Height, W: r.Width, C: o.InputNC}, graph.Shape{H: r.Height, W: r.Width, C: o.OutputNC})
			if err != nil {
				t.Fatal(err)
			}
			defer trainer.Close()
			t.Run("same weights", func(t *testing.T) { sameWeights(t, r, trainer) })
			if len(r.Steps) > 0 {
				t.Run("five steps", func(t *testing.T) { fiveSteps(t, r, trainer) })
			}
		})
	}
}

// startDrawn puts the trainer before its first step, with the drawn weights.
func startDrawn(t *testing.T, trainer *Trainer) {
	t.Helper()
	c := &Checkpoint{Tensors: map[string]Tensor{}}
	for _, p := range trainer.model.players() {
		for _, param := range p.net.Params() {
			c.Tensors[p.name+"/"+param.Name] = Tensor{param.Shape, drawnParam(p.name, param)}
			for _, slot := range []string{slotMoment, slotSquare} {
				c.Tensors[p.name+slot+"/"+param.Name] = Tensor{param.Shape, make([]float32, param.Size())}
			}
		}
	}
	if err := trainer.Restore(c); err != nil {
		t.Fatal(err)
	}
}

// fetched are the networks' weights, or what else of selects, in one run: each
// kind of run costs TensorFlow a second of preparation.
func fetched(t *testing.T, trainer *Trainer, of func(*player) *tfgraph.Variables) map[string]graph.Weights {
	t.Helper()
	var outputs []tf.Output
	for _, p := range trainer.model.players() {
		v := of(p)
		for _, name := range v.Names() {
			outputs = append(outputs, v.Values()[name])
		}
	}
	tensors, err := trainer.session.Run(nil, outputs, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]graph.Weights{}
	for _, p := range trainer.model.players() {
		all[p.name] = graph.Weights{}
		for _, name := range of(p).Names() {
			if all[p.name][name], err = tfgraph.Floats(nil, tensors[0]); err != nil {
				t.Fatal(err)
			}
			tensors = tensors[1:]
		}
	}
	return all
}

func weightsOf(p *player) *tfgraph.Variables { return p.weights }
func momentsOf(p *player) *tfgraph.Variables { return p.m }

// used runs networks as they are after training: a generator on its pictures, a
// discriminator on the real ones.
func used(t *testing.T, r *reference, trainer *Trainer, names ...string) map[string][]float32 {
	t.Helper()
	o := trainer.opts
	a, b := r.pictures(o, 1)
	out, weights := map[string][]float32{}, fetched(t, trainer, weightsOf)
	for _, p := range trainer.model.players() {
		if !slices.Contains(names, p.name) {
			continue
		}
		pictures, shape := a, trainer.shapeA
		if p.name == GBA || p.name == DB {
			pictures, shape = b, trainer.shapeB
		}
		var err error
		if p.name == GAB || p.name == GBA {
			out[p.name], err = trainer.Translate(p.name, pictures, o.BatchSize, shape)
			out[p.name] = r.kept(out[p.name])
		} else {
			out[p.name], err = tfgraph.Evaluate(p.net, weights[p.name], pictures, o.BatchSize, shape)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// translated fetches the pictures that a step would translate, without making
// the step.
func translated(t *testing.T, r *reference, trainer *Trainer, a, b []float32) map[string][]float32 {
	t.Helper()
	r0, n := trainer.model.replicas[0], trainer.opts.BatchSize
	realA, err := tfgraph.NewTensor(a, n, r.Height, r.Width, trainer.shapeA.C)
	if err != nil {
		t.Fatal(err)
	}
	realB, err := tfgraph.NewTensor(b, n, r.Height, r.Width, trainer.shapeB.C)
	if err != nil {
		t.Fatal(err)
	}
	fakes, err := trainer.session.Run(map[tf.Output]*tf.Tensor{r0.realA.feed: realA, r0.realB.feed: realB}, []tf.Output{r0.translatedA, r0.translatedB}, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]float32{}
	for i, domain := range []string{"A", "B"} {
		values, err := tfgraph.Floats(nil, fakes[i])
		if err != nil {
			t.Fatal(err)
		}
		out[domain] = r.kept(values)
	}
	return out
}

// sameWeights compares what a single step computes: outputs, loss terms, the
// gradient of every parameter and BatchNorm's statistics.
func sameWeights(t *testing.T, r *reference, trainer *Trainer) {
	c := &comparison{t: t}
	startDrawn(t, trainer)
	if len(r.Steps) > 0 {
		for name, out := range used(t, r, trainer, GAB, GBA, DA, DB) {
			c.add("output in use", name, apart(t, out, r.tensors["out/"+name]), r.Gap["out"], sameWeightsTolerance)
		}
	}
	a, b := r.pictures(trainer.opts, 1)
	for domain, fake := range translated(t, r, trainer, a, b) {
		c.add("output in training", "fake_"+domain, apart(t, fake, r.tensors["fake/"+domain]), r.Gap["fake"], sameWeightsTolerance)
	}

	// A step so small that it leaves the weights as they are, also those that
	// the players of the step's second half meet.
	lr := trainer.opts.LR
	trainer.opts.LR = 1e-30
	losses, err := trainer.Step(batchOf(trainer, a, b, 1))
	trainer.opts.LR = lr
	if err != nil {
		t.Fatal(err)
	}
	for _, term := range losses.Terms() {
		c.add("loss", term.Name, ratio(term.Value, r.Losses[term.Name]), r.Gap["losses"], sameWeightsTolerance)
	}
	if r.Gap["grad"] == 0 {
		t.Fatal("the fixture has no gap for gradients")
	}
	// After the first step, the first moment is (1 - beta1) times the gradient.
	moments, weights := fetched(t, trainer, momentsOf), fetched(t, trainer, weightsOf)
	compared := 0
	for _, p := range trainer.model.players() {
		for _, param := range p.net.Params() {
			name := p.name + "/" + param.Name
			compared++
			if !param.Trainable() {
				c.add("running statistics", name, apart(t, weights[p.name][param.Name], r.tensors["stat/"+name]), r.Gap["stat"], sameWeightsTolerance)
				continue
			}
			gradient := make([]float32, param.Size())
			for i, m := range moments[p.name][param.Name] {
				gradient[i] = m / float32(1-trainer.opts.Beta1)
			}
			want := r.tensors["grad/"+name]
			if cancels(want) {
				// A critic's last bias moves both means alike.
				for _, g := range gradient {
					c.add("gradient that cancels", name, math.Abs(float64(g)), 0, sameWeightsTolerance)
				}
				continue
			}
			c.add("gradient of "+p.name[:1], name, apart(t, gradient, want), r.Gap["grad"], sameWeightsTolerance)
		}
	}
	for name := range r.tensors {
		if strings.HasPrefix(name, "grad/") || strings.HasPrefix(name, "stat/") {
			compared--
		}
	}
	if compared != 0 {
		t.Errorf("%d more parameters here than in the reference", compared)
	}
	c.log()
}

func cancels(values []float32) bool {
	for _, v := range values {
		if v != 0 {
			return false
		}
	}
	return true
}

// fiveSteps compares whole steps: generators, pools, discriminators, Adam and
// the schedule, with an epoch to each step. Rounding grows from step to step,
// and Adam makes full steps out of what is nothing but rounding, so PyTorch's
// own float32 is the measure.
func fiveSteps(t *testing.T, r *reference, trainer *Trainer) {
	c := &comparison{t: t}
	startDrawn(t, trainer)
	start := fetched(t, trainer, weightsOf)
	before := start
	// One gap for all steps: that of a single step is a handful of roundings.
	own := map[string]float64{}
	for _, want := range r.Steps {
		for k, gap := range want.Gap {
			own[k] = math.Max(own[k], gap)
		}
	}
	for i, want := range r.Steps {
		step := i + 1
		add := func(k, what, where string, difference float64) {
			t.Helper()
			c.add(fmt.Sprintf("step %d: %s", step, what), where, difference, own[k], gapFactor*own[k])
		}
		rateG, rateD := trainer.opts.LearningRates(step)
		if ratio(rateG, want.Rates[0]) > 1e-12 || ratio(rateD, want.Rates[1]) > 1e-12 {
			t.Errorf("step %d: learning rates %g and %g, PyTorch has %g", step, rateG, rateD, want.Rates)
		}
		a, b := r.pictures(trainer.opts, step)
		// Neither order changes a generator before it translates these.
		for domain, fake := range translated(t, r, trainer, a, b) {
			add("fake", "output", "fake_"+domain, apart(t, fake, r.tensors[fmt.Sprintf("step%d/fake/%s", step, domain)]))
		}
		losses, err := trainer.Step(batchOf(trainer, a, b, step))
		if err != nil {
			t.Fatal(err)
		}
		for _, term := range losses.Terms() {
			add("losses", "loss", term.Name, ratio(term.Value, want.Losses[term.Name]))
		}
		after := fetched(t, trainer, weightsOf)
		for _, p := range trainer.model.players() {
			add("update", "length of update", p.name, ratio(updateLength(p.net, before[p.name], after[p.name]), want.Update[p.name]))
		}
		before = after
	}
	for name, out := range used(t, r, trainer, GAB, GBA) {
		c.add("end: output in use", name, apart(t, out, r.tensors["end/out/"+name]), r.End.Out, gapFactor*r.End.Out)
	}
	for _, p := range trainer.model.players() {
		var sum, count, worst float64
		for _, param := range p.net.Params() {
			name := p.name + "/" + param.Name
			if !param.Trainable() {
				c.add("end: running statistics", name, apart(t, before[p.name][param.Name], r.tensors["end/stat/"+name]), r.End.Stat, gapFactor*r.End.Stat)
				continue
			}
			for i, want := range r.tensors["end/change/"+name] {
				change := float64(before[p.name][param.Name][5*i]-start[p.name][param.Name][5*i]) / trainer.opts.LR
				d := change - float64(want)
				sum, count, worst = sum+d*d, count+1, math.Max(worst, math.Abs(d))
			}
		}
		own := r.End.Change[p.name]
		c.add("end: weights of "+p.name+", rms in learning rates", fmt.Sprintf("largest %.2g", worst), math.Sqrt(sum/count), own, gapFactor*own)
	}
	c.log()
}

// updateLength is the length of the change of a network's trained weights.
func updateLength(n *graph.Network, before, after graph.Weights) float64 {
	var sum float64
	for _, param := range n.Params() {
		if !param.Trainable() {
			continue
		}
		for i, v := range after[param.Name] {
			d := float64(v) - float64(before[param.Name][i])
			sum += d * d
		}
	}
	return math.Sqrt(sum)
}

// Adam fed with PyTorch's gradients, from 1e-8 of their usual size to full
// size, makes PyTorch's weights of them.
func TestPyTorchAdam(t *testing.T) {
	r := readReference(t, "adam")
	o := r.options(t, r.Options)
	net, err := graph.NewDiscriminator(o.Discriminator(true))
	if err != nil {
		t.Fatal(err)
	}
	g := tf.NewGraph()
	s := op.NewScopeWithGraph(g)
	p := newPlayer(s, DA, net, false)
	m := &model{opts: o}
	m.rate, m.epsilon = op.Placeholder(s.SubScope("rate"), tf.Float), op.Placeholder(s.SubScope("epsilon"), tf.Float)
	// The gradient of sum(weight * g) is g.
	gradients := map[string]tf.Output{}
	var terms []tf.Output
	start := graph.Weights{}
	for _, param := range net.Params() {
		dims, axes := make([]int64, len(param.Shape)), make([]int32, len(param.Shape))
		for i, d := range param.Shape {
			dims[i], axes[i] = int64(d), int32(i)
		}
		s := s.SubScope("gradient")
		gradients[param.Name] = op.Placeholder(s, tf.Float, op.PlaceholderShape(tf.MakeShape(dims...)))
		terms = append(terms, op.Sum(s, op.Mul(s, p.weights.Values()[param.Name], gradients[param.Name]), op.Const(s.SubScope("axes"), axes)))
		start[param.Name] = drawnParam(DA, param)
	}
	targets := m.adam(s, []share{{scope: s.SubScope("share"), losses: terms, values: func(p *player) map[string]tf.Output { return p.weights.Values() }}}, p)
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	session, err := tf.NewSession(g, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := p.weights.Load(session, start); err != nil {
		t.Fatal(err)
	}
	for _, v := range []*tfgraph.Variables{p.m, p.v} {
		if err := v.Zero(session); err != nil {
			t.Fatal(err)
		}
	}
	c := &comparison{t: t}
	for step := 1; step <= r.Count; step++ {
		feeds := map[tf.Output]*tf.Tensor{}
		for _, param := range net.Params() {
			if feeds[gradients[param.Name]], err = tfgraph.NewTensor(r.tensors[fmt.Sprintf("grad/%d/%s/%s", step, DA, param.Name)], param.Shape...); err != nil {
				t.Fatal(err)
			}
		}
		rate, epsilon := adamSettings(o.LR, o.Beta1, int64(step))
		feeds[m.rate], _ = tf.NewTensor(float32(rate))
		feeds[m.epsilon], _ = tf.NewTensor(float32(epsilon))
		if _, err := session.Run(feeds, nil, targets); err != nil {
			t.Fatal(err)
		}
		got, err := p.weights.Save(session)
		if err != nil {
			t.Fatal(err)
		}
		for _, param := range net.Params() {
			want, ok := r.tensors[fmt.Sprintf("weight/%d/%s/%s", step, DA, param.Name)]
			if !ok {
				continue
			}
			moved := make([]float32, len(want))
			for i := range want {
				moved[i] = want[i] - start[param.Name][i]
			}
			// What rounds off a weight is no more than a step is worth.
			c.add(fmt.Sprintf("weights after %d steps", step), param.Name, apart(t, got[param.Name], want), 0, 1e-6)
			change := make([]float32, len(want))
			for i := range want {
				change[i] = got[param.Name][i] - start[param.Name][i]
			}
			c.add(fmt.Sprintf("change after %d steps", step), param.Name, apart(t, change, moved), 0, 1e-3)
		}
	}
	if len(c.rows) < 4 {
		t.Errorf("the reference has weights for %d steps", len(c.rows)/2)
	}
	c.log()
}

// The schedules against PyTorch's schedulers.
func TestPyTorchSchedules(t *testing.T) {
	r := readReference(t, "adam")
	if len(r.Schedules) < 3 {
		t.Fatalf("the reference has %d schedules", len(r.Schedules))
	}
	for _, schedule := range r.Schedules {
		o := r.options(t, schedule.Options)
		for i, want := range schedule.Rates {
			if got, _ := o.LearningRates(i + 1); math.Abs(got-want) > 1e-12*o.LR {
				t.Errorf("%s: rate %g in epoch %d, PyTorch has %g", schedule.Options, got, i+1, want)
			}
		}
	}
}
