//go:build tensorflow

package train

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
)

// A player is one of the four networks with all that training keeps of it.
type player struct {
	name    string
	net     *graph.Network
	weights *tfgraph.Variables
	m, v    *tfgraph.Variables // Adam's moments
	average *tfgraph.Variables // moving average of the weights; nil without -ema
}

// A model is the graph of a CycleGAN's training.
type model struct {
	opts Options

	gAB, gBA, dA, dB *player

	shapeA, shapeB         graph.Shape // of a real picture
	shapeFakeA, shapeFakeB graph.Shape // of a translated one, which has the sides of its source

	replicas    []*replica
	rate        tf.Output // Adam's step size, bias correction included
	epsilon     tf.Output
	averageRate tf.Output // how far the average moves to the weights

	winograd bool // in place of TensorFlow's own convolutions, where they are wide

	generators, discriminators tfgraph.Part
	// What brings the replicas that have copies what they need for each.
	forGenerators, forDiscriminators tfgraph.Part
	passes                           int64 // made so far, for their seeds
}

func (m *model) players() []*player { return []*player{m.gAB, m.gBA, m.dA, m.dB} }

// pass is one application of a network in training, kept for the running
// statistics of BatchNorm.
type pass struct {
	player *player
	stats  []tfgraph.BatchStatistic
}

// newModel builds the graph for pictures of the given shapes on a device.
func newModel(s *op.Scope, o Options, d device, shapeA, shapeB graph.Shape) (*model, error) {
	m := &model{
		opts: o, shapeA: shapeA, shapeB: shapeB,
		shapeFakeA: graph.Shape{H: shapeB.H, W: shapeB.W, C: shapeA.C},
		shapeFakeB: graph.Shape{H: shapeA.H, W: shapeA.W, C: shapeB.C},
		winograd:   o.Conv == ConvWinograd && o.Precision == F32 && !d.hasGPU(),
	}
	for _, p := range []struct {
		name string
		into **player
		make func() (*graph.Network, error)
	}{
		{GAB, &m.gAB, func() (*graph.Network, error) { return graph.NewGenerator(o.Generator(true)) }},
		{GBA, &m.gBA, func() (*graph.Network, error) { return graph.NewGenerator(o.Generator(false)) }},
		{DA, &m.dA, func() (*graph.Network, error) { return graph.NewDiscriminator(o.Discriminator(true)) }},
		{DB, &m.dB, func() (*graph.Network, error) { return graph.NewDiscriminator(o.Discriminator(false)) }},
	} {
		net, err := p.make()
		if err != nil {
			return nil, err
		}
		*p.into = newPlayer(s, p.name, net, o.EMA > 0 && (p.name == GAB || p.name == GBA))
	}
	if err := m.checkShapes(); err != nil {
		return nil, err
	}

	for i := range d.replicas() {
		m.replicas = append(m.replicas, m.newReplica(s.SubScope(replicaScope), i, o.BatchSize/d.replicas()))
	}
	scalar := func(name string) tf.Output {
		return op.Placeholder(s.SubScope(name), tf.Float, op.PlaceholderShape(tf.ScalarShape()))
	}
	m.rate, m.epsilon, m.averageRate = scalar("rate"), scalar("epsilon"), scalar("average_rate")

	m.generators = m.generatorCall(s.SubScope("generators"))
	m.discriminators = m.discriminatorCall(s.SubScope("discriminators"))
	m.prepare()
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("build the training graph: %w", err)
	}
	return m, nil
}

