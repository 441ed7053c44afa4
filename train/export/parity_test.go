//go:build tensorflow

package export

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/graph/tfgraph"
	"cyclegan/train/checkpoint"
)

var fullWidth = flag.Bool("full", false, "test the networks at their full width, which takes minutes")

// randomWeights draws weights in which every parameter has an effect: filters that keep activations
// near unit size, and biases and BatchNorm parameters far from their initial values. Residual
// branches are small, or a chain of them would drive every output to -1 or 1, which hides
// differences.
func randomWeights(t *testing.T, n *graph.Network, seed uint64) graph.Weights {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 7))
	w, err := graph.Initialize(n, graph.InitKaiming, 1, rng)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range n.Params() {
		small := strings.HasSuffix(p.Name, ".conv2.weight")
		if p.Frozen() && p.Role == graph.Weight { // Initialize leaves it 0
			in := p.Shape[2]
			if _, ok := p.Layer.(graph.DepthwiseConv); ok {
				in = 1
			}
			for i := range w[p.Name] {
				w[p.Name][i] = float32(rng.NormFloat64() / math.Sqrt(float64(p.Shape[0]*p.Shape[1]*in)))
			}
		}
		for i := range w[p.Name] {
			if small {
				w[p.Name][i] *= 0.3
			}
			switch p.Role {
			case graph.Bias, graph.Beta, graph.Mean:
				w[p.Name][i] = 0.3 * float32(rng.NormFloat64())
			case graph.Gamma:
				w[p.Name][i] = 1 + 0.3*float32(rng.NormFloat64())
			case graph.Variance:
				w[p.Name][i] = 0.5 + rng.Float32()
			}
		}
	}
	return w
}

// checkParity compares TensorFlow with ONNX Runtime at batch 1 and 3.
func checkParity(t *testing.T, n *graph.Network, h, w int) {
	t.Helper()
	weights := randomWeights(t, n, 1)
	model, err := onnxgraph.Marshal(n, weights, onnxgraph.Metadata{}, onnxgraph.F32)
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range []int{1, 3} {
		shape := graph.Shape{H: h, W: w, C: n.In}
		worst, err := (Exporter{Reference: tfgraph.Evaluate}).difference(t.Context(), n, weights, model, randomImages(uint64(batch), batch*h*w*n.In), batch, shape)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("batch %d, %dx%d: largest difference %.2g", batch, h, w, worst)
		if !(worst <= tolerance) {
			t.Errorf("batch %d, %dx%d: TensorFlow and ONNX Runtime differ by %g", batch, h, w, worst)
		}
	}
}

func TestLayerParity(t *testing.T) {
	const c = 6
	conv := func(k, s, p int) graph.Layer {
		return graph.Conv{Name: "conv", In: c, Out: 5, Kernel: k, Stride: s, Pad: p, Bias: true}
	}
	transposed := func(k, s, p, op int) graph.Layer {
		return graph.ConvTranspose{Name: "up", In: c, Out: 5, Kernel: k, Stride: s, Pad: p, OutPad: op, Bias: true}
	}
	inner := graph.Conv{Name: "inner", In: c, Out: c, Kernel: 3, Stride: 1, Pad: 1, Bias: true}
	for _, l := range []graph.Layer{
		conv(1, 1, 0), conv(3, 1, 1), conv(3, 2, 1), conv(4, 2, 1), conv(4, 1, 1), conv(7, 1, 0), conv(5, 3, 2),
		transposed(3, 2, 1, 1), transposed(4, 2, 1, 0), transposed(3, 1, 1, 0), transposed(5, 3, 0, 2),
		graph.DepthwiseConv{Name: "deep", Channels: c, Kernel: 5, Stride: 1, Pad: 2, Bias: true},
		graph.DepthwiseConv{Name: "deep", Channels: c, Kernel: 3, Stride: 2},
		graph.ZeroPad{Before: 0, After: 1}, graph.ReflectPad{Pad: 1}, graph.ReflectPad{Pad: 3},
		graph.Upsample{Scale: 2, Mode: graph.Nearest}, graph.Upsample{Scale: 3, Mode: graph.Nearest},
		graph.Upsample{Scale: 2, Mode: graph.Bilinear}, graph.Upsample{Scale: 3, Mode: graph.Bilinear},
		graph.InstanceNorm{Channels: c, Epsilon: 1e-5},
		graph.BatchNorm{Name: "norm", Channels: c, Epsilon: 1e-5, Momentum: 0.1},
		graph.ReLU{}, graph.LeakyReLU{Slope: 0.2}, graph.Tanh{}, graph.Clamp{Min: -0.5, Max: 0.25}, graph.Clamp{Min: 0, Max: 6},
		graph.Dropout{Rate: 0.5}, graph.GlobalMean{},
		graph.Residual{Body: []graph.Layer{inner, graph.ReLU{}}},
		graph.Concat{Body: []graph.Layer{inner, graph.Tanh{}}},
		graph.Fork{Branches: [][]graph.Layer{{inner, graph.Tanh{}}, {graph.ReLU{}}}},
	} {
		t.Run(graph.Describe(l), func(t *testing.T) {
			shape, err := graph.LayerShape(l, graph.Shape{H: 13, W: 18, C: c})
			if err != nil {
				t.Fatal(err)
			}
			n := &graph.Network{Name: "one_layer", In: c, Out: shape.C, Layers: []graph.Layer{l}}
			if err := n.Validate(); err != nil {
				t.Fatal(err)
			}
			checkParity(t, n, 13, 18)
		})
	}
}

