//go:build tensorflow

package tfgraph

import (
	"bytes"
	"fmt"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"
	graphs "github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	nodes "github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"
)

// Edit returns a copy of a graph to which the edits were applied in order. It is the only way to
// change the operations of gradients, which TensorFlow adds by itself. Nothing of the old graph may
// be used with the copy, except by name.
func Edit(g *tf.Graph, edits ...func(*graphs.GraphDef)) (*tf.Graph, error) {
	var text bytes.Buffer
	def := &graphs.GraphDef{}
	_, err := g.WriteTo(&text)
	if err == nil {
		err = proto.Unmarshal(text.Bytes(), def)
	}
	if err != nil {
		return nil, fmt.Errorf("edit graph: %w", err)
	}
	for _, edit := range edits {
		edit(def)
	}
	copied := tf.NewGraph()
	edited, err := proto.Marshal(def)
	if err == nil {
		err = copied.Import(edited, "")
	}
	if err != nil {
		return nil, fmt.Errorf("edit graph: %w", err)
	}
	return copied, nil
}

// UseFastMatMul is an edit. Gradients multiply matrices with BatchMatMulV3, which Eigen computes on
// a CPU. The same product as BatchMatMulV2 is computed by oneDNN in less than half the time.
func UseFastMatMul(def *graphs.GraphDef) {
	for _, n := range def.Node {
		kind := n.Attr["Ta"]
		if n.Op != "BatchMatMulV3" || n.Attr["Tb"].GetType() != kind.GetType() || n.Attr["Tout"].GetType() != kind.GetType() {
			continue
		}
		n.Op = "BatchMatMulV2"
		n.Attr["T"] = kind
		delete(n.Attr, "Ta")
		delete(n.Attr, "Tb")
		delete(n.Attr, "Tout")
	}
}

// UseActivations is an edit. The gradient of a rectifier reads the rectifier's input, which keeps
// TensorFlow from fusing the rectifier with the convolution and bias before it, and makes its
// rewriter give up on the whole graph for a LeakyRelu. The rectifier's output serves as well: the
// gradient depends only on which of its two or three pieces a value is in. Rectifiers of a norm
// stay as they are, because a fused norm rounds differently for each size of batch.
func UseActivations(def *graphs.GraphDef) {
	type activation struct{ op, input string }
	biased, outputs := map[string]bool{}, map[activation]string{}
	for _, n := range def.Node {
		switch n.Op {
		case "BiasAdd":
			biased[n.Name] = true
		case "Relu", "Relu6", "LeakyRelu":
			outputs[activation{n.Op + "Grad", n.Input[0]}] = n.Name
		}
	}
	for _, n := range def.Node {
		if len(n.Input) < 2 || !biased[n.Input[1]] || n.Op == "LeakyReluGrad" && n.Attr["alpha"].GetF() <= 0 {
			continue
		}
		if output, ok := outputs[activation{n.Op, n.Input[1]}]; ok {
			n.Input[1] = output
		}
	}
}

// Recompute is an edit that trades time for memory. The Winograd form of an activation is 2.25
// times as large as the activation and cheap to compute. The gradient of the filters computes it a
// second time, after the gradient of the result, so that it need not be kept until then (Chen et
// al. 2016, "Training Deep Nets with Sublinear Memory Cost", https://arxiv.org/abs/1604.06174).
func Recompute(def *graphs.GraphDef) {
	r := &recomputation{def, map[string]*nodes.NodeDef{}, map[[2]string]string{}, map[string]int{}}
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
				n.Input[i] = r.copyOf(input, nodeOf(n.Input[1-i]))
			}
		}
	}
}

// RecomputeScope is prefixed to the names of the nodes that Recompute copies.
const RecomputeScope = "again/"

// gradientsScope is part of the names of all operations that op.Gradients adds.
const gradientsScope = "/Gradients/"

// recomputation copies nodes of a graph.
type recomputation struct {
	def     *graphs.GraphDef
	forward map[string]*nodes.NodeDef // nodes that may be computed again
	copies  map[[2]string]string      // copies, by the node and the node they wait for
	copied  map[string]int            // copies of each node
}

// copyOf returns an output of a copy of its node. The node's inputs are copied too where they may
// be computed again, and the copies run after the node after.
func (r *recomputation) copyOf(output, after string) string {
	name := nodeOf(output)
	key := [2]string{name, after}
	copied, ok := r.copies[key]
	if !ok {
		copied = RecomputeScope + name + strings.Repeat("_", r.copied[name])
		r.copied[name]++
		n := proto.Clone(r.forward[name]).(*nodes.NodeDef)
		n.Name = copied
		r.copies[key] = copied
		first := true
		for i, input := range n.Input {
			if _, ok := r.forward[nodeOf(input)]; ok {
				n.Input[i] = r.copyOf(input, after)
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

// nodeOf returns the node of an input such as "a/b:1" or "^a/b".
func nodeOf(input string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(input, "^"), ":")
	return name
}
