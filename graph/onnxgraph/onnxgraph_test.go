package onnxgraph

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cyclegan/graph"
	"cyclegan/infer/pixels"
)

var (
	update      = flag.Bool("update", false, "rewrite the golden files")
	dump        = flag.String("dump", "", "TestDump writes the models of all tests into this `folder`")
	dumpFilters = flag.Int("dump_filters", 4, "first layer's `channels` in the models of -dump")
)

func marshal(t testing.TB, n *graph.Network, w graph.Weights, m Metadata) []byte {
	t.Helper()
	data, err := Marshal(n, w, m, F32)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestGoldenListings(t *testing.T) {
	meta := Metadata{Direction: "AtoB", DomainFrom: "summer", DomainTo: "winter", TrainWidth: 128, TrainHeight: 96, Step: 1200, Writer: "test"}
	kinds := &graph.Network{Name: "kinds", In: 2, Out: 2, Layers: []graph.Layer{
		graph.Dropout{Rate: 0.5}, graph.ReflectPad{Pad: 4},
		graph.Upsample{Scale: 2, Mode: graph.Nearest}, graph.Upsample{Scale: 3, Mode: graph.Bilinear}, graph.Upsample{Scale: 3, Mode: graph.Nearest},
		graph.ReflectPad{Pad: 4}, graph.Conv{Name: "c", In: 2, Out: 2, Kernel: 3, Stride: 2, Pad: 1, Bias: true},
		graph.LeakyReLU{Slope: 0.2}, graph.Clamp{Min: -0.5, Max: 0.25}, graph.Clamp{Min: -0.5, Max: 1},
		graph.Residual{Body: []graph.Layer{graph.Tanh{}}}, graph.Residual{},
		graph.ConvTranspose{Name: "t", In: 2, Out: 2, Kernel: 3, Stride: 2, Pad: 1, OutPad: 1},
		graph.BatchNorm{Name: "b", Channels: 2, Epsilon: 1e-5, Momentum: 0.1}, graph.ReLU{}, graph.InstanceNorm{Channels: 2, Epsilon: 1e-5},
		graph.ZeroPad{Before: 1, After: 2}, graph.DepthwiseConv{Name: "d", Channels: 2, Kernel: 3, Stride: 2, Bias: true}, graph.Clamp{Min: 0, Max: 6},
		graph.Fork{Branches: [][]graph.Layer{{graph.Conv{Name: "f", In: 2, Out: 1, Kernel: 1, Stride: 1, Frozen: true}}, {graph.Conv{Name: "g", In: 2, Out: 1, Kernel: 1, Stride: 1}}}},
		graph.GlobalMean{},
	}}
	gray := graph.GeneratorOptions{Architecture: graph.ResNet6, In: 1, Out: 1, Filters: 2, Norm: graph.NormNone, Upsampling: graph.UpTranspose}
	cases := []testCase{{name: "kinds", net: kinds}, {name: "resnet_6blocks_gray", net: generator(t, gray)}}
	chosen := []string{
		"resnet_9blocks_instance_transpose", "resnet_6blocks_instance_transpose", "resnet_6blocks_residual_dropout",
		"unet_256_instance_transpose", "unet_128_instance_transpose", "unet_128_batch_resize", "yosemite_batch_transpose",
		"pyramid_none", "basic_D_instance", "n_layers_D_instance", "pixel_D_instance", "yosemite_D_batch", "yosemite_public_D_batch",
	}
	for _, c := range slices.Concat(generatorCases(t, 4), pyramidCases(t, 4), discriminatorCases(t, 4)) {
		if slices.Contains(chosen, c.name) {
			cases = append(cases, c)
		}
	}
	if len(cases) != 2+len(chosen) {
		t.Errorf("%d cases for %d names", len(cases)-2, len(chosen))
	}
	for _, c := range cases {
		compareGolden(t, c.name, marshal(t, c.net, noiseWeights(c.net), meta))
	}
}

// compareGolden compares the listing of a model to a file of testdata.
func compareGolden(t *testing.T, name string, model []byte) {
	t.Helper()
	got := read(t, model).listing()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: the model differs from %s; run with -update and look at the difference", name, path)
	}
}