// move takes the model over to an edited copy of its graph.
func (m *model) move(to *tfgraph.Move) {
	for _, p := range m.players() {
		for _, v := range []*tfgraph.Variables{p.weights, p.m, p.v, p.average} {
			if v != nil {
				to.Variables(v)
			}
		}
	}
	ends := []*tf.Output{&m.rate, &m.epsilon, &m.averageRate}
	for _, r := range m.replicas {
		for _, v := range r.copies {
			to.Variables(v)
		}
		ends = append(ends, &r.translatedA, &r.translatedB)
		for _, in := range []*input{r.realA, r.realB, r.fakeA, r.fakeB, r.seed} {
			ends = append(ends, &in.feed, &in.value)
			in.store = to.Operation(in.store)
		}
	}
	for _, o := range ends {
		*o = to.Output(*o)
	}
	for _, p := range []*tfgraph.Part{&m.generators, &m.discriminators, &m.forGenerators, &m.forDiscriminators} {
		to.Part(p)
	}
}

func newPlayer(s *op.Scope, name string, net *graph.Network, average bool) *player {
	p := &player{
		name:    name,
		net:     net,
		weights: tfgraph.NewVariables(s, name, net, nil),
		m:       tfgraph.NewVariables(s, name+"_adam_m", net, graph.Param.Trainable),
		v:       tfgraph.NewVariables(s, name+"_adam_v", net, graph.Param.Trainable),
	}
	if average {
		p.average = tfgraph.NewVariables(s, name+"_ema", net, graph.Param.Trainable)
	}
	return p
}

// checkShapes makes sure, before TensorFlow would say it less plainly, that
// the networks can take pictures of these shapes.
func (m *model) checkShapes() error {
	for _, c := range []struct {
		p        *player
		in, want graph.Shape
	}{{m.gAB, m.shapeA, m.shapeFakeB}, {m.gBA, m.shapeB, m.shapeFakeA}} {
		out, err := c.p.net.OutputShape(c.in.H, c.in.W)
		if err == nil && out != c.want {
			err = fmt.Errorf("it makes a picture of %v", out)
		}
		if err != nil {
			return fmt.Errorf("%s can't translate a picture of %v: %w; sides must be multiples of %d (see -crop_size)", c.p.name, c.in, err, c.p.net.SizeMultiple())
		}
	}
	for _, c := range []struct {
		p  *player
		in graph.Shape
	}{{m.dA, m.shapeA}, {m.dA, m.shapeFakeA}, {m.dB, m.shapeB}, {m.dB, m.shapeFakeB}} {
		if _, err := c.p.net.OutputShape(c.in.H, c.in.W); err != nil {
			return fmt.Errorf("%s can't judge a picture of %v: %w; use a larger -crop_size or a shallower -netD", c.p.name, c.in, err)
		}
	}
	if m.opts.LambdaGP > 0 && (m.shapeA != m.shapeFakeA || m.shapeB != m.shapeFakeB) {
		return fmt.Errorf("-lambda_gp mixes real and translated pictures, but those of A are %v and %v, those of B %v and %v; use a -preprocess that crops, or -lambda_gp 0",
			m.shapeA, m.shapeFakeA, m.shapeB, m.shapeFakeB)
	}
	return nil
}

// apply runs pictures through a network in training mode and notes the pass.
func (r *replica) apply(s *op.Scope, passes *[]pass, p *player, x tf.Output) tf.Output {
	y, stats := tfgraph.Apply(s.SubScope(p.name), p.net, r.values(p), x, tfgraph.Mode{Training: true, Seed: r.passSeed(s), Winograd: r.winograd})
	*passes = append(*passes, pass{p, stats})
	return y
}

// together says whether several batches can go through a network in one pass:
// where they have one shape, and it has no BatchNorm, to which each batch is one
// of its own.
func (m *model) together(p *player, batches ...tf.Output) bool {
	ok := true
	p.net.Walk(func(l graph.Layer) {
		_, mixes := l.(graph.BatchNorm)
		ok = ok && !mixes
	})
	for _, x := range batches {
		ok = ok && x.Shape().String() == batches[0].Shape().String()
	}
	return ok
}

