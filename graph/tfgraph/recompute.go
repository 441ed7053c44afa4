//go:build tensorflow

package tfgraph

import (
	"strings"

	graphs "github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	nodes "github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"
)

// Recompute is an edit for Rebuild. What Winograd's form multiplies is 2.25
// times as large as the activation that it is made of, and quickly made: it is
// made again for the gradient of the filters, once the gradient of the result
// is there, in the place of being kept for it (Chen et al. 2016, "Training Deep
// Nets with Sublinear Memory Cost", https://arxiv.org/abs/1604.06174).
func Recompute(def *graphs.GraphDef) {
	r := &recomputation{def: def, forward: map[string]*nodes.NodeDef{}, again: map[[2]string]string{}}
	for _, n := range def.Node {
		if strings.Contains(n.Name, "/"+winogradInputScope) && !strings.Contains(n.Name, gradientsScope) && n.Op != "Const" {
			r.forward[n.Name] = n
		}
	}
	for _, n := range def.Node {
		if n.Op != "BatchMatMulV2" || len(n.Input) != 2 || !strings.Contains(n.Name, gradientsScope) {
			continue
		}
		for i, input := range n.Input {
			if _, ok := r.forward[nodeOf(input)]; ok {
				n.Input[i] = r.remake(input, nodeOf(n.Input[1-i]))
			}
		}
	}
}

// AgainScope begins the name of what Recompute copies, before its own name.
const AgainScope = "again/"

// gradientsScope is in the names of all the ops that op.Gradients adds.
const gradientsScope = "/Gradients/"

// recomputation copies nodes of a graph.
type recomputation struct {
	def     *graphs.GraphDef
	forward map[string]*nodes.NodeDef // what may be made again
	again   map[[2]string]string      // copies, by the node and what they wait for
}

// remake gives an output of a copy of its node, and of all before it that may
// be made again, which are not made before the node after.
func (r *recomputation) remake(output, after string) string {
	name := nodeOf(output)
	key := [2]string{name, after}
	copied, ok := r.again[key]
	if !ok {
		copied = AgainScope + name
		for r.taken(copied) {
			copied += "_"
		}
		n := proto.Clone(r.forward[name]).(*nodes.NodeDef)
		n.Name = copied
		r.again[key] = copied
		first := true
		for i, input := range n.Input {
			if _, ok := r.forward[nodeOf(input)]; ok {
				n.Input[i] = r.remake(input, after)
				first = false
			}
		}
		if first {
			n.Input = append(n.Input, "^"+after)
		}
		r.def.Node = append(r.def.Node, n)
	}
	return copied + strings.TrimPrefix(output, name)
}

func (r *recomputation) taken(name string) bool {
	for _, copied := range r.again {
		if copied == name {
			return true
		}
	}
	return false
}

// nodeOf is the node of an input such as "a/b:1" or "^a/b".
func nodeOf(input string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(input, "^"), ":")
	return name
}
