//go:build tensorflow

package train

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
)

// A replica is what one device computes of a step: the networks applied to its
// share of the batch, and the gradients of its losses.
type replica struct {
	*model
	scope *op.Scope
	batch int // pictures of each domain in its share

	realA, realB *input // pictures [batch, H, W, C]
	fakeA, fakeB *input // pictures out of the pool
	seed         *input // int64 [2], for dropout and mixtures; fed where drawing says so
	// The weights where this replica computes, by player; nil where they lie.
	copies map[*player]*tfgraph.Variables
	// What the generators' step translates: G_BA(real_B) and G_AB(real_A).
	translatedA, translatedB tf.Output
}

// replicaScope begins the names of all that a replica adds to the graph, but
// for its number, which the first has none of.
const replicaScope = "replica"

// newReplica makes the replica of that number. The weights and what is fed come
// to the first; others have variables for them.
func (m *model) newReplica(s *op.Scope, number, batch int) *replica {
	r := &replica{model: m, scope: s, batch: batch}
	if number > 0 {
		r.copies = map[*player]*tfgraph.Variables{}
		for _, p := range m.players() {
			r.copies[p] = tfgraph.NewVariables(s, fmt.Sprintf("%s_copy_%d", p.name, number), p.net, nil)
		}
	}
	picture := func(name string, shape graph.Shape) *input {
		return newInput(s, name, number, tf.Float, tf.MakeShape(int64(batch), int64(shape.H), int64(shape.W), int64(shape.C)))
	}
	r.realA, r.realB = picture("real_A", m.shapeA), picture("real_B", m.shapeB)
	r.fakeA, r.fakeB = picture("fake_A", m.shapeFakeA), picture("fake_B", m.shapeFakeB)
	r.seed = newInput(s, "seed", number, tf.Int64, tf.MakeShape(2))
	return r
}

// An input is what is fed to a replica.
type input struct {
	feed  tf.Output     // a placeholder
	value tf.Output     // the same as the replica sees it
	store *tf.Operation // brings it there, in a run before; nil for the first replica
}

func newInput(s *op.Scope, name string, number int, kind tf.DataType, shape tf.Shape) *input {
	s = s.SubScope(name)
	feed := op.Placeholder(s, kind, op.PlaceholderShape(shape))
	if number == 0 {
		return &input{feed: feed, value: feed}
	}
	handle := op.VarHandleOp(s, kind, shape, op.VarHandleOpSharedName(fmt.Sprintf("%s_%d", name, number)))
	return &input{feed: feed, value: op.ReadVariableOp(s, handle, kind), store: op.AssignVariableOp(s, handle, feed)}
}

// prepare adds what brings weights, pictures and seeds to the replicas that
// have variables for them: before the generators' step and the discriminators',
// whatever has changed. These are runs of their own, since TensorFlow brings all
// that is fed by way of the first device, which in a step would be too busy with
// its own share to send anything on.
func (m *model) prepare() {
	first, second := &m.forGenerators, &m.forDiscriminators
	if m.opts.StepOrder == DFirst {
		first, second = second, first
	}
	for _, r := range m.replicas[1:] {
		weights := func(into *tfgraph.Part, players ...*player) {
			for _, p := range players {
				s := r.scope.SubScope("copy")
				for _, name := range r.copies[p].Names() {
					into.Targets = append(into.Targets, op.AssignVariableOp(s.SubScope(name), r.copies[p].Handle(name), p.weights.Values()[name]))
				}
			}
		}
		weights(first, m.players()...)
		first.Targets = append(first.Targets, r.realA.store, r.realB.store)
		if m.drawing() {
			first.Targets = append(first.Targets, r.seed.store)
		}
		if m.opts.StepOrder == DFirst {
			weights(second, m.dA, m.dB) // which the first step has changed
		} else {
			second.Targets = append(second.Targets, r.fakeA.store, r.fakeB.store)
		}
	}
}

// values are a player's weights as this replica uses them.
func (r *replica) values(p *player) map[string]tf.Output {
	if r.copies != nil {
		return r.copies[p].Values()
	}
	return p.weights.Values()
}

// share is what a replica contributes to a step.
type share struct {
	scope  *op.Scope
	losses []tf.Output // the sum of which is minimised
	passes []pass
	values func(*player) map[string]tf.Output // the weights that were used
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
