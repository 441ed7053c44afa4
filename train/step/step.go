//go:build tensorflow

package step

import (
	"errors"
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
	"cyclegan/train/checkpoint"
)

// A Graph is the TensorFlow graph of training steps. It holds names only, so that nothing can refer
// to the graph as it was before it was edited.
type Graph struct {
	TensorFlow   *tf.Graph
	Networks     []*Network  // G_AB, G_BA, D_A and D_B
	FakeA, FakeB graph.Shape // of a translated image, which has the sides of its source

	opts                       Options
	inputs                     []inputs // of each replica
	rate, epsilon, averageRate tfgraph.Name
	generators, discriminators phase
	translated                 tfgraph.Part
}

// A phase is one half of a step: the generators' or the discriminators'.
type phase struct {
	name         string
	before, part tfgraph.Part // before copies to the replicas after the first
}

// A Network is one of the four networks with the variables that training keeps of it.
type Network struct {
	Name           string
	Net            *graph.Network
	Weights        *tfgraph.Variables
	Moment, Square *tfgraph.Variables // Adam's first and second moments
	Average        *tfgraph.Variables // moving average of the weights; nil if none is kept
}

// NewNetwork adds the variables of a network to the graph.
func NewNetwork(s *op.Scope, name string, net *graph.Network, average bool) *Network {
	n := &Network{
		Name:    name,
		Net:     net,
		Weights: tfgraph.NewVariables(s, name, net, nil),
		Moment:  tfgraph.NewVariables(s, name+"_adam_m", net, graph.Param.Trainable),
		Square:  tfgraph.NewVariables(s, name+"_adam_v", net, graph.Param.Trainable),
	}
	if average {
		n.Average = tfgraph.NewVariables(s, name+"_ema", net, graph.Param.Trainable)
	}
	return n
}

// Variables returns the variables by the prefix of their names in a checkpoint.
func (n *Network) Variables() map[string]*tfgraph.Variables {
	all := map[string]*tfgraph.Variables{
		n.Name:                     n.Weights,
		n.Name + checkpoint.Moment: n.Moment,
		n.Name + checkpoint.Square: n.Square,
	}
	if n.Average != nil {
		all[n.Name+checkpoint.Average] = n.Average
	}
	return all
}

// A builder holds the operations of a graph under construction. They belong to the graph before it
// is edited; no reference to a builder outlives Build.
type builder struct {
	Options
	graph            *tf.Graph
	gAB, gBA, dA, dB *Network
	fakeA, fakeB     graph.Shape

	replicas                   []*replica
	rate, epsilon, averageRate tf.Output // scalars
	seeds                      int64     // drawn so far
}

// Build builds the graph.
func Build(o Options) (*Graph, error) {
	b := &builder{
		Options: o, graph: tf.NewGraph(),
		fakeA: graph.Shape{H: o.ShapeB.H, W: o.ShapeB.W, C: o.ShapeA.C},
		fakeB: graph.Shape{H: o.ShapeA.H, W: o.ShapeA.W, C: o.ShapeB.C},
	}
	s := op.NewScopeWithGraph(b.graph)
	if err := b.addNetworks(s); err != nil {
		return nil, err
	}
	if err := b.checkShapes(); err != nil {
		return nil, err
	}
	for i := range o.Replicas {
		b.replicas = append(b.replicas, b.newReplica(s.SubScope(replicaScope), i, o.BatchSize/o.Replicas))
	}
	scalar := func(name string) tf.Output {
		return op.Placeholder(s.SubScope(name), tf.Float, op.PlaceholderShape(tf.ScalarShape()))
	}
	b.rate, b.epsilon, b.averageRate = scalar("rate"), scalar("epsilon"), scalar("average_rate")

	generators, fakes := b.addHalfStep(s, "generators", (*share).generatorLosses, b.gAB, b.gBA)
	discriminators, _ := b.addHalfStep(s, "discriminators", (*share).discriminatorLosses, b.dA, b.dB)
	beforeGenerators, beforeDiscriminators := b.copySteps()
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("build the training graph: %w", err)
	}

	g := &Graph{
		Networks: b.networks(), FakeA: b.fakeA, FakeB: b.fakeB, opts: o,
		rate: tfgraph.NameOf(b.rate), epsilon: tfgraph.NameOf(b.epsilon), averageRate: tfgraph.NameOf(b.averageRate),
		generators:     phase{"generators", beforeGenerators, generators},
		discriminators: phase{"discriminators", beforeDiscriminators, discriminators},
		translated:     tfgraph.NewPart(fakes),
	}
	for _, r := range b.replicas {
		g.inputs = append(g.inputs, r.names())
	}
	var err error
	g.TensorFlow, err = tfgraph.Edit(b.graph, tfgraph.UseFastMatMul, tfgraph.UseActivations, tfgraph.Recompute, o.place)
	return g, err
}

func (b *builder) networks() []*Network { return []*Network{b.gAB, b.gBA, b.dA, b.dB} }

func (b *builder) addNetworks(s *op.Scope) error {
	gAB, errGAB := graph.NewGenerator(b.GeneratorAB)
	gBA, errGBA := graph.NewGenerator(b.GeneratorBA)
	dA, errDA := graph.NewDiscriminator(b.DiscriminatorA)
	dB, errDB := graph.NewDiscriminator(b.DiscriminatorB)
	if err := errors.Join(errGAB, errGBA, errDA, errDB); err != nil {
		return err
	}
	b.gAB = NewNetwork(s, checkpoint.GAB, gAB, b.Averages)
	b.gBA = NewNetwork(s, checkpoint.GBA, gBA, b.Averages)
	b.dA = NewNetwork(s, checkpoint.DA, dA, false)
	b.dB = NewNetwork(s, checkpoint.DB, dB, false)
	return nil
}

// checkShapes reports networks that do not accept the images. TensorFlow's own messages would be
// harder to understand.
func (b *builder) checkShapes() error {
	for _, c := range []struct {
		n        *Network
		in, want graph.Shape
	}{{b.gAB, b.ShapeA, b.fakeB}, {b.gBA, b.ShapeB, b.fakeA}} {
		out, err := c.n.Net.OutputShape(c.in.H, c.in.W)
		if err == nil && out != c.want {
			err = fmt.Errorf("the result would be an image of %v", out)
		}
		if err != nil {
			return fmt.Errorf("%s cannot translate an image of %v: %w. Fix: use sides that are multiples of %d (see -crop_size)", c.n.Name, c.in, err, c.n.Net.SizeMultiple())
		}
	}
	for _, c := range []struct {
		n  *Network
		in graph.Shape
	}{{b.dA, b.ShapeA}, {b.dA, b.fakeA}, {b.dB, b.ShapeB}, {b.dB, b.fakeB}} {
		if _, err := c.n.Net.OutputShape(c.in.H, c.in.W); err != nil {
			fix := "use a larger -crop_size or a shallower -netD"
			if c.n.Net.Name == graph.Projected {
				fix = fmt.Sprintf("use sides that are multiples of %d (see -crop_size)", c.n.Net.SizeMultiple())
			}
			return fmt.Errorf("%s cannot classify an image of %v: %w. Fix: %s", c.n.Name, c.in, err, fix)
		}
	}
	if b.LambdaGP > 0 && (b.ShapeA != b.fakeA || b.ShapeB != b.fakeB) {
		return fmt.Errorf("-lambda_gp mixes real and translated images, but in A they are %v and %v, in B %v and %v. Fix: use a -preprocess that crops, or -lambda_gp 0",
			b.ShapeA, b.fakeA, b.ShapeB, b.fakeB)
	}
	return nil
}
