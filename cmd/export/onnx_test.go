//go:build tensorflow

package main

import "testing"

// From weights to files that package infer opens, by way of the self-check.
func TestONNXScripts(t *testing.T) { runScripts(t, "onnx") }
