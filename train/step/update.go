//go:build tensorflow

package step

import (
	"math"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph/tfgraph"
)

// Adam's settings that are not options, as in the official implementation.
const (
	adamBeta2   = 0.999
	adamEpsilon = 1e-8
)

// A share is what one replica contributes to a step.
type share struct {
	scope  *op.Scope
	losses []tf.Output // their sum is minimized
	passes []Pass
	values func(*Network) map[string]tf.Output // the weights that were used
}

// A Pass is one application of a network in training, recorded for the running
// statistics of BatchNorm.
type Pass struct {
	Network *Network
	Stats   []tfgraph.BatchStatistic
}

// update adds the step of some networks: it returns the losses and what updates
// weights and running statistics. All are means over the replicas, whose shares
// have the same size.
func (b *builder) update(s *op.Scope, shares []share, networks ...*Network) (losses []tf.Output, updates []*tf.Operation) {
	for term := range shares[0].losses {
		losses = append(losses, meanOf(s, len(shares), func(i int) tf.Output { return shares[i].losses[term] }))
	}
	updates = b.updateWeights(s.SubScope("adam"), shares, networks)
	passes := make([][]Pass, len(shares))
	for i, c := range shares {
		passes[i] = c.passes
	}
	return losses, append(updates, UpdateStatistics(s, b.graph, passes)...)
}

func (b *builder) updateWeights(s *op.Scope, shares []share, networks []*Network) []*tf.Operation {
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
	adam := NewAdam(s, b.graph, b.rate, b.epsilon, b.Beta1)
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

// Adam adds Adam's updates (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980).
// TensorFlow's operation would correct the moments' bias from powers of beta.
// These are 0 here, and the rate and epsilon contain the correction, which is
// PyTorch's algorithm (see AdamSettings).
type Adam struct {
	scope                             *op.Scope
	graph                             *tf.Graph
	zero, rate, beta1, beta2, epsilon tf.Output
}

// NewAdam returns an Adam with the scalars rate and epsilon of AdamSettings.
func NewAdam(s *op.Scope, g *tf.Graph, rate, epsilon tf.Output, beta1 float64) *Adam {
	constant := func(name string, v float64) tf.Output { return op.Const(s.SubScope(name), float32(v)) }
	return &Adam{s, g, constant("none", 0), rate, constant("beta1", beta1), constant("beta2", adamBeta2), epsilon}
}

// Update adds the step of one parameter.
func (a *Adam) Update(n *Network, name string, gradient tf.Output) *tf.Operation {
	return op.ResourceApplyAdam(a.scope.SubScope("step"),
		n.Weights.Handle(a.graph, name), n.Moment.Handle(a.graph, name), n.Square.Handle(a.graph, name),
		a.zero, a.zero, a.rate, a.beta1, a.beta2, a.epsilon, gradient)
}

// AdamSettings converts PyTorch's Adam at its n-th step to the rate and epsilon
// of TensorFlow's operation without bias correction:
//
//	PyTorch:     lr / (1 - b1^n) * m / (sqrt(v / (1 - b2^n)) + eps)
//	TensorFlow:  rate * m / (sqrt(v) + epsilon)
//
// It uses the betas as the float32 operation has them.
func AdamSettings(learningRate, beta1 float64, n int64) (rate, epsilon float64) {
	b1, b2 := float64(float32(beta1)), float64(float32(adamBeta2))
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

// UpdateStatistics adds the updates of BatchNorm's running means and variances
// by each pass, in the order of the passes, which are given for each replica.
func UpdateStatistics(s *op.Scope, g *tf.Graph, passes [][]Pass) []*tf.Operation {
	type statistic struct {
		network *Network
		name    string
	}
	latest := map[statistic]tf.Output{}
	var order []statistic
	for i, p := range passes[0] {
		for j, seen := range p.Stats {
			inReplica := func(r int) tfgraph.BatchStatistic { return passes[r][i].Stats[j] }
			for _, part := range []struct {
				name string
				seen func(replica int) tf.Output
			}{
				{seen.Layer.Name + ".mean", func(r int) tf.Output { return inReplica(r).Mean }},
				{seen.Layer.Name + ".variance", func(r int) tf.Output { return inReplica(r).Variance }},
			} {
				key := statistic{p.Network, part.name}
				if _, ok := latest[key]; !ok {
					latest[key] = p.Network.Weights.Values(g)[part.name]
					order = append(order, key)
				}
				s := s.SubScope("statistic")
				gap := op.Sub(s, meanOf(s, len(passes), part.seen), latest[key])
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

// totalOf is the sum of what n replicas computed.
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
