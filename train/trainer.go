//go:build tensorflow

package train

import (
	"fmt"
	"io"
	"maps"
	"math"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
	"cyclegan/train/dataset"
	"cyclegan/train/profile"
)

// Adam's settings that are no options, as in the official implementation.
const (
	adamBeta2   = 0.999
	adamEpsilon = 1e-8
)

// A Trainer holds the four networks and Adam's state in a TensorFlow session
// and changes them step by step. It is not safe for concurrent use.
type Trainer struct {
	opts           Options
	shapeA, shapeB graph.Shape
	scope          *op.Scope
	session        *tf.Session
	device         device
	model          *model
	translators    map[translatorKey]*translator
	step           int64
	poolA, poolB   imagePool
	tracing        bool          // the next step
	traced         *profile.Step // nil before there is one
	lost           error         // a worker, and with it the session
}

// NewTrainer builds the networks for pictures of the given shapes and draws
// their initial weights from the options' seed.
func NewTrainer(o Options, shapeA, shapeB graph.Shape) (*Trainer, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	device, err := chooseDevice(o)
	if err != nil {
		return nil, err
	}
	return newTrainerOn(device, o, shapeA, shapeB)
}

func newTrainerOn(device device, o Options, shapeA, shapeB graph.Shape) (*Trainer, error) {
	// The scope is never finalized: translators are added to its graph as
	// they are needed.
	g := tf.NewGraph()
	s := op.NewScopeWithGraph(g)
	m, err := newModel(s, o, device, shapeA, shapeB)
	if err != nil {
		return nil, err
	}
	move, err := tfgraph.Rebuild(g, tfgraph.FasterProducts, tfgraph.Recompute, device.edit)
	if err != nil {
		return nil, err
	}
	if m.move(move); move.Err() != nil {
		return nil, move.Err()
	}
	g = move.Graph()
	s = op.NewScopeWithGraph(g).SubScope("added").WithDevice(device.place(0))
	session, err := openSession(g, device, sessionConfig(device, o.Precision, m.gAB.net, m.gBA.net))
	if err != nil {
		return nil, err
	}
	t := &Trainer{
		opts: o, shapeA: shapeA, shapeB: shapeB,
		scope: s, session: session, device: device, model: m,
		translators: map[translatorKey]*translator{},
		poolA:       imagePool{capacity: o.PoolSize},
		poolB:       imagePool{capacity: o.PoolSize},
	}
	if err := t.watched(t.initialize); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *Trainer) initialize() error {
	for i, p := range t.model.players() {
		w, err := graph.Initialize(p.net, graph.InitType(t.opts.InitType), t.opts.InitGain, randomStream(t.opts.Seed, "initial weights", int64(i)))
		if err != nil {
			return err
		}
		if err := t.load(p, w); err != nil {
			return err
		}
		for _, moments := range []*tfgraph.Variables{p.m, p.v} {
			if err := moments.Zero(t.session); err != nil {
				return err
			}
		}
	}
	return nil
}

// load sets a network's weights, and its moving average to the same.
func (t *Trainer) load(p *player, w graph.Weights) error {
	if err := p.weights.Load(t.session, w); err != nil || p.average == nil {
		return err
	}
	return p.average.Load(t.session, w)
}

// LoadInitial takes up the weights of the files that the init options name, in
// place of random ones, and returns a line about each.
func (t *Trainer) LoadInitial() ([]string, error) {
	var taken []string
	for _, p := range t.model.players() {
		path, w, err := t.opts.initialWeights(p.name)
		if err != nil {
			return taken, err
		}
		if path == "" {
			continue
		}
		if err := t.watched(func() error { return t.load(p, w) }); err != nil {
			return taken, err
		}
		taken = append(taken, fmt.Sprintf("%s starts from %s", p.name, path))
	}
	return taken, nil
}

// Close ends the session. It is safe to call twice. TensorFlow would wait for
// ever for a worker that is lost: that session is left to the end of the process.
func (t *Trainer) Close() error {
	if t.lost != nil {
		return nil
	}
	return t.session.Close()
}

// Steps counts the steps made, over all resumes.
func (t *Trainer) Steps() int64 { return t.step }

// Options are those that the trainer was made with.
func (t *Trainer) Options() Options { return t.opts }

// Device says in words what the trainer computes on.
func (t *Trainer) Device() string { return t.device.String() }

// OnGPU reports whether the trainer computes on a GPU.
func (t *Trainer) OnGPU() bool { return t.device.hasGPU() }

