//go:build tensorflow

package step

import (
	"fmt"
	"strconv"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"
	graphs "github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
)

// A replica is what one device computes of a step: the networks on its share of the batch, and the
// gradients of its losses.
type replica struct {
	*builder
	root  *op.Scope
	batch int // images of each domain in its share

	realA, realB *input // images [batch, H, W, C]
	fakeA, fakeB *input // images from the pool
	seed         *input // int64 [2], for dropout and mixtures; fed if the step draws
	// copies are the weights on this replica's device; nil for the first replica, which uses the
	// variables themselves.
	copies map[*Network]*tfgraph.Variables
}

// replicaScope starts the names of all operations of a replica. The second replica's have "_1"
// after it, and so on.
const replicaScope = "replica"

// newReplica adds a replica. Weights and fed values reach the first replica directly; the others
// have variables for them.
func (b *builder) newReplica(s *op.Scope, number, batch int) *replica {
	r := &replica{builder: b, root: s, batch: batch}
	if number > 0 {
		r.copies = map[*Network]*tfgraph.Variables{}
		for _, n := range b.networks() {
			r.copies[n] = tfgraph.NewVariables(s, fmt.Sprintf("%s_copy_%d", n.Name, number), n.Net, nil)
		}
	}
	image := func(name string, shape graph.Shape) *input {
		return newInput(s, name, number, tf.Float, tf.MakeShape(int64(batch), int64(shape.H), int64(shape.W), int64(shape.C)))
	}
	r.realA, r.realB = image("real_A", b.ShapeA), image("real_B", b.ShapeB)
	r.fakeA, r.fakeB = image("fake_A", b.fakeA), image("fake_B", b.fakeB)
	r.seed = newInput(s, "seed", number, tf.Int64, tf.MakeShape(2))
	return r
}

// An input is a value that is fed to a replica.
type input struct {
	feed  tf.Output     // a placeholder
	value tf.Output     // the same value on the replica's device
	store *tf.Operation // copies it there in an earlier run; nil for the first replica
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

// copySteps adds what copies weights, images and seeds to the replicas after the first, before the
// generators' step and before the discriminators'. It takes runs of their own, because TensorFlow
// sends fed values through the first device, which during a step is too busy with its own share.
func (b *builder) copySteps() (beforeGenerators, beforeDiscriminators tfgraph.Part) {
	var first, second []*tf.Operation
	for _, r := range b.replicas[1:] {
		first = append(first, r.copyWeights(b.networks()...)...)
		first = append(first, r.realA.store, r.realB.store)
		if b.draws() {
			first = append(first, r.seed.store)
		}
		if b.DiscriminatorsFirst {
			second = append(second, r.copyWeights(b.dA, b.dB)...) // changed by the first half
		} else {
			second = append(second, r.fakeA.store, r.fakeB.store)
		}
		if r.root.Err() != nil {
			return tfgraph.Part{}, tfgraph.Part{}
		}
	}
	if b.DiscriminatorsFirst {
		first, second = second, first
	}
	return tfgraph.NewPart(nil, first...), tfgraph.NewPart(nil, second...)
}

func (r *replica) copyWeights(networks ...*Network) (copies []*tf.Operation) {
	for _, n := range networks {
		s := r.root.SubScope("copy")
		values := n.Weights.Values(r.graph)
		for _, name := range r.copies[n].Names() {
			copies = append(copies, op.AssignVariableOp(s.SubScope(name), r.copies[n].Handle(r.graph, name), values[name]))
		}
	}
	return copies
}

// values are a network's weights on this replica's device.
func (r *replica) values(n *Network) map[string]tf.Output {
	if r.copies != nil {
		return r.copies[n].Values(r.graph)
	}
	return n.Weights.Values(r.graph)
}

// A share is what a replica contributes to one half of a step.
type share struct {
	*replica
	scope  *op.Scope
	losses []tf.Output // their sum is minimized
	fakes  []tf.Output // images for the pools
	passes []Pass
}

// A Pass is one application of a network in training, recorded for the running statistics of
// BatchNorm.
type Pass struct {
	Network *Network
	Stats   []tfgraph.BatchStatistic
}

// apply runs images through a network in training mode and records the pass.
func (h *share) apply(s *op.Scope, n *Network, x tf.Output) tf.Output {
	var seed tf.Output
	if h.Dropout {
		seed = h.nextSeed(s)
	}
	y, stats := tfgraph.Apply(s.SubScope(n.Name), n.Net, h.values(n), x, tfgraph.Mode{Training: true, Seed: seed, Winograd: h.Winograd})
	h.passes = append(h.passes, Pass{n, stats})
	return y
}

// applyBatched is apply for several inputs, concatenated where that changes nothing.
func (h *share) applyBatched(s *op.Scope, n *Network, inputs ...tf.Output) []tf.Output {
	if !canBatch(n, inputs...) {
		results := make([]tf.Output, len(inputs))
		for i, x := range inputs {
			results[i] = h.apply(s, n, x)
		}
		return results
	}
	s = s.SubScope("batched")
	axis := op.Const(s.SubScope("axis"), int32(0))
	y := h.apply(s, n, op.ConcatV2(s, inputs, axis)) // [k*N, H, W, C]
	return op.Split(s, axis, y, int64(len(inputs)))
}

// canBatch reports whether inputs can pass through a network in one batch: they have one shape, and
// no BatchNorm would mix them.
func canBatch(n *Network, inputs ...tf.Output) bool {
	ok := true
	n.Net.Walk(func(l graph.Layer) {
		_, mixes := l.(graph.BatchNorm)
		ok = ok && !mixes
	})
	for _, x := range inputs {
		ok = ok && x.Shape().String() == inputs[0].Shape().String()
	}
	return ok
}

// nextSeed returns another seed at each call. Dropout counts its layers upward from it and does not
// use the seed itself.
func (r *replica) nextSeed(s *op.Scope) tf.Output {
	r.seeds++
	s = s.SubScope("pass_seed")
	return op.AddV2(s, r.seed.value, op.Const(s.SubScope("pass"), []int64{r.seeds << 32, 0}))
}

// place is an edit that puts every operation on a device: a replica's with the replica, and the
// shared weights and their updates with the first. Only an edit can place the operations of
// gradients, because op.Gradients refuses a scope with a device.
func (o Options) place(def *graphs.GraphDef) {
	if o.Place == nil || o.Place(0) == "" {
		return
	}
	for _, n := range def.Node {
		n.Device = o.Place(ReplicaOf(n.Name))
	}
}

// ReplicaOf returns the number of the replica that a node belongs to, 0 for other nodes.
func ReplicaOf(node string) int {
	first, _, _ := strings.Cut(strings.TrimPrefix(node, tfgraph.RecomputeScope), "/")
	replica, err := strconv.Atoi(strings.TrimPrefix(first, replicaScope+"_"))
	if err != nil {
		return 0
	}
	return replica
}