// Every value that a node reads exists before it, every name is unique, and every initializer is
// used.
func TestNamesAreSound(t *testing.T) {
	check := func(c testCase, quantized bool) {
		w := noiseWeights(c.net)
		checkNames(t, c.name, marshal(t, c.net, w, Metadata{}))
		half, err := Marshal(c.net, w, Metadata{}, F16)
		if err != nil {
			t.Fatal(err)
		}
		checkNames(t, c.name+" f16", half)
		if quantized {
			checkNames(t, c.name+" int8", marshalNoise8(t, c.net, w, Metadata{}))
		}
	}
	for _, c := range slices.Concat(layerCases(), generatorCases(t, 2), discriminatorCases(t, 2)) {
		check(c, true)
	}
	for _, c := range pyramidCases(t, 4) {
		check(c, false)
	}
}

func checkNames(t *testing.T, name string, model []byte) {
	t.Helper()
	m := read(t, model)
	given, used := map[string]bool{"input": true}, map[string]bool{}
	for _, r := range m.tensors {
		if given[r.name] {
			t.Errorf("%s: two tensors %q", name, r.name)
		}
		given[r.name] = true
	}
	nodes := map[string]bool{}
	for _, n := range m.nodes {
		for _, in := range n.in {
			if in != "" && !given[in] {
				t.Errorf("%s: node %q reads %q, which nothing computes", name, n.name, in)
			}
			used[in] = true
		}
		if given[n.out[0]] || nodes[n.name] {
			t.Errorf("%s: the name %q is used twice", name, n.name)
		}
		given[n.out[0]], nodes[n.name] = true, true
	}
	if !given["output"] || used["output"] {
		t.Errorf("%s: output computed %v, used %v", name, given["output"], used["output"])
	}
	for _, r := range m.tensors {
		if !used[r.name] {
			t.Errorf("%s: tensor %q is unused", name, r.name)
		}
	}
}

func TestClashingNamesGetNumbers(t *testing.T) {
	n := &graph.Network{Name: "clash", In: 1, Out: 1, Layers: []graph.Layer{
		graph.Conv{Name: "input", In: 1, Out: 1, Kernel: 1, Stride: 1},
		graph.ReLU{}, graph.ReLU{},
		graph.Conv{Name: "input.relu", In: 1, Out: 1, Kernel: 1, Stride: 1},
		graph.Conv{Name: "output", In: 1, Out: 1, Kernel: 1, Stride: 1},
		graph.ReLU{},
	}}
	var names, outs []string
	for _, node := range read(t, marshal(t, n, noiseWeights(n), Metadata{})).nodes {
		names, outs = append(names, node.name), append(outs, node.out[0])
	}
	if want := []string{"input_2", "input.relu", "input.relu_2", "input.relu_3", "output_2", "output.relu"}; !slices.Equal(names, want) {
		t.Errorf("nodes %q, want %q", names, want)
	}
	if want := []string{"input_2", "input.relu", "input.relu_2", "input.relu_3", "output_2", "output"}; !slices.Equal(outs, want) {
		t.Errorf("outputs %q, want %q", outs, want)
	}
}

func TestFiltersAreTransposed(t *testing.T) {
	n := &graph.Network{Name: "two", In: 2, Out: 1, Layers: []graph.Layer{
		graph.Conv{Name: "c", In: 2, Out: 3, Kernel: 2, Stride: 1, Bias: true},
		graph.ConvTranspose{Name: "t", In: 3, Out: 1, Kernel: 2, Stride: 1},
	}}
	w := graph.Weights{
		// The digits are row, column, input and output channel.
		"c.weight": {
			0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112,
			1000, 1001, 1002, 1010, 1011, 1012, 1100, 1101, 1102, 1110, 1111, 1112,
		},
		"c.bias": {7, 8, 9},
		// The digits are row, column, output and input channel.
		"t.weight": {0, 1, 2, 100, 101, 102, 1000, 1001, 1002, 1100, 1101, 1102},
	}
	want := map[string]struct {
		dims   []int
		values []float32
	}{
		"c.weight": {[]int{3, 2, 2, 2}, []float32{
			0, 100, 1000, 1100, 10, 110, 1010, 1110,
			1, 101, 1001, 1101, 11, 111, 1011, 1111,
			2, 102, 1002, 1102, 12, 112, 1012, 1112,
		}},
		"c.bias": {[]int{3}, []float32{7, 8, 9}},
		"t.weight": {[]int{3, 1, 2, 2}, []float32{
			0, 100, 1000, 1100,
			1, 101, 1001, 1101,
			2, 102, 1002, 1102,
		}},
	}
	m := read(t, marshal(t, n, w, Metadata{}))
	if len(m.tensors) != len(want) {
		t.Errorf("%d initializers: %v", len(m.tensors), m.tensors)
	}
	for _, r := range m.tensors {
		if c := want[r.name]; !slices.Equal(r.dims, c.dims) || !slices.Equal(r.floats(), c.values) {
			t.Errorf("%v = %v\nwant %v = %v", r, r.floats(), c.dims, c.values)
		}
	}
}

