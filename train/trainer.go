//go:build tensorflow

package train

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/graph/pytorch"
	"cyclegan/graph/tfgraph"
	"cyclegan/third_party/native"
	"cyclegan/train/dataset"
	"cyclegan/train/profile"
	"cyclegan/train/step"
	"cyclegan/train/worker"
)

// A Trainer holds the four networks and Adam's state in a TensorFlow session and trains them step
// by step. It is not safe for concurrent use.
type Trainer struct {
	opts           Options
	shapeA, shapeB graph.Shape
	device         device
	graph          *step.Graph
	session        *tfgraph.Session
	scope          *op.Scope // adds to the session's graph
	translators    map[translatorKey]*translator
	place                               // how far the run is
	warm           int64                // steps of the warm-up
	pace           float64              // steps of the schedule in a step, see SetPace
	timer          func() time.Duration // nil unless CountTime
	unset          bool                 // frozen layers have no weights yet
	poolA, poolB   *savedPool
	tracing        bool          // the next step
	traced         *profile.Step // nil before the first
	unreachable    error         // a worker, and so the session
}

// NewTrainer builds the networks for images of the given shapes and draws their initial weights
// from the options' seed.
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

func newTrainerOn(d device, o Options, shapeA, shapeB graph.Shape) (*Trainer, error) {
	g, err := step.Build(o.step(d, shapeA, shapeB))
	if err != nil {
		return nil, err
	}
	var nets []*graph.Network
	for _, n := range g.Networks {
		nets = append(nets, n.Net)
	}
	session, err := tfgraph.NewSession(g.TensorFlow, d.target(), sessionConfig(d, o.Precision, nets...))
	if err != nil {
		return nil, err
	}
	t := &Trainer{
		opts: o, shapeA: shapeA, shapeB: shapeB, device: d, graph: g, session: session,
		// The scope is never finalized: translators are added when needed.
		scope:       op.NewScopeWithGraph(g.TensorFlow).SubScope("added").WithDevice(d.place(0)),
		translators: map[translatorKey]*translator{},
		pace:        1,
		poolA:       &savedPool{imagePool{capacity: o.PoolSize}, "pool_A", g.FakeA},
		poolB:       &savedPool{imagePool{capacity: o.PoolSize}, "pool_B", g.FakeB},
	}
	if err := errors.Join(session.Check(g.Parts()...), t.watched(t.initialize)); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (o Options) step(d device, shapeA, shapeB graph.Shape) step.Options {
	return step.Options{
		GeneratorAB: o.Generator(true), GeneratorBA: o.Generator(false),
		DiscriminatorA: o.Discriminator(true), DiscriminatorB: o.Discriminator(false),
		ShapeA: shapeA, ShapeB: shapeB, BatchSize: o.BatchSize,
		GANMode: o.GANMode, LambdaA: o.LambdaA, LambdaB: o.LambdaB, LambdaIdentity: o.LambdaIdentity,
		LambdaD: o.LambdaD, LambdaGP: o.LambdaGP, LambdaOther: o.LambdaOther, DiscriminatorsFirst: o.StepOrder == DFirst,
		Beta1: o.Beta1, Beta2: o.Beta2, Averages: o.EMA > 0, Dropout: !o.NoDropout, Seed: o.Seed,
		Winograd: o.winogradOn(d), Replicas: d.replicas(), Place: d.place,
	}
}

// winogradOn reports whether wide convolutions use Winograd's form, which is faster only in float32
// on a CPU.
func (o Options) winogradOn(d device) bool {
	return o.Conv == ConvWinograd && o.Precision == F32 && !d.hasGPU()
}

func (t *Trainer) initialize() error {
	for i, n := range t.graph.Networks {
		w, err := graph.Initialize(n.Net, graph.InitType(t.opts.InitType), t.opts.InitGain, randomStream(t.opts.Seed, "initial weights", int64(i)))
		if err != nil {
			return err
		}
		t.unset = t.unset || slices.ContainsFunc(n.Net.Params(), graph.Param.Frozen)
		if err := t.load(n, w); err != nil {
			return err
		}
		for _, moments := range []*tfgraph.Variables{n.Moment, n.Square} {
			if err := moments.Zero(t.session); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Trainer) load(n *step.Network, w graph.Weights) error {
	if err := n.Weights.Load(t.session, w); err != nil || n.Average == nil {
		return err
	}
	return n.Average.Load(t.session, w)
}

// LoadInitial loads the weights of frozen layers and those that the init options name, and returns
// a line about each file. A new run calls it before its first step.
func (t *Trainer) LoadInitial() (loaded []string, err error) {
	if t.unset {
		line, err := t.loadFrozen()
		if err != nil {
			return nil, err
		}
		loaded = append(loaded, line)
	}
	for i, path := range []string{t.opts.InitGAB, t.opts.InitGBA, t.opts.InitDA, t.opts.InitDB} {
		if path == "" {
			continue
		}
		n := t.graph.Networks[i]
		w, err := t.opts.readWeights(n.Name, path)
		if err != nil {
			return loaded, fmt.Errorf("-init_%s: %w", n.Name, err)
		}
		if err := t.watched(func() error { return t.load(n, w) }); err != nil {
			return loaded, err
		}
		loaded = append(loaded, fmt.Sprintf("%s starts from %s", n.Name, path))
	}
	return loaded, nil
}

// loadFrozen loads the frozen layers of all networks, which are those of EfficientNet-Lite0.
func (t *Trainer) loadFrozen() (line string, err error) {
	path, err := native.FindFeatures()
	if err != nil {
		return "", fmt.Errorf("-netD %s scores the features of EfficientNet-Lite0: %w", t.opts.NetD, err)
	}
	state, err := pytorch.ReadFile(path)
	if err != nil {
		return "", err
	}
	for _, n := range t.graph.Networks {
		frozen, err := pytorch.EfficientNetLite0(state, n.Net)
		if err != nil {
			return "", fmt.Errorf("%q: %w", path, err)
		}
		if len(frozen) == 0 {
			continue
		}
		err = t.watched(func() error {
			w, err := n.Weights.Save(t.session)
			if err != nil {
				return err
			}
			maps.Copy(w, frozen)
			return t.load(n, w)
		})
		if err != nil {
			return "", err
		}
	}
	t.unset = false
	return "the frozen features are EfficientNet-Lite0's, trained on ImageNet", nil
}

// readWeights reads the weights of a network from a file of PyTorch, a safetensors file, or for a
// generator a model of this project.
func (o Options) readWeights(name, path string) (w graph.Weights, err error) {
	generator := name == GAB || name == GBA
	if generator && strings.EqualFold(filepath.Ext(path), ".onnx") {
		return o.readModel(name, path)
	}
	state, err := pytorch.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if generator {
		direction := pytorch.BtoA
		if name == GAB {
			direction = pytorch.AtoB
		}
		if state, err = state.Choose("", direction); err == nil {
			_, w, err = pytorch.Generator(state, o.Generator(name == GAB))
		}
	} else {
		_, w, err = pytorch.Discriminator(state, o.Discriminator(name == DA))
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return w, nil
}

func (o Options) readModel(name, path string) (graph.Weights, error) {
	model, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	network, err := graph.NewGenerator(o.Generator(name == GAB))
	if err != nil {
		return nil, err
	}
	w, err := onnxgraph.ReadWeights(model, network)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return w, nil
}

// Close ends the session. It is safe to call twice. TensorFlow would wait forever for an
// unreachable worker, so such a session stays open until the process ends.
func (t *Trainer) Close() error {
	if t.unreachable != nil {
		return nil
	}
	return t.session.Close()
}

// Steps returns the number of steps done, over all resumes.
func (t *Trainer) Steps() int64 { return t.step }

// SetPace lets each step from now on advance the schedule by pace steps. So a run that has no time
// for all steps gets through the whole schedule: its learning rates are those of the scheduled
// steps that it reaches. The pace of a new or restored trainer is 1.
func (t *Trainer) SetPace(pace float64) { t.pace = pace }

// Passed returns the number of steps of the schedule that a pace other than 1 skipped.
func (t *Trainer) Passed() float64 { return t.passed }

// SetPassed moves the run to another place of the schedule.
func (t *Trainer) SetPassed(steps float64) { t.passed = steps }

// Seen returns the number of images of each domain in the steps done.
func (t *Trainer) Seen() int64 { return t.seen }

// SetEpoch continues the run with this many batches in an epoch. If that is a change, because
// images were added or removed, the run stays at the same place of its epoch and of its schedule.
// Run does it too.
func (t *Trainer) SetEpoch(batches int) { t.place = t.in(batches, t.opts) }

// Used returns the number of batches of the data that the run has used, in epochs of the present
// length: Steps, unless the length changed. The next batch is at this place of the data.
func (t *Trainer) Used() int64 { return t.used }

// Left returns the number of steps of the schedule that are left, with this many batches in an
// epoch.
func (t *Trainer) Left(batches int) float64 { return t.in(batches, t.opts).left(t.opts) }

// PlannedSteps returns the last step of the run at the present pace, with this many batches in an
// epoch.
func (t *Trainer) PlannedSteps(batches int) int64 {
	const rounding = 1e-6 // of the sum of many paces
	return t.step + max(0, int64(math.Ceil(t.Left(batches)/t.pace-rounding)))
}

// Done reports whether the schedule is complete.
func (t *Trainer) Done(batches int) bool { return t.PlannedSteps(batches) == t.step }

// CountTime makes checkpoints record the time that the run has taken, over all resumes.
func (t *Trainer) CountTime(spent func() time.Duration) { t.timer = spent }

// Device describes what the trainer computes on.
func (t *Trainer) Device() string { return t.device.String() }

// OnGPU reports whether the trainer computes on a GPU.
func (t *Trainer) OnGPU() bool { return t.device.hasGPU() }

// RoughStep returns roughly what a step takes, by the size of the networks, or 0 if that is
// unknown: the speed of a GPU or of another machine is.
func (t *Trainer) RoughStep() time.Duration {
	if t.OnGPU() || len(t.device.workers) > 0 {
		return 0
	}
	return t.opts.roughStep(t.shapeA, t.shapeB, t.device.threads)
}

// Shapes returns the shapes of a training image of A and of B.
func (t *Trainer) Shapes() (a, b graph.Shape) { return t.shapeA, t.shapeB }

// Describe writes the four networks as text, layer by layer.
func (t *Trainer) Describe(out io.Writer) error {
	for _, n := range t.graph.Networks {
		shape := t.shapeA
		if n.Name == GBA || n.Name == DB {
			shape = t.shapeB
		}
		if _, err := fmt.Fprintf(out, "%s = ", n.Name); err != nil {
			return err
		}
		if err := graph.Fprint(out, n.Net, shape.H, shape.W); err != nil {
			return err
		}
	}
	return nil
}

// Step trains on one batch with the learning rates of its epoch, or of the step if the schedule is
// in steps. A *NotFiniteError reports that a loss is not a finite number; the weights are useless
// after that.
func (t *Trainer) Step(b *dataset.Batch) (Losses, error) {
	at := b.Epoch
	if t.opts.InSteps() {
		at = int(t.step) + 1
	}
	rateG, rateD := t.opts.LearningRates(at)
	return t.stepAt(b, rateG, rateD)
}

func (t *Trainer) stepAt(b *dataset.Batch, rateG, rateD float64) (Losses, error) {
	losses, err := t.trainOn(b, rateG, rateD)
	if err != nil {
		return Losses{}, fmt.Errorf("step %d: %w", t.step+1, err)
	}
	t.advance(b.N, t.pace)
	return losses, losses.checkFinite(t.step)
}

func (t *Trainer) trainOn(b *dataset.Batch, rateG, rateD float64) (losses Losses, err error) {
	if err := t.accepts(b); err != nil {
		return losses, err
	}
	if t.tracing {
		t.traced = &profile.Step{Number: t.step + 1}
		defer func() { t.tracing = false }()
	}
	real := step.Images{A: b.A, B: b.B}
	discriminatorsFirst := t.opts.StepOrder == DFirst
	stepsD := t.warm + t.step
	var g, d []float64
	var fake step.Images
	if discriminatorsFirst {
		if d, err = t.graph.TrainDiscriminators(t.run, real, fake, stepsD, rateD); err != nil {
			return losses, err
		}
	}
	if g, fake, err = t.graph.TrainGenerators(t.run, real, t.step, rateG, t.opts.EMA); err != nil {
		return losses, err
	}
	if !discriminatorsFirst {
		t.poolA.exchange(fake.A, t.opts.BatchSize, randomStream(t.opts.Seed, "pool A", t.step))
		t.poolB.exchange(fake.B, t.opts.BatchSize, randomStream(t.opts.Seed, "pool B", t.step))
		if d, err = t.graph.TrainDiscriminators(t.run, real, fake, stepsD, rateD); err != nil {
			return losses, err
		}
	}
	return Losses{GAB: g[0], GBA: g[1], CycleA: g[2], CycleB: g[3], IdtA: g[4], IdtB: g[5], DA: d[0], DB: d[1]}, nil
}

// accepts reports a batch that the networks are not built for, and networks without weights.
func (t *Trainer) accepts(b *dataset.Batch) error {
	a, o := graph.Shape{H: b.HA, W: b.WA, C: b.CA}, graph.Shape{H: b.HB, W: b.WB, C: b.CB}
	if b.N != t.opts.BatchSize || a != t.shapeA || o != t.shapeB {
		return fmt.Errorf("a batch of %d images of %v (%s) and %v (%s); the run trains on %d of %v and %v. Fix: use a -preprocess that crops",
			b.N, a, strings.Join(b.NamesA, ", "), o, strings.Join(b.NamesB, ", "), t.opts.BatchSize, t.shapeA, t.shapeB)
	}
	if t.unset {
		return errors.New("frozen layers have no weights. Fix: call LoadInitial or Restore first")
	}
	return nil
}

// TraceNext makes TensorFlow record the next step, which slows it by a few percent.
func (t *Trainer) TraceNext() { t.tracing = true }

// Trace returns the record of the latest step that TraceNext asked for, or nil.
func (t *Trainer) Trace() *profile.Step { return t.traced }

// run is a step.Runner that records the step if TraceNext asked for it.
func (t *Trainer) run(name string, p tfgraph.Part, feeds tfgraph.Feeds) (out []*tf.Tensor, err error) {
	err = t.watched(func() (err error) {
		if !t.tracing {
			out, err = t.session.Run(p, feeds)
			return err
		}
		fetched, record, err := t.session.RunTraced(p, feeds)
		if err == nil {
			out = fetched
			t.traced.Runs = append(t.traced.Runs, profile.Run{Name: name, Stats: record.StepStats})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// watched makes a call that runs the session. A *worker.UnreachableError ends the session: every
// later call returns it again.
func (t *Trainer) watched(call func() error) error {
	if len(t.device.workers) == 0 {
		return call()
	}
	if t.unreachable != nil {
		return t.unreachable
	}
	err := worker.Watched(t.device.workers, call)
	if unreachable := (*worker.UnreachableError)(nil); errors.As(err, &unreachable) {
		t.unreachable = err
	}
	return err
}