// applyTogether is apply for several batches, in one pass where it can be.
func (r *replica) applyTogether(s *op.Scope, passes *[]pass, p *player, batches ...tf.Output) []tf.Output {
	if !r.together(p, batches...) {
		results := make([]tf.Output, len(batches))
		for i, x := range batches {
			results[i] = r.apply(s, passes, p, x)
		}
		return results
	}
	s = s.SubScope("together")
	axis := op.Const(s.SubScope("axis"), int32(0))
	y := r.apply(s, passes, p, op.ConcatV2(s, batches, axis))
	return op.Split(s, axis, y, int64(len(batches)))
}

// passSeed makes every pass of a step draw its own dropout masks.
func (r *replica) passSeed(s *op.Scope) tf.Output {
	if r.opts.NoDropout {
		return tf.Output{}
	}
	return r.nextSeed(s)
}

// nextSeed is another seed at each call. Dropout counts its layers upward from
// it and leaves the seed itself alone.
func (r *replica) nextSeed(s *op.Scope) tf.Output {
	r.passes++
	s = s.SubScope("pass_seed")
	return op.AddV2(s, r.seed.value, op.Const(s.SubScope("pass"), []int64{r.passes << 32, 0}))
}

// drawing says whether a step draws numbers in the graph, and so needs a seed.
func (m *model) drawing() bool { return !m.opts.NoDropout || m.opts.LambdaGP > 0 }

// mixture draws, for each picture of a batch, the share of a real one in the
// mixture that the gradient penalty looks at: [N, 1, 1, 1] in [0, 1).
func (r *replica) mixture(s *op.Scope) tf.Output {
	s = s.SubScope("mixture")
	shape := op.Const(s.SubScope("shape"), []int32{int32(r.batch), 1, 1, 1})
	return op.StatelessRandomUniform(s, shape, r.nextSeed(s))
}

// generatorCall is the step of both generators, with the discriminators held
// fixed. It fetches the terms of generatorLosses and, in the order G_first,
// the translated pictures fake_A and fake_B of each replica for the pools.
func (m *model) generatorCall(s *op.Scope) tfgraph.Part {
	shares := make([]share, len(m.replicas))
	var fakes []tf.Output
	for i, r := range m.replicas {
		c := &shares[i]
		c.scope = r.scope.SubScope("generators")
		c.values = r.values
		c.losses, r.translatedA, r.translatedB = r.generatorLosses(c.scope, &c.passes)
		fakes = append(fakes, r.translatedA, r.translatedB)
	}
	part := m.update(s, shares, m.gAB, m.gBA)
	if m.opts.StepOrder == GFirst {
		part.Fetches = append(part.Fetches, fakes...)
	}
	return part
}

// discriminatorCall is the step of both discriminators. It fetches the terms
// of discriminatorLosses. In the order G_first it judges pictures fed from the
// pools; in the order D_first it translates the real pictures itself.
func (m *model) discriminatorCall(s *op.Scope) tfgraph.Part {
	shares := make([]share, len(m.replicas))
	for i, r := range m.replicas {
		c := &shares[i]
		c.scope, c.values = r.scope.SubScope("discriminators"), r.values
		fakeA, fakeB := r.fakeA.value, r.fakeB.value
		if m.opts.StepOrder == DFirst {
			fakeA = r.apply(c.scope, &c.passes, m.gBA, r.realB.value)
			fakeB = r.apply(c.scope, &c.passes, m.gAB, r.realA.value)
		}
		c.losses = r.discriminatorLosses(c.scope, &c.passes, fakeA, fakeB)
	}
	return m.update(s, shares, m.dA, m.dB)
}

// update is the step of some players by what the replicas lose: it fetches the
// losses, and moves the weights and BatchNorm's running statistics. All are
// means over the replicas, whose shares are of one size.
func (m *model) update(s *op.Scope, shares []share, players ...*player) tfgraph.Part {
	var part tfgraph.Part
	for term := range shares[0].losses {
		part.Fetches = append(part.Fetches, meanOf(s, len(shares), func(i int) tf.Output { return shares[i].losses[term] }))
	}
	part.Targets = append(m.adam(s, shares, players...), runningStatistics(s, shares)...)
	return part
}

