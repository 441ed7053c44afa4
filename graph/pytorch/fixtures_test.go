package pytorch

import (
	"encoding/json"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cyclegan/graph"
)

// A fixture is a file that testdata/fixtures.py wrote with PyTorch, and its network.
type fixture struct {
	file string
	g    graph.GeneratorOptions
	d    graph.DiscriminatorOptions // if g is zero

	dropout bool // the network has dropout that the file does not show

	direction string // of one of several generators, or empty
}

// key is the fixture's key in the JSON file with PyTorch's outputs.
func (f fixture) key() string { return strings.TrimSpace(f.file + " " + f.direction) }

func fixtures() []fixture {
	g := func(arch string, in, out, filters int, norm graph.Norm) graph.GeneratorOptions {
		return graph.GeneratorOptions{Architecture: arch, In: in, Out: out, Filters: filters, Norm: norm, Upsampling: graph.UpTranspose}
	}
	d := func(arch string, in, filters, layers int, norm graph.Norm) graph.DiscriminatorOptions {
		return graph.DiscriminatorOptions{Architecture: arch, In: in, Filters: filters, Layers: layers, Norm: norm}
	}
	withDropout := g(graph.ResNet6, 3, 3, 2, graph.NormBatch)
	withDropout.Dropout = true
	return []fixture{
		{file: "resnet_9blocks.pth", g: g(graph.ResNet9, 3, 3, 2, graph.NormInstance)},
		{file: "resnet_6blocks_old.pth", g: g(graph.ResNet6, 3, 3, 2, graph.NormInstance)},
		{file: "resnet_6blocks_batch_dropout.pth", g: withDropout},
		{file: "resnet_6blocks_none_mixed.pth", g: g(graph.ResNet6, 1, 3, 2, graph.NormNone)},
		{file: "resnet_6blocks_mixed_old.pth", g: g(graph.ResNet6, 3, 1, 1, graph.NormInstance)},
		{file: "resnet_6blocks.safetensors", g: g(graph.ResNet6, 3, 3, 2, graph.NormBatch)},
		{file: "unet_128.pth", g: g(graph.UNet128, 3, 3, 1, graph.NormInstance), dropout: true},
		{file: "unet_128_none.pth", g: g(graph.UNet128, 3, 3, 1, graph.NormNone)},
		{file: "unet_256_batch_old.pth", g: g(graph.UNet256, 3, 3, 1, graph.NormBatch), dropout: true},
		{file: "basic.pth", d: d(graph.PatchGAN, 3, 2, 3, graph.NormInstance)},
		{file: "n_layers_batch.pth", d: d(graph.NLayers, 3, 2, 2, graph.NormBatch)},
		{file: "pixel.pth", d: d(graph.Pixel, 3, 4, 3, graph.NormInstance)},
		{file: "pixel_none.pth", d: d(graph.Pixel, 1, 4, 3, graph.NormNone)},
	}
}

func (f fixture) isGenerator() bool { return f.g != graph.GeneratorOptions{} }

func (f fixture) read(t testing.TB) State {
	t.Helper()
	s, err := ReadFile(filepath.Join("testdata", f.file))
	if err != nil {
		t.Fatal(err)
	}
	if f.direction != "" {
		if s, err = s.Choose("", f.direction); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// load returns the network and its weights.
func (f fixture) load(t testing.TB) (*graph.Network, graph.Weights) {
	t.Helper()
	var n *graph.Network
	var w graph.Weights
	var err error
	if f.isGenerator() {
		o := f.g
		o.Dropout = o.Dropout || f.dropout
		n, w, err = Generator(f.read(t), o)
	} else {
		n, w, err = Discriminator(f.read(t), f.d)
	}
	if err != nil {
		t.Fatalf("%s: %v", f.file, err)
	}
	return n, w
}

// A torchOutput is PyTorch's output for a fixture: every Every-th value.
type torchOutput struct {
	Input, Output []int // [n, c, h, w]
	Every         int
	Values        []float64
}

func torchOutputs(t *testing.T) map[string]torchOutput {
	t.Helper()
	var outputs map[string]torchOutput
	for _, name := range []string{"fixtures.json", "layouts.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &outputs); err != nil { // adds to the map
			t.Fatal(err)
		}
	}
	return outputs
}

// noise is the function of the same name in testdata/fixtures.py.
func noise(seed uint32, count int) []float32 {
	values := make([]float32, count)
	for i := range values {
		x := uint32(i)*2654435761 + seed
		for range 2 {
			x ^= x >> 16
			x *= 0x45d9f3b
		}
		x ^= x >> 16
		values[i] = float32(x>>24)/128 - 1
	}
	return values
}

// officialWeight returns the values of a convolution's weight in fixtures.py.
func officialWeight(name string, shape []int) []float32 {
	fan := shape[1] * shape[2] * shape[3]
	values := noise(crc32.ChecksumIEEE([]byte(name)), shape[0]*fan)
	scale := float32(math.Exp2(math.RoundToEven(math.Log2(math.Sqrt(3 / float64(fan))))))
	for i := range values {
		values[i] *= scale
	}
	return values
}
