package onnxgraph

import (
	"math"
	"testing"

	"cyclegan/graph"
)

// A testCase is a network and the input sizes to run it at.
type testCase struct {
	name  string
	net   *graph.Network
	sizes [][2]int // height and width
}

// layerCases holds one small network for each layer kind and setting that matters. The names are
// those in testdata/pytorch.json.
func layerCases() []testCase {
	odd := [][2]int{{7, 5}, {6, 9}}
	one := func(name string, in, out int, layers ...graph.Layer) testCase {
		return testCase{name, &graph.Network{Name: name, In: in, Out: out, Layers: layers}, odd}
	}
	withPoint := func(c testCase) testCase {
		c.sizes = append(c.sizes, [2]int{1, 1})
		return c
	}
	return []testCase{
		one("conv_k7", 2, 3, graph.Conv{Name: "c", In: 2, Out: 3, Kernel: 7, Stride: 1, Pad: 3, Bias: true}),
		one("conv_k3_s2_p1", 3, 4, graph.Conv{Name: "c", In: 3, Out: 4, Kernel: 3, Stride: 2, Pad: 1, Bias: true}),
		one("conv_k4_s2_p1", 3, 2, graph.Conv{Name: "c", In: 3, Out: 2, Kernel: 4, Stride: 2, Pad: 1}),
		withPoint(one("conv_k1", 3, 4, graph.Conv{Name: "c", In: 3, Out: 4, Kernel: 1, Stride: 1, Bias: true})),
		withPoint(one("conv_transpose_k3_s2_p1_op1", 3, 2, graph.ConvTranspose{Name: "t", In: 3, Out: 2, Kernel: 3, Stride: 2, Pad: 1, OutPad: 1, Bias: true})),
		withPoint(one("conv_transpose_k4_s2_p1", 2, 3, graph.ConvTranspose{Name: "t", In: 2, Out: 3, Kernel: 4, Stride: 2, Pad: 1})),
		one("depthwise_k5", 3, 3, graph.DepthwiseConv{Name: "d", Channels: 3, Kernel: 5, Stride: 1, Pad: 2, Bias: true}),
		one("depthwise_k3_s2_same", 4, 4, graph.ZeroPad{Before: 0, After: 1},
			graph.DepthwiseConv{Name: "d", Channels: 4, Kernel: 3, Stride: 2, Bias: true}, graph.Clamp{Min: 0, Max: 6}),
		one("zero_pad_1_2", 2, 2, graph.ZeroPad{Before: 1, After: 2}),
		one("reflect_pad_1", 2, 2, graph.ReflectPad{Pad: 1}),
		one("reflect_pad_4", 2, 2, graph.ReflectPad{Pad: 4}),
		withPoint(one("upsample_nearest_2", 2, 2, graph.Upsample{Scale: 2, Mode: graph.Nearest})),
		withPoint(one("upsample_nearest_3", 2, 2, graph.Upsample{Scale: 3, Mode: graph.Nearest})),
		withPoint(one("upsample_bilinear_2", 2, 2, graph.Upsample{Scale: 2, Mode: graph.Bilinear})),
		withPoint(one("upsample_bilinear_3", 2, 2, graph.Upsample{Scale: 3, Mode: graph.Bilinear})),
		one("instance_norm", 3, 3, graph.InstanceNorm{Channels: 3, Epsilon: 1e-5}),
		withPoint(one("batch_norm", 3, 3, graph.BatchNorm{Name: "b", Channels: 3, Epsilon: 1e-5, Momentum: 0.1})),
		withPoint(one("relu", 2, 2, graph.ReLU{})),
		withPoint(one("leaky_relu", 2, 2, graph.LeakyReLU{Slope: 0.2})),
		withPoint(one("tanh", 2, 2, graph.Tanh{})),
		withPoint(one("clamp", 2, 2, graph.Clamp{Min: -0.5, Max: 0.25})),
		withPoint(one("dropout", 2, 2, graph.Dropout{Rate: 0.5})),
		withPoint(one("global_mean", 3, 3, graph.GlobalMean{})),
		withPoint(one("residual", 2, 2, graph.Residual{Body: []graph.Layer{
			graph.Conv{Name: "c", In: 2, Out: 2, Kernel: 3, Stride: 1, Pad: 1}, graph.Tanh{},
		}})),
		withPoint(one("concat", 2, 5, graph.Concat{Body: []graph.Layer{
			graph.Conv{Name: "c", In: 2, Out: 3, Kernel: 3, Stride: 1, Pad: 1, Bias: true}, graph.ReLU{},
		}})),
		one("fork", 2, 4, graph.Fork{Branches: [][]graph.Layer{
			{graph.Conv{Name: "c", In: 2, Out: 1, Kernel: 3, Stride: 1, Pad: 1, Bias: true}, graph.Tanh{}},
			{graph.Conv{Name: "d", In: 2, Out: 3, Kernel: 1, Stride: 1}},
		}}),
	}
}