// Weights larger than the writer's buffer arrive complete and in order.
func TestLargeTensor(t *testing.T) {
	n := &graph.Network{Name: "large", In: 96, Out: 101, Layers: []graph.Layer{graph.Conv{Name: "c", In: 96, Out: 101, Kernel: 3, Stride: 1}}}
	w := graph.Weights{"c.weight": make([]float32, 3*3*96*101)}
	for i := range w["c.weight"] {
		w["c.weight"][i] = float32(i)
	}
	got := read(t, marshal(t, n, w, Metadata{})).tensors[0].floats()
	for i, v := range got {
		x, y, in, out := i%3, i/3%3, i/9%96, i/(9*96)
		if want := float32(((y*3+x)*96+in)*101 + out); v != want {
			t.Fatalf("value %d is %g, want %g", i, v, want)
		}
	}
}

func TestWriteEqualsMarshalAndRepeats(t *testing.T) {
	for _, c := range generatorCases(t, 3) {
		w := noiseWeights(c.net)
		m := Metadata{Direction: "BtoA", Step: 3}
		first, second := marshal(t, c.net, w, m), marshal(t, c.net, w.Clone(), m)
		if !bytes.Equal(first, second) {
			t.Errorf("%s: equal arguments wrote different bytes", c.name)
		}
	}
}

func TestMetadata(t *testing.T) {
	colour := generator(t, graph.GeneratorOptions{Architecture: graph.UNet128, Filters: 1, Norm: graph.NormInstance, Upsampling: graph.UpTranspose})
	features := &graph.Network{Name: "features", In: 5, Out: 5, Layers: []graph.Layer{graph.ReLU{}}}
	for _, c := range []struct {
		net  *graph.Network
		meta Metadata
		want []property
	}{
		{colour, Metadata{"BtoA", "winter", "Sommer\xe9", pixels.Window{Hi: 4095}, pixels.Window{Lo: 7, Hi: 900}, "mine", 72, 64, 1 << 40, "cyclegan 1"}, []property{
			{"format", "1"}, {"direction", "BtoA"}, {"domain_from", "winter"}, {"domain_to", "Sommer\uFFFD"}, {"architecture", "mine"},
			{"train_width", "72"}, {"train_height", "64"}, {"size_multiple", "128"}, {"min_size", "128"}, {"range", "-1,1"},
			{"channels", "RGB"}, {"input_window", "0,4095"}, {"output_window", "7,900"}, {"step", "1099511627776"}, {"writer", "cyclegan 1"}, {"precision", "f32"},
		}},
		{pyramidCases(t, 4)[0].net, Metadata{TrainWidth: 128, TrainHeight: 128}, []property{
			{"format", "1"}, {"architecture", "pyramid"}, {"train_width", "128"}, {"train_height", "128"},
			{"size_multiple", "1"}, {"min_size", "1"}, {"tiles", "never"}, {"range", "-1,1"}, {"channels", "RGB"}, {"step", "0"},
			{"precision", "f32"},
		}},
		{features, Metadata{}, []property{
			{"format", "1"}, {"architecture", "features"}, {"train_width", "0"}, {"train_height", "0"},
			{"size_multiple", "1"}, {"min_size", "1"}, {"range", "-1,1"}, {"step", "0"}, {"precision", "f32"},
		}},
	} {
		for i := range c.want {
			c.want[i].key = "cyclegan." + c.want[i].key
		}
		if got := read(t, marshal(t, c.net, noiseWeights(c.net), c.meta)).metadata; !slices.Equal(got, c.want) {
			t.Errorf("%s: got  %q\nwant %q", c.net.Name, got, c.want)
		}
	}
}

// unknown is a layer kind that no back-end knows.
type unknown struct{ graph.Layer }