// Step makes one training step on a batch of the run's shapes. A
// *NotFiniteError says that the losses are no numbers any more; the weights
// are of no use after that.
func (t *Trainer) Step(b *dataset.Batch) (Losses, error) {
	if err := t.checkBatch(b); err != nil {
		return Losses{}, fmt.Errorf("step %d: %w", t.step+1, err)
	}
	real, err := t.feedReal(b)
	if err != nil {
		return Losses{}, fmt.Errorf("step %d: %w", t.step+1, err)
	}
	if t.tracing {
		t.traced = &profile.Step{Number: t.step + 1}
		defer func() { t.tracing = false }()
	}
	var losses Losses
	run := t.generatorsFirst
	if t.opts.StepOrder == DFirst {
		run = t.discriminatorsFirst
	}
	if err := run(real, b.Epoch, &losses); err != nil {
		return Losses{}, fmt.Errorf("step %d: %w", t.step+1, err)
	}
	t.step++
	return losses, losses.checkFinite(t.step)
}

// checkBatch refuses pictures that the networks were not built for.
func (t *Trainer) checkBatch(b *dataset.Batch) error {
	a, o := graph.Shape{H: b.HA, W: b.WA, C: b.CA}, graph.Shape{H: b.HB, W: b.WB, C: b.CB}
	if b.N != t.opts.BatchSize || a != t.shapeA || o != t.shapeB {
		return fmt.Errorf("a batch of %d pictures of %v (%s) and %v (%s), where the run's are %d of %v and %v; use a -preprocess that crops",
			b.N, a, strings.Join(b.NamesA, ", "), o, strings.Join(b.NamesB, ", "), t.opts.BatchSize, t.shapeA, t.shapeB)
	}
	return nil
}

// generatorsFirst is the official order: the generators learn, then the
// discriminators judge what the generators made, mixed with earlier pictures.
func (t *Trainer) generatorsFirst(real feeds, epoch int, losses *Losses) error {
	fakeA, fakeB, err := t.stepGenerators(real, epoch, losses)
	if err != nil {
		return err
	}
	t.poolA.exchange(fakeA, t.opts.BatchSize, randomStream(t.opts.Seed, "pool A", t.step))
	t.poolB.exchange(fakeB, t.opts.BatchSize, randomStream(t.opts.Seed, "pool B", t.step))
	fake := feeds{}
	if err := t.feedPictures(fake, fakeA, t.model.shapeFakeA, func(r *replica) tf.Output { return r.fakeA.feed }); err != nil {
		return err
	}
	if err := t.feedPictures(fake, fakeB, t.model.shapeFakeB, func(r *replica) tf.Output { return r.fakeB.feed }); err != nil {
		return err
	}
	return t.stepDiscriminators(real, fake, epoch, losses)
}

// discriminatorsFirst is the order of the yosemite recipe.
func (t *Trainer) discriminatorsFirst(real feeds, epoch int, losses *Losses) error {
	if err := t.stepDiscriminators(real, nil, epoch, losses); err != nil {
		return err
	}
	_, _, err := t.stepGenerators(real, epoch, losses)
	return err
}

// feeds are the values of a run's placeholders.
type feeds = map[tf.Output]*tf.Tensor

// feedReal gives each replica its share of a batch.
func (t *Trainer) feedReal(b *dataset.Batch) (feeds, error) {
	real := feeds{}
	if err := t.feedPictures(real, b.A, t.shapeA, func(r *replica) tf.Output { return r.realA.feed }); err != nil {
		return nil, fmt.Errorf("pictures of A: %w", err)
	}
	if err := t.feedPictures(real, b.B, t.shapeB, func(r *replica) tf.Output { return r.realB.feed }); err != nil {
		return nil, fmt.Errorf("pictures of B: %w", err)
	}
	return real, nil
}

// feedPictures gives each replica its share of a batch's pictures, in order.
func (t *Trainer) feedPictures(into feeds, pictures []float32, shape graph.Shape, end func(*replica) tf.Output) (err error) {
	for i, r := range t.model.replicas {
		size := r.batch * shape.H * shape.W * shape.C
		if into[end(r)], err = tfgraph.NewTensor(pictures[i*size:(i+1)*size], r.batch, shape.H, shape.W, shape.C); err != nil {
			return err
		}
	}
	return nil
}

