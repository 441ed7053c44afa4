//go:build tensorflow

package train

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

// rewritten lets TensorFlow rewrite the graphs of a test as in a real run.
func rewritten(t *testing.T) {
	tfgraph.Plain = false
	t.Cleanup(func() { tfgraph.Plain = true })
}
