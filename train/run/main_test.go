//go:build tensorflow

package run

import (
	"os"
	"testing"

	"cyclegan/graph/tfgraph"
)

// TestMain keeps TensorFlow from rewriting graphs, which takes most of the time of short runs.
func TestMain(m *testing.M) {
	tfgraph.Plain = true
	os.Exit(m.Run())
}