// adam adds one step of Adam (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980)
// on the players' trainable parameters. TensorFlow's op would correct the
// moments' bias from beta powers; these are fed as 0 and the correction is in
// the rate and in epsilon, which is PyTorch's algorithm (see adamSettings).
func (m *model) adam(s *op.Scope, shares []share, players ...*player) []*tf.Operation {
	s = s.SubScope("adam")
	gradients := make([][]tf.Output, len(shares))
	for i, c := range shares {
		// The replicas' shares of the batch's mean, which their gradients add up to.
		loss := weighted(c.scope, op.AddN(c.scope.SubScope("total"), c.losses), 1/float64(len(shares)))
		var values []tf.Output
		for _, p := range players {
			used := c.values(p)
			for _, name := range p.m.Names() {
				values = append(values, used[name])
			}
		}
		if s.Err() != nil {
			return nil
		}
		gradients[i] = op.Gradients(c.scope, []tf.Output{loss}, values)
	}
	if s.Err() != nil {
		return nil
	}
	constant := func(name string, v float64) tf.Output { return op.Const(s.SubScope(name), float32(v)) }
	none, beta1, beta2 := constant("none", 0), constant("beta1", m.opts.Beta1), constant("beta2", adamBeta2)
	var targets []*tf.Operation
	i := 0
	for _, p := range players {
		for _, name := range p.m.Names() {
			step := op.ResourceApplyAdam(s.SubScope("step"), p.weights.Handle(name), p.m.Handle(name), p.v.Handle(name),
				none, none, m.rate, beta1, beta2, m.epsilon, totalOf(s, len(shares), func(r int) tf.Output { return gradients[r][i] }))
			i++
			targets = append(targets, step)
			if p.average != nil {
				targets = append(targets, m.moveAverage(s, p, name, step))
			}
		}
	}
	return targets
}

// moveAverage moves a parameter's average towards its value, once Adam's step
// has been taken.
func (m *model) moveAverage(s *op.Scope, p *player, name string, step *tf.Operation) *tf.Operation {
	s = s.SubScope("average").WithControlDependencies(step)
	now := op.ReadVariableOp(s, p.weights.Handle(name), tf.Float)
	gap := op.Sub(s, p.average.Values()[name], now)
	return op.AssignSubVariableOp(s, p.average.Handle(name), op.Mul(s, gap, m.averageRate))
}

// runningStatistics moves BatchNorm's running means and variances by what each
// pass saw, in the order of the passes.
func runningStatistics(s *op.Scope, shares []share) []*tf.Operation {
	type statistic struct {
		player *player
		name   string
	}
	latest := map[statistic]tf.Output{}
	var order []statistic
	for i, p := range shares[0].passes {
		for j, seen := range p.stats {
			inReplica := func(r int) tfgraph.BatchStatistic { return shares[r].passes[i].stats[j] }
			for _, part := range []struct {
				name string
				seen func(replica int) tf.Output
			}{
				{seen.Layer.Name + ".mean", func(r int) tf.Output { return inReplica(r).Mean }},
				{seen.Layer.Name + ".variance", func(r int) tf.Output { return inReplica(r).Variance }},
			} {
				key := statistic{p.player, part.name}
				if _, ok := latest[key]; !ok {
					latest[key] = p.player.weights.Values()[part.name]
					order = append(order, key)
				}
				s := s.SubScope("statistic")
				gap := op.Sub(s, meanOf(s, len(shares), part.seen), latest[key])
				latest[key] = op.AddV2(s, latest[key], op.Mul(s, gap, op.Const(s.SubScope("momentum"), seen.Layer.Momentum)))
			}
		}
	}
	var updates []*tf.Operation
	for _, key := range order {
		updates = append(updates, op.AssignVariableOp(s.SubScope("statistic"), key.player.weights.Handle(key.name), latest[key]))
	}
	return updates
}
