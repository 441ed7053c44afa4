//go:build tensorflow

package train

import (
	"os"
	"testing"

	"cyclegan/graph/tfgraph"
)

// TestMain keeps TensorFlow from rewriting graphs, which takes most of the time of short runs.
func TestMain(m *testing.M) {
	os.Setenv(tfgraph.EnvPlain, "1")
	os.Exit(m.Run())
}

// rewritten lets TensorFlow rewrite the graphs of a test as in a real run.
func rewritten(t *testing.T) { t.Setenv(tfgraph.EnvPlain, "") }
