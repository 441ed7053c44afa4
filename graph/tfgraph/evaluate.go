//go:build tensorflow

package tfgraph

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"github.com/wamuir/graft/tensorflow/op"
	"google.golang.org/protobuf/proto"

	"cyclegan/graph"
)

// Evaluate runs a network once as it is used after training, in float32 on the
// CPU: a GPU would round float32 products to fewer bits. Pictures are [n, H, W, C],
// shape is that of one of them; the result is [n, H', W', C'].
func Evaluate(net *graph.Network, w graph.Weights, pictures []float32, n int, shape graph.Shape) ([]float32, error) {
	if err := w.Check(net); err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	g := tf.NewGraph()
	s := op.NewScopeWithGraph(g)
	vars := NewVariables(s, "weights", net, nil)
	in := op.Placeholder(s, tf.Float, op.PlaceholderShape(tf.MakeShape(int64(n), int64(shape.H), int64(shape.W), int64(shape.C))))
	out, _ := Apply(s, net, vars.Values(), in, Mode{})
	// A network may come to nothing, and what is fed can't be fetched.
	out = op.Identity(s.SubScope("out"), out)
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", net.Name, err)
	}
	config, err := proto.Marshal(&pb.ConfigProto{
		DeviceCount:  map[string]int32{"GPU": 0},
		GraphOptions: &pb.GraphOptions{RewriteOptions: Rewrites(net)},
	})
	if err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", net.Name, err)
	}
	session, err := tf.NewSession(g, &tf.SessionOptions{Config: config})
	if err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", net.Name, err)
	}
	defer session.Close()
	if err := vars.Load(session, w); err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", net.Name, err)
	}
	feed, err := NewTensor(pictures, n, shape.H, shape.W, shape.C)
	if err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", net.Name, err)
	}
	fetched, err := session.Run(map[tf.Output]*tf.Tensor{in: feed}, []tf.Output{out}, nil)
	if err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", net.Name, err)
	}
	return Floats(nil, fetched[0])
}
