package pytorch

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"cyclegan/graph"
	"cyclegan/third_party/native"
)

// efficientNetFixture is what testdata/efficientnet.py wrote with PyTorch.
type efficientNetFixture struct {
	Input    []int     // [n, c, h, w]
	Features []float64 // [n, 1280]
}

func readEfficientNetFixture(t *testing.T) (f efficientNetFixture, images []float32) {
	t.Helper()
	text, err := os.ReadFile("testdata/efficientnet.json")
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		t.Fatal(err)
	}
	n, c, h, w := f.Input[0], f.Input[1], f.Input[2], f.Input[3]
	coarse := noise(0, n*c*h*w/16)
	for i := range n * c * h * w {
		plane, y, x := i/(h*w), i/w%h, i%w
		images = append(images, coarse[(plane*h/4+y/4)*w/4+x/4])
	}
	return f, images
}

// readEfficientNet reads the trained weights. It skips the test on a machine without them.
func readEfficientNet(t *testing.T) State {
	t.Helper()
	path, err := native.FindFeatures()
	if err != nil {
		t.Skipf("the weights are not installed; run this test with `go run ./third_party go test ./graph/pytorch`: %v", err)
	}
	s, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The trained weights fit the network exactly.
func TestEfficientNetWeights(t *testing.T) {
	s := readEfficientNet(t)
	n := graph.EfficientNetLite0()
	w, err := EfficientNetLite0(s, n)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Check(n); err != nil {
		t.Error(err)
	}
}

// A state dict of the right shapes gives every weight its norm; a wrong tensor is named.
func TestEfficientNetFoldsNorms(t *testing.T) {
	n := &graph.Network{Name: "part", In: 3, Out: 3, Layers: []graph.Layer{
		graph.Conv{Name: "input", In: 3, Out: 3, Kernel: 1, Stride: 1, Bias: true, Frozen: true},
		graph.DepthwiseConv{Name: "block0.depthwise", Channels: 3, Kernel: 1, Stride: 1, Bias: true, Frozen: true},
		graph.Conv{Name: "block0.project", In: 3, Out: 2, Kernel: 1, Stride: 1, Bias: true, Frozen: true},
		graph.Conv{Name: "own", In: 2, Out: 3, Kernel: 1, Stride: 1},
	}}
	tensor := func(shape []int, values ...float32) Tensor {
		return Tensor{Shape: shape, Type: "float32", Values: values}
	}
	s := State{
		"_blocks.0._depthwise_conv.weight": tensor([]int{3, 1, 1, 1}, 1, 2, 3),
		"_blocks.0._bn1.weight":            tensor([]int{3}, 1, 2, 3),
		"_blocks.0._bn1.bias":              tensor([]int{3}, 10, 20, 30),
		"_blocks.0._bn1.running_mean":      tensor([]int{3}, 1, 2, 3),
		"_blocks.0._bn1.running_var":       tensor([]int{3}, 1-bnEpsilon, 4-bnEpsilon, 9-bnEpsilon),
		"_blocks.0._project_conv.weight":   tensor([]int{2, 3, 1, 1}, 1, 2, 3, 4, 5, 6),
		"_blocks.0._bn2.weight":            tensor([]int{2}, 1, 10),
		"_blocks.0._bn2.bias":              tensor([]int{2}, 0, 0),
		"_blocks.0._bn2.running_mean":      tensor([]int{2}, 0, 0),
		"_blocks.0._bn2.running_var":       tensor([]int{2}, 1-bnEpsilon, 1-bnEpsilon),
		"_fc.weight":                       tensor([]int{1}, 1),
	}
	w, err := EfficientNetLite0(s, n)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]float32{
		"block0.depthwise.weight": {1, 2, 3}, "block0.depthwise.bias": {9, 18, 27},
		"block0.project.weight": {1, 40, 2, 50, 3, 60}, "block0.project.bias": {0, 0},
		"input.weight": {127.5 / 128, 0, 0, 0, 127.5 / 128, 0, 0, 0, 127.5 / 128},
	} {
		if len(w[name]) != len(want) {
			t.Fatalf("%s: %v, want %v", name, w[name], want)
		}
		for i, v := range want {
			if math.Abs(float64(w[name][i]-v)) > 1e-5 {
				t.Errorf("%s: %v, want %v", name, w[name], want)
				break
			}
		}
	}
	if _, ok := w["own.weight"]; ok {
		t.Error("a layer that is not frozen got a weight")
	}
	s["_blocks.0._bn2.bias"] = tensor([]int{3}, 0, 0, 0)
	if _, err := EfficientNetLite0(s, n); err == nil || !strings.Contains(err.Error(), `"_blocks.0._bn2.bias" is float32 of shape [3]`) {
		t.Errorf("a wrong shape: %v", err)
	}
	delete(s, "_blocks.0._depthwise_conv.weight")
	if _, err := EfficientNetLite0(s, n); err == nil || !strings.Contains(err.Error(), `"_blocks.0._depthwise_conv.weight" of shape [3 1 1 1] is missing`) {
		t.Errorf("a missing tensor: %v", err)
	}
}