func TestErrors(t *testing.T) {
	good := generator(t, graph.GeneratorOptions{Architecture: graph.ResNet6, Filters: 1, Norm: graph.NormBatch, Upsampling: graph.UpTranspose})
	chain := func(layers ...graph.Layer) *graph.Network {
		return &graph.Network{Name: "chain", In: 1, Out: 1, Layers: layers}
	}
	for _, c := range []struct {
		word string
		net  *graph.Network
		edit func(graph.Weights)
		meta Metadata
	}{
		{word: "no network"},
		{word: `"stem.weight" is missing`, net: good, edit: func(w graph.Weights) { delete(w, "stem.weight") }},
		{word: `"out.bias" has 2 values`, net: good, edit: func(w graph.Weights) { w["out.bias"] = []float32{1, 2} }},
		{word: `value 1 of parameter "up1.norm.variance" is NaN`, net: good, edit: func(w graph.Weights) { w["up1.norm.variance"][1] = float32(math.NaN()) }},
		{word: `value 0 of parameter "out.bias" is -Inf`, net: good, edit: func(w graph.Weights) { w["out.bias"][0] = float32(math.Inf(-1)) }},
		{word: "unknown layer kind onnxgraph.unknown", net: chain(unknown{})},
		{word: "layer kind <nil>", net: chain(nil)},
		{word: "declares 1", net: chain(graph.Concat{})},
		{word: "cannot process images", net: chain(graph.ReflectPad{Pad: 4000})},
		{word: "not UTF-8", net: chain(graph.Conv{Name: "a\xff", In: 1, Out: 1, Kernel: 1, Stride: 1})},
		{word: `direction "AtoC"`, net: good, meta: Metadata{Direction: "AtoC"}},
		{word: "-3x4", net: good, meta: Metadata{TrainWidth: -3, TrainHeight: 4}},
		{word: "step -1", net: good, meta: Metadata{Step: -1}},
	} {
		w := graph.Weights{}
		if c.net != nil && c.net.Validate() == nil {
			w = noiseWeights(c.net)
		}
		if c.edit != nil {
			c.edit(w)
		}
		if _, err := Marshal(c.net, w, c.meta, F32); err == nil || !strings.Contains(err.Error(), c.word) {
			t.Errorf("error %v does not say %s", err, c.word)
		}
	}
}

// The switch itself rejects unknown layers, whatever Validate accepts.
func TestSwitchRefusesUnknownKinds(t *testing.T) {
	for word, l := range map[string]graph.Layer{
		"onnxgraph.unknown": graph.Residual{Body: []graph.Layer{graph.Concat{Body: []graph.Layer{unknown{}}}}},
		`"cubic"`:           graph.Upsample{Scale: 2, Mode: "cubic"},
	} {
		_, err := build(&graph.Network{In: 1, Out: 1, Layers: []graph.Layer{l}}, nil)
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("error %v does not name %s", err, word)
		}
	}
}

func TestModelTooLarge(t *testing.T) {
	n := &graph.Network{Name: "huge", In: 1024, Out: 1024}
	shared := make([]float32, 4*4*1024*1024) // 64 MiB
	w := graph.Weights{}
	for i := range 32 {
		c := graph.Conv{Name: fmt.Sprint("c", i), In: 1024, Out: 1024, Kernel: 4, Stride: 1}
		n.Layers = append(n.Layers, c)
		w[c.Name+".weight"] = shared
	}
	if _, err := Marshal(n, w, Metadata{}, F32); err == nil || !strings.Contains(err.Error(), "at most 2147483647") {
		t.Errorf("2 GiB of weights: %v", err)
	}
}

// TestDump writes the models that testdata/check.sh passes to the ONNX checker.
func TestDump(t *testing.T) {
	if *dump == "" {
		t.Skip("no -dump folder")
	}
	for _, c := range slices.Concat(layerCases(), generatorCases(t, *dumpFilters), discriminatorCases(t, *dumpFilters), pyramidCases(t, *dumpFilters)) {
		w := noiseWeights(c.net)
		half, err := Marshal(c.net, w, Metadata{Writer: "test"}, F16)
		if err != nil {
			t.Fatal(err)
		}
		models := map[string][]byte{"": marshal(t, c.net, w, Metadata{Writer: "test"}), ".f16": half}
		if c.net.Name != graph.Pyramid {
			models[".int8"] = marshalNoise8(t, c.net, w, Metadata{Writer: "test"})
		}
		for extension, model := range models {
			if err := os.WriteFile(filepath.Join(*dump, c.name+extension+".onnx"), model, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func BenchmarkMarshal(b *testing.B) {
	n := generator(b, graph.GeneratorOptions{Architecture: graph.UNet256, Filters: 64, Norm: graph.NormInstance, Upsampling: graph.UpTranspose})
	w := noiseWeights(n)
	b.SetBytes(4 * int64(n.ParamCount()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Marshal(n, w, Metadata{}, F32); err != nil {
			b.Fatal(err)
		}
	}
}