func generator(t testing.TB, o graph.GeneratorOptions) *graph.Network {
	t.Helper()
	if o.In == 0 {
		o.In, o.Out = 3, 3
	}
	n, err := graph.NewGenerator(o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func discriminator(t testing.TB, o graph.DiscriminatorOptions) *graph.Network {
	t.Helper()
	if o.In == 0 {
		o.In = 3
	}
	n, err := graph.NewDiscriminator(o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// generatorCases holds every generator with every norm and upsampling, except the pyramid: see
// pyramidCases.
func generatorCases(t testing.TB, filters int) []testCase {
	var cases []testCase
	for _, arch := range graph.Generators {
		if arch == graph.Pyramid {
			continue
		}
		sizes := [][2]int{{17, 23}, {20, 12}, {8, 8}}
		switch arch {
		case graph.UNet256:
			sizes = [][2]int{{256, 512}}
		case graph.UNet128:
			sizes = [][2]int{{256, 128}}
		case graph.Yosemite:
			sizes = [][2]int{{24, 40}, {8, 8}}
		}
		for _, norm := range []graph.Norm{graph.NormInstance, graph.NormBatch, graph.NormNone} {
			for _, up := range []graph.Upsampling{graph.UpTranspose, graph.UpResize} {
				n := generator(t, graph.GeneratorOptions{Architecture: arch, Filters: filters, Norm: norm, Upsampling: up})
				cases = append(cases, testCase{arch + "_" + string(norm) + "_" + string(up), n, sizes})
			}
		}
	}
	return append(cases,
		testCase{"resnet_6blocks_residual_dropout", generator(t, graph.GeneratorOptions{
			Architecture: graph.ResNet6, Filters: filters, Norm: graph.NormInstance, Upsampling: graph.UpResize, Dropout: true, Residual: true,
		}), [][2]int{{20, 28}}},
		testCase{"unet_128_dropout_gray", generator(t, graph.GeneratorOptions{
			Architecture: graph.UNet128, In: 1, Out: 1, Filters: filters, Norm: graph.NormBatch, Upsampling: graph.UpTranspose, Dropout: true,
		}), [][2]int{{128, 128}}})
}

// pyramidCases holds pyramids, which have no 8-bit form.
func pyramidCases(t testing.TB, filters int) []testCase {
	var cases []testCase
	for _, norm := range []graph.Norm{graph.NormInstance, graph.NormBatch, graph.NormNone} {
		n := generator(t, graph.GeneratorOptions{Architecture: graph.Pyramid, Size: 128, Filters: filters, Norm: norm, Upsampling: graph.UpTranspose})
		cases = append(cases, testCase{name: "pyramid_" + string(norm), net: n})
	}
	return cases
}

// discriminatorCases holds every discriminator with every norm.
func discriminatorCases(t testing.TB, filters int) []testCase {
	var cases []testCase
	for _, arch := range graph.Discriminators {
		if arch == graph.Projected { // it has no norm
			n := discriminator(t, graph.DiscriminatorOptions{Architecture: arch, Filters: filters, Norm: graph.NormNone})
			cases = append(cases, testCase{arch + "_D", n, [][2]int{{32, 64}}})
			continue
		}
		for _, norm := range []graph.Norm{graph.NormInstance, graph.NormBatch, graph.NormNone} {
			n := discriminator(t, graph.DiscriminatorOptions{Architecture: arch, Filters: filters, Norm: norm, Layers: 2})
			cases = append(cases, testCase{arch + "_D_" + string(norm), n, [][2]int{{65, 71}, {64, 80}}})
		}
	}
	return cases
}

// noise returns count values in [-1, 1), the same for the same seed here and in
// testdata/pytorch.py.
func noise(seed, count int) []float64 {
	values := make([]float64, count)
	for i := range values {
		x := uint32(i)*2654435761 + uint32(seed)*40503
		x ^= x >> 16
		x *= 0x45d9f3b
		x ^= x >> 16
		x *= 0x45d9f3b
		x ^= x >> 16
		values[i] = float64(x>>8)/(1<<23) - 1
	}
	return values
}

// noiseWeights fills the parameters of a network with noise of a scale that keeps activations near
// 1. Values follow the order of ONNX and PyTorch, the k-th parameter has seed k.
func noiseWeights(n *graph.Network) graph.Weights {
	w := graph.Weights{}
	for k, p := range n.Params() {
		values := make([]float32, p.Size())
		raw := noise(k+1, p.Size())
		for i, v := range raw {
			switch p.Role {
			case graph.Weight:
				k, a, b := p.Shape[0], p.Shape[2], p.Shape[3] // [k, k, a, b] <- [b, a, k, k]
				fan := float64(k * k * a)
				switch l := p.Layer.(type) {
				case graph.ConvTranspose:
					fan = float64(k*k*b) / float64(l.Stride*l.Stride)
				case graph.DepthwiseConv:
					fan = float64(k * k)
				}
				x, y, j, o := i%k, i/k%k, i/(k*k)%a, i/(k*k*a)
				values[((y*k+x)*a+j)*b+o] = float32(v * math.Sqrt(3/fan))
			case graph.Gamma:
				values[i] = float32(1 + v/4)
			case graph.Variance:
				values[i] = float32(1 + v/2)
			default:
				values[i] = float32(v / 4)
			}
		}
		w[p.Name] = values
	}
	return w
}

// noiseInput is a batch of images in the order of the model, [N, C, H, W].
func noiseInput(n, c, h, w int) []float32 {
	values := make([]float32, n*c*h*w)
	for i, v := range noise(0, len(values)) {
		values[i] = float32(v)
	}
	return values
}

// fromNCHW and toNCHW change between the order of the model and that of the reference.
func fromNCHW(values []float32, n, c, h, w int) activation {
	return newActivation(n, h, w, c).like(func(b, y, x, ch int, _ float64) float64 {
		return float64(values[((b*c+ch)*h+y)*w+x])
	})
}

func toNCHW(a activation) []float64 {
	values := make([]float64, len(a.v))
	a.each(func(n, y, x, c int, v float64) { values[((n*a.c+c)*a.h+y)*a.w+x] = v })
	return values
}
