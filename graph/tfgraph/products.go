//go:build tensorflow

package tfgraph

import (
	graphs "github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
)

// FasterProducts is an edit for Rebuild. The products of matrices that
// gradients are made of come as BatchMatMulV3, which Eigen computes on a CPU;
// the same as BatchMatMulV2 go to oneDNN, in less than half the time.
func FasterProducts(def *graphs.GraphDef) {
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
