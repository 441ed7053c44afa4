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
	"cyclegan/train/checkpoint"
	"cyclegan/train/dataset"
	"cyclegan/train/step"
)

const (
	sameWeightsTolerance = 1e-4
	// gapFactor is how much further than PyTorch's own float32 several steps may be from PyTorch's
	// float64.
	gapFactor = 3
)

// batchOf is a batch of a reference's images.
func batchOf(t *Trainer, a, b []float32, epoch int) *dataset.Batch {
	return &dataset.Batch{
		A: a, B: b, N: t.opts.BatchSize, Epoch: epoch,
		HA: t.shapeA.H, WA: t.shapeA.W, CA: t.shapeA.C, HB: t.shapeB.H, WB: t.shapeB.W, CB: t.shapeB.C,
	}
}

// Networks, losses, gradients and whole steps against PyTorch. `go test -v -run PyTorch` prints the
// largest differences.
func TestPyTorch(t *testing.T) {
	rewritten(t)
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

// startDrawn resets the trainer to its first step with the drawn weights.
func startDrawn(t *testing.T, trainer *Trainer) {
	t.Helper()
	c := &checkpoint.Checkpoint{Tensors: map[string]checkpoint.Tensor{}}
	for _, p := range trainer.graph.Networks {
		for _, param := range p.Net.Params() {
			c.Tensors[p.Name+"/"+param.Name] = checkpoint.Tensor{Shape: param.Shape, Values: drawnParam(p.Name, param)}
			for _, slot := range []string{checkpoint.Moment, checkpoint.Square} {
				c.Tensors[p.Name+slot+"/"+param.Name] = checkpoint.Tensor{Shape: param.Shape, Values: make([]float32, param.Size())}
			}
		}
	}
	if err := trainer.Restore(c); err != nil {
		t.Fatal(err)
	}
}

// fetched returns the networks' variables that of selects, in one run: TensorFlow takes a second to
// prepare a run of a new kind.
func fetched(t *testing.T, trainer *Trainer, of func(*step.Network) *tfgraph.Variables) map[string]graph.Weights {
	t.Helper()
	var outputs []tf.Output
	for _, p := range trainer.graph.Networks {
		v := of(p)
		for _, name := range v.Names() {
			outputs = append(outputs, v.Values(trainer.session.Graph())[name])
		}
	}
	tensors, err := trainer.session.Run(tfgraph.NewPart(outputs), nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]graph.Weights{}
	for _, p := range trainer.graph.Networks {
		all[p.Name] = graph.Weights{}
		for _, name := range of(p).Names() {
			if all[p.Name][name], err = tfgraph.Floats(nil, tensors[0]); err != nil {
				t.Fatal(err)
			}
			tensors = tensors[1:]
		}
	}
	return all
}

func weightsOf(p *step.Network) *tfgraph.Variables { return p.Weights }
func momentsOf(p *step.Network) *tfgraph.Variables { return p.Moment }

// used runs networks as after training: generators on their images, discriminators on real ones.
func used(t *testing.T, r *reference, trainer *Trainer, names ...string) map[string][]float32 {
	t.Helper()
	o := trainer.opts
	a, b := r.images(o, 1)
	out, weights := map[string][]float32{}, fetched(t, trainer, weightsOf)
	for _, p := range trainer.graph.Networks {
		if !slices.Contains(names, p.Name) {
			continue
		}
		images, shape := a, trainer.shapeA
		if p.Name == GBA || p.Name == DB {
			images, shape = b, trainer.shapeB
		}
		var err error
		if p.Name == GAB || p.Name == GBA {
			out[p.Name], err = trainer.Translate(p.Name, images, o.BatchSize, shape)
			out[p.Name] = r.kept(out[p.Name])
		} else {
			out[p.Name], err = tfgraph.Evaluate(p.Net, weights[p.Name], images, o.BatchSize, shape)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// translated returns the images that a step would translate, without the step.
func translated(t *testing.T, r *reference, trainer *Trainer, a, b []float32) map[string][]float32 {
	t.Helper()
	fake, err := trainer.graph.Translate(trainer.run, step.Images{A: a, B: b}, trainer.step)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]float32{"A": r.kept(fake.A), "B": r.kept(fake.B)}
}

// sameWeights compares what one step computes: outputs, losses, the gradient of every parameter and
// BatchNorm's statistics.
func sameWeights(t *testing.T, r *reference, trainer *Trainer) {
	c := &comparison{t: t}
	startDrawn(t, trainer)
	if len(r.Steps) > 0 {
		for name, out := range used(t, r, trainer, GAB, GBA, DA, DB) {
			c.add("output in use", name, apart(t, out, r.tensors["out/"+name]), r.Gap["out"], sameWeightsTolerance)
		}
	}
	a, b := r.images(trainer.opts, 1)
	for domain, fake := range translated(t, r, trainer, a, b) {
		c.add("output in training", "fake_"+domain, apart(t, fake, r.tensors["fake/"+domain]), r.Gap["fake"], sameWeightsTolerance)
	}

	// The rate is so small that the step does not change the weights, which its second half uses
	// too.
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
	for _, p := range trainer.graph.Networks {
		for _, param := range p.Net.Params() {
			name := p.Name + "/" + param.Name
			compared++
			if !param.Trainable() {
				c.add("running statistics", name, apart(t, weights[p.Name][param.Name], r.tensors["stat/"+name]), r.Gap["stat"], sameWeightsTolerance)
				continue
			}
			gradient := make([]float32, param.Size())
			for i, m := range moments[p.Name][param.Name] {
				gradient[i] = m / float32(1-trainer.opts.Beta1)
			}
			want := r.tensors["grad/"+name]
			if cancels(want) {
				// A critic's last bias changes both means equally.
				for _, g := range gradient {
					c.add("gradient that cancels", name, math.Abs(float64(g)), 0, sameWeightsTolerance)
				}
				continue
			}
			c.add("gradient of "+p.Name[:1], name, apart(t, gradient, want), r.Gap["grad"], sameWeightsTolerance)
		}
	}
	for name := range r.tensors {
		if strings.HasPrefix(name, "grad/") || strings.HasPrefix(name, "stat/") {
			compared--
		}
	}
	if compared != 0 {
		t.Errorf("got %d more parameters than the reference has", compared)
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

// fiveSteps compares whole steps: generators, pools, discriminators, Adam and the schedule, with
// one step an epoch. Rounding grows from step to step, and Adam turns pure rounding into full
// steps, so the differences are compared to those of PyTorch's own float32.
func fiveSteps(t *testing.T, r *reference, trainer *Trainer) {
	c := &comparison{t: t}
	startDrawn(t, trainer)
	start := fetched(t, trainer, weightsOf)
	before := start
	// All steps use the largest gap: the gap of a single step is a handful of roundings.
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
			t.Errorf("step %d: learning rates %g and %g, want %g", step, rateG, rateD, want.Rates)
		}
		a, b := r.images(trainer.opts, step)
		// In both orders the generators translate these images before they change.
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
		for _, p := range trainer.graph.Networks {
			add("update", "length of update", p.Name, ratio(updateLength(p.Net, before[p.Name], after[p.Name]), want.Update[p.Name]))
		}
		before = after
	}
	for name, out := range used(t, r, trainer, GAB, GBA) {
		c.add("end: output in use", name, apart(t, out, r.tensors["end/out/"+name]), r.End.Out, gapFactor*r.End.Out)
	}
	for _, p := range trainer.graph.Networks {
		var sum, count, worst float64
		for _, param := range p.Net.Params() {
			name := p.Name + "/" + param.Name
			if !param.Trainable() {
				c.add("end: running statistics", name, apart(t, before[p.Name][param.Name], r.tensors["end/stat/"+name]), r.End.Stat, gapFactor*r.End.Stat)
				continue
			}
			for i, want := range r.tensors["end/change/"+name] {
				change := float64(before[p.Name][param.Name][5*i]-start[p.Name][param.Name][5*i]) / trainer.opts.LR
				d := change - float64(want)
				sum, count, worst = sum+d*d, count+1, math.Max(worst, math.Abs(d))
			}
		}
		own := r.End.Change[p.Name]
		c.add("end: weights of "+p.Name+", rms in learning rates", fmt.Sprintf("largest %.2g", worst), math.Sqrt(sum/count), own, gapFactor*own)
	}
	c.log()
}

// updateLength is the norm of the change of a network's trained weights.
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

// Adam computes PyTorch's weights from PyTorch's gradients, of full size down to 1e-8 of it.
func TestPyTorchAdam(t *testing.T) {
	r := readReference(t, "adam")
	o := r.options(t, r.Options)
	net, err := graph.NewDiscriminator(o.Discriminator(true))
	if err != nil {
		t.Fatal(err)
	}
	g := tf.NewGraph()
	s := op.NewScopeWithGraph(g)
	p := step.NewNetwork(s, DA, net, false)
	rateIn, epsilonIn := op.Placeholder(s.SubScope("rate"), tf.Float), op.Placeholder(s.SubScope("epsilon"), tf.Float)
	adam := step.NewAdam(s, g, rateIn, epsilonIn, o.Beta1, o.Beta2)
	gradients := map[string]tfgraph.Name{}
	var updates []*tf.Operation
	start := graph.Weights{}
	for _, param := range net.Params() {
		dims := make([]int64, len(param.Shape))
		for i, d := range param.Shape {
			dims[i] = int64(d)
		}
		gradient := op.Placeholder(s.SubScope("gradient"), tf.Float, op.PlaceholderShape(tf.MakeShape(dims...)))
		gradients[param.Name] = tfgraph.NameOf(gradient)
		updates = append(updates, adam.Update(p, param.Name, gradient))
		start[param.Name] = drawnParam(DA, param)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	session, err := tfgraph.NewSession(g, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := p.Weights.Load(session, start); err != nil {
		t.Fatal(err)
	}
	for _, v := range []*tfgraph.Variables{p.Moment, p.Square} {
		if err := v.Zero(session); err != nil {
			t.Fatal(err)
		}
	}
	c := &comparison{t: t}
	for n := 1; n <= r.Count; n++ {
		feeds := tfgraph.Feeds{}
		for _, param := range net.Params() {
			if feeds[gradients[param.Name]], err = tfgraph.NewTensor(r.tensors[fmt.Sprintf("grad/%d/%s/%s", n, DA, param.Name)], param.Shape...); err != nil {
				t.Fatal(err)
			}
		}
		rate, epsilon := step.AdamSettings(o.LR, o.Beta1, o.Beta2, int64(n))
		feeds[tfgraph.NameOf(rateIn)], _ = tf.NewTensor(float32(rate))
		feeds[tfgraph.NameOf(epsilonIn)], _ = tf.NewTensor(float32(epsilon))
		if _, err := session.Run(tfgraph.NewPart(nil, updates...), feeds); err != nil {
			t.Fatal(err)
		}
		got, err := p.Weights.Save(session)
		if err != nil {
			t.Fatal(err)
		}
		for _, param := range net.Params() {
			want, ok := r.tensors[fmt.Sprintf("weight/%d/%s/%s", n, DA, param.Name)]
			if !ok {
				continue
			}
			moved := make([]float32, len(want))
			for i := range want {
				moved[i] = want[i] - start[param.Name][i]
			}
			// A weight's rounding is no more than a step.
			c.add(fmt.Sprintf("weights after %d steps", n), param.Name, apart(t, got[param.Name], want), 0, 1e-6)
			change := make([]float32, len(want))
			for i := range want {
				change[i] = got[param.Name][i] - start[param.Name][i]
			}
			c.add(fmt.Sprintf("change after %d steps", n), param.Name, apart(t, change, moved), 0, 1e-3)
		}
	}
	if len(c.rows) < 4 {
		t.Errorf("the reference has weights for only %d steps", len(c.rows)/2)
	}
	c.log()
}

// The schedules against PyTorch's schedulers.
func TestPyTorchSchedules(t *testing.T) {
	r := readReference(t, "adam")
	if len(r.Schedules) < 3 {
		t.Fatalf("the reference has only %d schedules", len(r.Schedules))
	}
	for _, schedule := range r.Schedules {
		o := r.options(t, schedule.Options)
		for i, want := range schedule.Rates {
			if got, _ := o.LearningRates(i + 1); math.Abs(got-want) > 1e-12*o.LR {
				t.Errorf("%s: rate %g in epoch %d, want %g", schedule.Options, got, i+1, want)
			}
		}
	}
}
