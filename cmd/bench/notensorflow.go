//go:build !tensorflow

package main

import (
	"context"
	"errors"

	"cyclegan/cmd/internal/cli"
)

// serveWithTensorFlow makes this process the program that is built with
// TensorFlow, and has the same command line.
func serveWithTensorFlow() int {
	cli.Start("./cmd/bench")
	return cli.Failed // Start doesn't return
}

func newTensorFlowWorker(context.Context, spec) (*worker, error) {
	return nil, errors.New("this needs the program that is built with TensorFlow")
}