// stepGenerators returns, in the order G_first, the translated pictures of the
// whole batch.
func (t *Trainer) stepGenerators(real feeds, epoch int, losses *Losses) (fakeA, fakeB []float32, err error) {
	m := t.model
	rate, _ := t.opts.LearningRates(epoch)
	in := maps.Clone(real)
	if err := t.feedSettings(in, rate); err != nil {
		return nil, nil, err
	}
	if m.averaging() {
		if in[m.averageRate], err = tf.NewTensor(float32(1 - averageDecay(t.opts.EMA, t.step))); err != nil {
			return nil, nil, err
		}
	}
	out, err := t.runPart("generators", &m.forGenerators, &m.generators, in)
	if err != nil {
		return nil, nil, fmt.Errorf("train the generators: %w", err)
	}
	terms := []*float64{&losses.GAB, &losses.GBA, &losses.CycleA, &losses.CycleB, &losses.IdtA, &losses.IdtB}
	for i, term := range terms {
		*term = scalar(out[i])
	}
	for out = out[len(terms):]; len(out) > 0; out = out[2:] {
		a, err := tfgraph.Floats(nil, out[0])
		if err != nil {
			return nil, nil, err
		}
		b, err := tfgraph.Floats(nil, out[1])
		if err != nil {
			return nil, nil, err
		}
		fakeA, fakeB = append(fakeA, a...), append(fakeB, b...)
	}
	return fakeA, fakeB, nil
}

func (t *Trainer) stepDiscriminators(real, fake feeds, epoch int, losses *Losses) error {
	m := t.model
	_, rate := t.opts.LearningRates(epoch)
	in := maps.Clone(real)
	maps.Copy(in, fake)
	if err := t.feedSettings(in, rate); err != nil {
		return err
	}
	out, err := t.runPart("discriminators", &m.forDiscriminators, &m.discriminators, in)
	if err != nil {
		return fmt.Errorf("train the discriminators: %w", err)
	}
	losses.DA, losses.DB = scalar(out[0]), scalar(out[1])
	return nil
}

func scalar(t *tf.Tensor) float64 { return float64(t.Value().(float32)) }

// feedSettings feeds Adam's settings for this step, and the seed of what is
// drawn in the graph.
func (t *Trainer) feedSettings(in feeds, learningRate float64) (err error) {
	m := t.model
	rate, epsilon := adamSettings(learningRate, t.opts.Beta1, t.step+1)
	if in[m.rate], err = tf.NewTensor(float32(rate)); err != nil {
		return err
	}
	if in[m.epsilon], err = tf.NewTensor(float32(epsilon)); err != nil {
		return err
	}
	if !m.drawing() {
		return nil
	}
	for _, r := range m.replicas {
		if in[r.seed.feed], err = tf.NewTensor([]int64{int64(t.opts.Seed), t.step}); err != nil {
			return err
		}
	}
	return nil
}

// adamSettings turns PyTorch's Adam at its n-th step into the rate and epsilon
// of TensorFlow's, which has no bias correction of its own here:
//
//	PyTorch:     lr / (1 - b1^n) * m / (sqrt(v / (1 - b2^n)) + eps)
//	TensorFlow:  rate * m / (sqrt(v) + epsilon)
//
// The betas are those that the float32 op computes with.
func adamSettings(learningRate, beta1 float64, n int64) (rate, epsilon float64) {
	b1, b2 := float64(float32(beta1)), float64(float32(adamBeta2))
	root := math.Sqrt(1 - math.Pow(b2, float64(n)))
	return learningRate * root / (1 - math.Pow(b1, float64(n))), adamEpsilon * root
}

// averageDecay is the moving average's decay after the given number of steps:
// it starts low, so that the first weights are soon forgotten.
func averageDecay(decay float64, step int64) float64 {
	return math.Min(decay, float64(1+step)/float64(10+step))
}

func (m *model) averaging() bool { return m.gAB.average != nil }

// Shapes are those of one training picture of A and of B.
func (t *Trainer) Shapes() (a, b graph.Shape) { return t.shapeA, t.shapeB }

// Describe writes the four networks as text, layer by layer.
func (t *Trainer) Describe(out io.Writer) error {
	for _, p := range t.model.players() {
		shape := t.shapeA
		if p.name == GBA || p.name == DB {
			shape = t.shapeB
		}
		if _, err := fmt.Fprintf(out, "%s = ", p.name); err != nil {
			return err
		}
		if err := graph.Fprint(out, p.net, shape.H, shape.W); err != nil {
			return err
		}
	}
	return nil
}
