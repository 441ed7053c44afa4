//go:build tensorflow

package step

import (
	"errors"
	"fmt"
	"math"

	tf "github.com/wamuir/graft/tensorflow"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
)

// A Runner runs a part of the graph in a session. Name says which, such as "generators".
type Runner func(name string, p tfgraph.Part, feeds tfgraph.Feeds) ([]*tf.Tensor, error)

// Images are a batch of each domain, [N, H, W, C] in [-1, 1].
type Images struct{ A, B []float32 }

// inputs are the names of a replica's placeholders.
type inputs struct {
	batch                            int
	realA, realB, fakeA, fakeB, seed tfgraph.Name
}

func (r *replica) names() inputs {
	return inputs{r.batch, tfgraph.NameOf(r.realA.feed), tfgraph.NameOf(r.realB.feed),
		tfgraph.NameOf(r.fakeA.feed), tfgraph.NameOf(r.fakeB.feed), tfgraph.NameOf(r.seed.feed)}
}

// Parts returns everything that a step runs, for tfgraph.Session.Check.
func (g *Graph) Parts() []tfgraph.Part {
	return []tfgraph.Part{g.generators.before, g.generators.part, g.discriminators.before, g.discriminators.part}
}

// TrainGenerators trains the generators on real images, after the given number of steps and with a
// learning rate; ema is the decay of their average, if one is kept. It returns the losses G_AB,
// G_BA, cycle_A, cycle_B, idt_A and idt_B, and the translated images unless the discriminators were
// first.
func (g *Graph) TrainGenerators(run Runner, real Images, steps int64, rate, ema float64) (losses []float64, fake Images, err error) {
	feeds, err := g.feeds(real, Images{}, steps, rate)
	if err != nil {
		return nil, Images{}, err
	}
	if g.opts.Averages {
		if feeds[g.averageRate], err = tf.NewTensor(float32(1 - averageDecay(ema, steps))); err != nil {
			return nil, Images{}, err
		}
	}
	out, err := g.generators.run(run, feeds)
	if err != nil {
		return nil, Images{}, fmt.Errorf("train the generators: %w", err)
	}
	const terms = 6
	losses = scalars(out[:terms])
	fake, err = joinFakes(out[terms:])
	return losses, fake, err
}

// TrainDiscriminators trains the discriminators on real and translated images, which are ignored if
// the discriminators are first, after the given number of steps of their own. It returns the losses
// D_A and D_B.
func (g *Graph) TrainDiscriminators(run Runner, real, fake Images, steps int64, rate float64) (losses []float64, err error) {
	feeds, err := g.feeds(real, fake, steps, rate)
	if err != nil {
		return nil, err
	}
	out, err := g.discriminators.run(run, feeds)
	if err != nil {
		return nil, fmt.Errorf("train the discriminators: %w", err)
	}
	return scalars(out), nil
}

// WarmUpDiscriminators trains the discriminators like TrainDiscriminators, on images of the other
// domain instead of translated ones, without the generators' half of the step.
func (g *Graph) WarmUpDiscriminators(run Runner, real Images, steps int64, rate float64) (losses []float64, err error) {
	fake := Images{A: real.B, B: real.A}
	if before := g.generators.before; !before.Empty() { // what the replicas get for both halves
		feeds, err := g.feeds(real, fake, steps, rate)
		if err != nil {
			return nil, err
		}
		if _, err := run("before the warm-up", before, feeds); err != nil {
			return nil, fmt.Errorf("warm up the discriminators: %w", err)
		}
	}
	return g.TrainDiscriminators(run, real, fake, steps, rate)
}

// Translate returns the images that TrainGenerators would translate, without training.
func (g *Graph) Translate(run Runner, real Images, steps int64) (fake Images, err error) {
	feeds, err := g.feeds(real, Images{}, steps, 0)
	if err != nil {
		return Images{}, err
	}
	out, err := run("translate", g.translated, feeds)
	if err != nil {
		return Images{}, err
	}
	return joinFakes(out)
}

func (p phase) run(run Runner, feeds tfgraph.Feeds) ([]*tf.Tensor, error) {
	if !p.before.Empty() {
		if _, err := run("before "+p.name, p.before, feeds); err != nil {
			return nil, err
		}
	}
	return run(p.name, p.part, feeds)
}

// feeds gives each replica its share of the images, and Adam its settings.
func (g *Graph) feeds(real, fake Images, steps int64, learningRate float64) (tfgraph.Feeds, error) {
	feeds := tfgraph.Feeds{}
	var errs []error
	feed := func(name tfgraph.Name, values []float32, shape ...int) {
		tensor, err := tfgraph.NewTensor(values, shape...)
		feeds[name] = tensor
		errs = append(errs, err)
	}
	for i, in := range g.inputs {
		share := func(name tfgraph.Name, images []float32, shape graph.Shape) {
			size := in.batch * shape.H * shape.W * shape.C
			feed(name, images[i*size:(i+1)*size], in.batch, shape.H, shape.W, shape.C)
		}
		share(in.realA, real.A, g.opts.ShapeA)
		share(in.realB, real.B, g.opts.ShapeB)
		if fake.A != nil {
			share(in.fakeA, fake.A, g.FakeA)
			share(in.fakeB, fake.B, g.FakeB)
		}
		if g.opts.draws() {
			seed, err := tf.NewTensor([]int64{int64(g.opts.Seed), steps})
			feeds[in.seed] = seed
			errs = append(errs, err)
		}
	}
	rate, epsilon := AdamSettings(learningRate, g.opts.Beta1, g.opts.Beta2, steps+1)
	feed(g.rate, []float32{float32(rate)})
	feed(g.epsilon, []float32{float32(epsilon)})
	return feeds, errors.Join(errs...)
}

// joinFakes puts the replicas' translated images in order; they alternate between A and B.
func joinFakes(tensors []*tf.Tensor) (fake Images, err error) {
	for i, t := range tensors {
		values, err := tfgraph.Floats(nil, t)
		if err != nil {
			return Images{}, err
		}
		if i%2 == 0 {
			fake.A = append(fake.A, values...)
		} else {
			fake.B = append(fake.B, values...)
		}
	}
	return fake, nil
}

func scalars(tensors []*tf.Tensor) []float64 {
	values := make([]float64, len(tensors))
	for i, t := range tensors {
		values[i] = float64(t.Value().(float32))
	}
	return values
}

// averageDecay is the decay of the moving average after some steps. It starts low, so that the
// initial weights are soon forgotten.
func averageDecay(decay float64, steps int64) float64 {
	return math.Min(decay, float64(1+steps)/float64(10+steps))
}

// draws reports whether a step draws random numbers, and so needs a seed.
func (o Options) draws() bool { return o.Dropout || o.LambdaGP > 0 }
