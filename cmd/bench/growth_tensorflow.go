//go:build tensorflow

package main

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"github.com/wamuir/graft/tensorflow/op"
	"google.golang.org/protobuf/proto"

	"cyclegan/graph/tfgraph"
)

// newTensorFlowPeak has TensorFlow convolve.
func newTensorFlowPeak(s spec) (*worker, error) {
	n, weights, values, err := peakInput()
	if err != nil {
		return nil, err
	}
	g := tf.NewGraph()
	scope := op.NewScopeWithGraph(g)
	vars := tfgraph.NewVariables(scope, "weights", n, nil)
	in := op.Placeholder(scope, tf.Float, op.PlaceholderShape(tf.MakeShape(1, peakSide, peakSide, peakChannels)))
	out, _ := tfgraph.Apply(scope, n, vars.Values(), in, tfgraph.Mode{})
	if err := scope.Err(); err != nil {
		return nil, fmt.Errorf("build the convolution: %w", err)
	}
	config, err := proto.Marshal(&pb.ConfigProto{
		IntraOpParallelismThreads: int32(s.Threads), InterOpParallelismThreads: int32(s.Threads), DeviceCount: map[string]int32{"GPU": 0},
	})
	if err != nil {
		return nil, err
	}
	session, err := tf.NewSession(g, &tf.SessionOptions{Config: config})
	if err != nil {
		return nil, fmt.Errorf("start TensorFlow: %w", err)
	}
	w := &worker{close: session.Close, ready: ready{Versions: tensorFlowVersions()}}
	if err := vars.Load(session, weights); err != nil {
		w.close()
		return nil, err
	}
	feed, err := tfgraph.NewTensor(values, 1, peakSide, peakSide, peakChannels)
	if err != nil {
		w.close()
		return nil, err
	}
	part := tfgraph.Part{Fetches: []tf.Output{out}}
	w.round = func() error {
		for range peakRepeats {
			if _, err := part.Run(session, map[tf.Output]*tf.Tensor{in: feed}); err != nil {
				return err
			}
		}
		return nil
	}
	return w, nil
}
