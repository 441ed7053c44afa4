// Package pyramidtest reads the fixtures of graph/testdata/pyramid.py for the tests of the packages
// that compute a pyramid. Its central type is [Output]. Activations are [n, c, h, w], as in
// PyTorch.
package pyramidtest

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"cyclegan/graph"
	"cyclegan/graph/pytorch"
)

// Load returns the network for images of a training size, with the weights in
// pyramid_NAME.safetensors. Tests run in folders next to graph/testdata.
func Load(t *testing.T, channels, size int, name string) (*graph.Network, graph.Weights) {
	t.Helper()
	s, err := pytorch.ReadFile(fmt.Sprintf("../testdata/pyramid_%s.safetensors", name))
	if err != nil {
		t.Fatal(err)
	}
	n, w, err := pytorch.Generator(s, graph.GeneratorOptions{
		Architecture: graph.Pyramid, In: channels, Out: channels, Filters: 8, Size: size, Norm: graph.NormNone, Upsampling: graph.UpTranspose,
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, w
}

// Picture returns the script's picture().
func Picture(n, c, h, w int) []float32 {
	var values []float32
	for b := range n {
		for k := range c {
			for i := range h {
				for j := range w {
					b, y, x, k := float64(b), float64(i), float64(j), float64(k)
					smooth := 0.3 * math.Sin(0.07*y+k+b) * math.Cos(0.05*x-k)
					fine := 0.15 * math.Sin(2.1*y*(k+1)+0.3*x*x) * math.Cos(1.7*x+b)
					values = append(values, float32(smooth+fine))
				}
			}
		}
	}
	return values
}

// An Output is what PyTorch returns for a [Picture] of the given shape: every Every-th value.
type Output struct {
	Size   int // of training
	Shape  [4]int
	Every  int
	Values []float64
}

// Outputs returns the outputs of the script.
func Outputs(t *testing.T) (outputs []Output) {
	t.Helper()
	text, err := os.ReadFile("../testdata/pyramid_outputs.json")
	if err == nil {
		err = json.Unmarshal(text, &outputs)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(outputs) == 0 {
		t.Fatal("the script wrote no outputs")
	}
	return outputs
}

// Network returns the network that computed the output.
func (o Output) Network(t *testing.T) (*graph.Network, graph.Weights) {
	t.Helper()
	return Load(t, o.Shape[1], o.Size, fmt.Sprint(o.Size))
}

// Input returns the picture.
func (o Output) Input() []float32 { return Picture(o.Shape[0], o.Shape[1], o.Shape[2], o.Shape[3]) }

// Difference returns the largest difference of a result from PyTorch's, NaN if a value is.
func (o Output) Difference(result []float32) float64 {
	worst := 0.0
	for i, want := range o.Values {
		worst = math.Max(worst, math.Abs(want-float64(result[i*o.Every])))
	}
	return worst
}
