//go:build !tensorflow

package main

import (
	"os"

	"cyclegan/cmd/internal/cli"
)

const withTensorFlow = false

// train becomes the program that is built with TensorFlow. It does not return.
func (c *config) train(_, _ *os.File) int {
	cli.Start("./cmd/train")
	return cli.Failed
}