func TestGeneratorParity(t *testing.T) {
	for _, arch := range graph.Generators {
		for _, norm := range []graph.Norm{graph.NormInstance, graph.NormBatch, graph.NormNone} {
			for _, up := range []graph.Upsampling{graph.UpTranspose, graph.UpResize} {
				o := graph.GeneratorOptions{
					Architecture: arch, In: 3, Out: 3, Filters: 8, Norm: norm, Upsampling: up,
					Dropout: arch != graph.Yosemite, Residual: norm == graph.NormNone,
				}
				if arch == graph.Pyramid {
					o.Size, o.Dropout, o.Residual = 64, false, false
				}
				if *fullWidth {
					o.Filters = 64
				}
				t.Run(fmt.Sprintf("%s/%s/%s", arch, norm, up), func(t *testing.T) {
					n, err := graph.NewGenerator(o)
					if err != nil {
						t.Fatal(err)
					}
					switch arch {
					case graph.UNet256:
						checkParity(t, n, 256, 512)
					case graph.UNet128:
						checkParity(t, n, 256, 128)
					case graph.Yosemite:
						checkParity(t, n, 40, 64)
					default:
						checkParity(t, n, 44, 60)
						if !o.Residual { // its sum needs an output of the input's size
							checkParity(t, n, 45, 63)
						}
					}
				})
			}
		}
	}
}

func TestDiscriminatorParity(t *testing.T) {
	for _, arch := range graph.Discriminators {
		for _, norm := range []graph.Norm{graph.NormInstance, graph.NormBatch, graph.NormNone} {
			o := graph.DiscriminatorOptions{Architecture: arch, In: 3, Filters: 8, Layers: 5, Norm: norm}
			if *fullWidth {
				o.Filters = 64
			}
			t.Run(fmt.Sprintf("%s/%s", arch, norm), func(t *testing.T) {
				n, err := graph.NewDiscriminator(o)
				if err != nil {
					t.Fatal(err)
				}
				h, w := 133, 158
				if arch == graph.Projected { // sides are multiples of 32
					h, w = 64, 96
				}
				checkParity(t, n, h, w)
			})
		}
	}
}

func TestExport(t *testing.T) {
	o := graph.GeneratorOptions{Architecture: graph.ResNet6, In: 3, Out: 1, Filters: 4, Norm: graph.NormInstance, Upsampling: graph.UpTranspose}
	describe := func(ab bool) graph.GeneratorOptions {
		if o := o; !ab {
			o.In, o.Out = o.Out, o.In
			return o
		}
		return o
	}
	c := &checkpoint.Checkpoint{WidthA: 32, HeightA: 32, WidthB: 48, HeightB: 32, Tensors: map[string]checkpoint.Tensor{}}
	for _, name := range []string{checkpoint.GAB, checkpoint.GBA} {
		n, err := graph.NewGenerator(describe(name == checkpoint.GAB))
		if err != nil {
			t.Fatal(err)
		}
		for param, values := range randomWeights(t, n, 1) {
			c.Tensors[name+"/"+param] = checkpoint.Tensor{Values: values}
		}
		for _, p := range n.Params() {
			c.Tensors[name+"/"+p.Name] = checkpoint.Tensor{Shape: p.Shape, Values: c.Tensors[name+"/"+p.Name].Values}
		}
	}
	dir := t.TempDir()
	paths, err := (Exporter{Reference: tfgraph.Evaluate, Writer: "test"}).WriteCheckpoint(t.Context(), dir, c, checkpoint.WeightsLatest, describe)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
	if len(paths) != 2 {
		t.Errorf("exported %v, want two models", paths)
	}
}

// A model that ONNX Runtime computes differently is not written. This one is scaled so badly that
// rounding alone makes the difference.
func TestExportLeavesNoWrongFile(t *testing.T) {
	n := &graph.Network{Name: "wild", In: 3, Out: 3, Layers: []graph.Layer{
		graph.Conv{Name: "a", In: 3, Out: 16, Kernel: 5, Stride: 1, Pad: 2},
		graph.Conv{Name: "b", In: 16, Out: 3, Kernel: 5, Stride: 1, Pad: 2},
	}}
	w := randomWeights(t, n, 1)
	for _, values := range w {
		for i := range values {
			values[i] *= 1e4
		}
	}
	path := filepath.Join(t.TempDir(), "wild.onnx")
	err := (Exporter{Reference: tfgraph.Evaluate}).Write(t.Context(), path, n, w, onnxgraph.Metadata{TrainWidth: 64, TrainHeight: 64})
	if err == nil || !strings.Contains(err.Error(), "differs") {
		t.Errorf("export: %v", err)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 0 {
		t.Errorf("the failed export left files: %v", files)
	}
}
