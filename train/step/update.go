//go:build tensorflow

package step

import (
	"math"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph/tfgraph"
)

// adamEpsilon is PyTorch's default, which the official implementation uses.
const adamEpsilon = 1e-8

// addHalfStep adds one half of a step: each replica's losses, and the updates of the networks that
// minimize their sum. It fetches the losses and, if the discriminators come second, the images for
// the pools. Losses and updates are means over the replicas, whose shares have the same size.
func (b *builder) addHalfStep(s *op.Scope, name string, addLosses func(*share), networks ...*Network) (step tfgraph.Part, fakes []tf.Output) {
	s = s.SubScope(name)
	shares := make([]*share, len(b.replicas))
	passes := make([][]Pass, len(b.replicas))
	for i, r := range b.replicas {
		shares[i] = &share{replica: r, scope: r.root.SubScope(name)}
		addLosses(shares[i])
		passes[i] = shares[i].passes
		fakes = append(fakes, shares[i].fakes...)
	}
	var fetches []tf.Output
	for term := range shares[0].losses {
		fetches = append(fetches, meanOf(s, len(shares), func(i int) tf.Output { return shares[i].losses[term] }))
	}
	updates := b.updateWeights(s.SubScope("adam"), shares, networks)
	updates = append(updates, UpdateStatistics(s, b.graph, passes)...)
	if !b.DiscriminatorsFirst {
		fetches = append(fetches, fakes...)
	}
	if s.Err() != nil {
		return tfgraph.Part{}, nil
	}
	return tfgraph.NewPart(fetches, updates...), fakes
}

func (b *builder) updateWeights(s *op.Scope, shares []*share, networks []*Network) []*tf.Operation {
	gradients := make([][]tf.Output, len(shares))
	for i, c := range shares {
		// Each replica's part of the mean over the batch; the gradients add up.
		loss := weighted(c.scope, op.AddN(c.scope.SubScope("total"), c.losses), 1/float64(len(shares)))
		var values []tf.Output
		for _, n := range networks {
			used := c.values(n)
			for _, name := range n.Moment.Names() {
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
	adam := NewAdam(s, b.graph, b.rate, b.epsilon, b.Beta1, b.Beta2)
	var updates []*tf.Operation
	i := 0
	for _, n := range networks {
		for _, name := range n.Moment.Names() {
			step := adam.Update(n, name, totalOf(s, len(shares), func(replica int) tf.Output { return gradients[replica][i] }))
			i++
			updates = append(updates, step)
			if n.Average != nil {
				updates = append(updates, b.updateAverage(s, n, name, step))
			}
		}
	}
	return updates
}

// Adam adds Adam's updates (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980). TensorFlow's
// operation would correct the moments' bias from powers of beta. These are 0 here, and the rate and
// epsilon contain the correction, which is PyTorch's algorithm (see AdamSettings).
type Adam struct {
	scope                             *op.Scope
	graph                             *tf.Graph
	zero, rate, beta1, beta2, epsilon tf.Output
}

// NewAdam returns an Adam with the scalars rate and epsilon of AdamSettings.
func NewAdam(s *op.Scope, g *tf.Graph, rate, epsilon tf.Output, beta1, beta2 float64) *Adam {
	constant := func(name string, v float64) tf.Output { return op.Const(s.SubScope(name), float32(v)) }
	return &Adam{s, g, constant("none", 0), rate, constant("beta1", beta1), constant("beta2", beta2), epsilon}
}

// Update adds the step of one parameter.
func (a *Adam) Update(n *Network, name string, gradient tf.Output) *tf.Operation {
	return op.ResourceApplyAdam(a.scope.SubScope("step"),
		n.Weights.Handle(a.graph, name), n.Moment.Handle(a.graph, name), n.Square.Handle(a.graph, name),
		a.zero, a.zero, a.rate, a.beta1, a.beta2, a.epsilon, gradient)
}

// AdamSettings converts PyTorch's Adam at its n-th step to the rate and epsilon of TensorFlow's
// operation without bias correction:
//
//	PyTorch:     lr / (1 - b1^n) * m / (sqrt(v / (1 - b2^n)) + eps)
//	TensorFlow:  rate * m / (sqrt(v) + epsilon)
//
// It uses the betas as the float32 operation has them.
func AdamSettings(learningRate, beta1, beta2 float64, n int64) (rate, epsilon float64) {
	b1, b2 := float64(float32(beta1)), float64(float32(beta2))
	root := math.Sqrt(1 - math.Pow(b2, float64(n)))
	return learningRate * root / (1 - math.Pow(b1, float64(n))), adamEpsilon * root
}

// updateAverage moves a parameter's average towards its value after Adam's step.
func (b *builder) updateAverage(s *op.Scope, n *Network, name string, step *tf.Operation) *tf.Operation {
	s = s.SubScope("average").WithControlDependencies(step)
	now := op.ReadVariableOp(s, n.Weights.Handle(b.graph, name), tf.Float)
	gap := op.Sub(s, n.Average.Values(b.graph)[name], now)
	return op.AssignSubVariableOp(s, n.Average.Handle(b.graph, name), op.Mul(s, gap, b.averageRate))
}

// UpdateStatistics adds the updates of BatchNorm's running means and variances by each pass, in the
// order of the passes, which are given for each replica.
func UpdateStatistics(s *op.Scope, g *tf.Graph, passes [][]Pass) []*tf.Operation {
	type statistic struct {
		network *Network
		name    string
	}
	latest := map[statistic]tf.Output{}
	var order []statistic
	for i, p := range passes[0] {
		for j, seen := range p.Stats {
			for k, suffix := range []string{".mean", ".variance"} {
				key := statistic{p.Network, seen.Layer.Name + suffix}
				if _, ok := latest[key]; !ok {
					latest[key] = p.Network.Weights.Values(g)[key.name]
					order = append(order, key)
				}
				s := s.SubScope("statistic")
				batch := meanOf(s, len(passes), func(replica int) tf.Output {
					stat := passes[replica][i].Stats[j]
					return []tf.Output{stat.Mean, stat.Variance}[k]
				})
				gap := op.Sub(s, batch, latest[key])
				latest[key] = op.AddV2(s, latest[key], op.Mul(s, gap, op.Const(s.SubScope("momentum"), seen.Layer.Momentum)))
			}
		}
	}
	var updates []*tf.Operation
	for _, key := range order {
		updates = append(updates, op.AssignVariableOp(s.SubScope("statistic"), key.network.Weights.Handle(g, key.name), latest[key]))
	}
	return updates
}

func totalOf(s *op.Scope, n int, of func(replica int) tf.Output) tf.Output {
	if n == 1 {
		return of(0)
	}
	all := make([]tf.Output, n)
	for i := range all {
		all[i] = of(i)
	}
	return op.AddN(s.SubScope("sum"), all)
}

// meanOf is the mean of what n replicas computed.
func meanOf(s *op.Scope, n int, of func(replica int) tf.Output) tf.Output {
	if n == 1 {
		return of(0)
	}
	return weighted(s.SubScope("mean"), totalOf(s, n, of), 1/float64(n))
}
