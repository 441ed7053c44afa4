//go:build tensorflow

package tfgraph

import (
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"

	"cyclegan/graph"
)

// Rewrites is how TensorFlow may rewrite a graph that holds these networks.
// Its remapper stumbles over the skip connections of a U-Net: it fails with an
// error on the screen and leaves the graph as it was.
func Rewrites(networks ...*graph.Network) *pb.RewriterConfig {
	rewrites := &pb.RewriterConfig{}
	for _, n := range networks {
		n.Walk(func(l graph.Layer) {
			if _, ok := l.(graph.Concat); ok {
				rewrites.Remapping = pb.RewriterConfig_OFF
			}
		})
	}
	return rewrites
}
