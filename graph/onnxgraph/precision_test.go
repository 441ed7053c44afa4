package onnxgraph

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"cyclegan/graph"
)

// noise8 is a calibration with noise instead of a network's values.
func noise8(t testing.TB, n *graph.Network, w graph.Weights) *Calibration {
	t.Helper()
	c, err := NewCalibration(n, w)
	if err != nil {
		t.Fatal(err)
	}
	probes, err := c.Probes(256, 256, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	seed := 0
	for _, p := range probes {
		for i := range len(p.sites) {
			seed++
			values := make([]float32, 64*p.channels[i])
			for j, v := range noise(seed, len(values)) {
				values[j] = float32(v * (1 + float64(seed)/16))
			}
			if err := p.Add(i, values); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.Images, c.Source = 1, "noise"
	return c
}

func marshalNoise8(t testing.TB, n *graph.Network, w graph.Weights, m Metadata) []byte {
	t.Helper()
	data, err := MarshalInt8(noise8(t, n, w), m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestGoldenPrecisions(t *testing.T) {
	meta := Metadata{Direction: "BtoA", Step: 7, Writer: "test"}
	chosen := []string{
		"resnet_6blocks_instance_transpose", "resnet_6blocks_residual_dropout", "resnet_6blocks_batch_resize",
		"unet_128_instance_transpose", "yosemite_batch_transpose", "yosemite_none_transpose",
	}
	for _, c := range generatorCases(t, 4) {
		if !slices.Contains(chosen, c.name) {
			continue
		}
		chosen = slices.DeleteFunc(chosen, func(name string) bool { return name == c.name })
		w := noiseWeights(c.net)
		compareGolden(t, c.name+".int8", marshalNoise8(t, c.net, w, meta))
		if strings.HasPrefix(c.name, "resnet") {
			half, err := Marshal(c.net, w, meta, F16)
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, c.name+".f16", half)
		}
	}
	if len(chosen) > 0 {
		t.Errorf("no such networks: %q", chosen)
	}
}

// The tail of the values before a norm gets bytes of its own.
func TestGoldenTwoBytes(t *testing.T) {
	n := &graph.Network{Name: "tail", In: 2, Out: 2, Layers: []graph.Layer{
		graph.ConvTranspose{Name: "up", In: 2, Out: 2, Kernel: 4, Stride: 2, Pad: 1, Bias: true},
		graph.InstanceNorm{Channels: 2, Epsilon: 1e-5}, graph.ReLU{},
		graph.ReflectPad{Pad: 2}, graph.Conv{Name: "out", In: 2, Out: 2, Kernel: 5, Stride: 1, Bias: true}, graph.Tanh{},
	}}
	w := noiseWeights(n)
	c := noise8(t, n, w)
	probes, err := c.Probes(8, 8, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(probes) != 2 {
		t.Fatalf("%d probes for a budget of one tensor each, want 2: the input and the result", len(probes))
	}
	values := make([]float32, 2*2048)
	for i, v := range noise(9, len(values)) {
		values[i] = float32(v)
	}
	values[0], values[2048] = -40, -38
	if err := probes[1].Add(0, values); err != nil {
		t.Fatal(err)
	}
	data, err := MarshalInt8(c, Metadata{})
	if err != nil {
		t.Fatal(err)
	}
	compareGolden(t, "tail.int8", data)
}

// Folding removes every BatchNorm after a convolution and does not change the results.
func TestFoldNorms(t *testing.T) {
	cases := slices.Concat(generatorCases(t, 2), discriminatorCases(t, 2), layerCases())
	for _, c := range cases {
		if strings.HasPrefix(c.name, "unet_256") {
			continue // unet_128 has the same layers
		}
		w := noiseWeights(c.net)
		n, folded := foldNorms(c.net, w)
		if err := folded.Check(n); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if err := n.Validate(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		norms := 0
		n.Walk(func(l graph.Layer) {
			if _, ok := l.(graph.BatchNorm); ok {
				norms++
			}
		})
		if norms > 0 && c.name != "batch_norm" {
			t.Errorf("%s: BatchNorms left: %d", c.name, norms)
		}
		size := c.sizes[0]
		x := fromNCHW(noiseInput(1, n.In, size[0], size[1]), 1, n.In, size[0], size[1])
		want, got := reference{w}.layers(c.net.Layers, x), reference{folded}.layers(n.Layers, x)
		for i := range want.v {
			if d := math.Abs(want.v[i] - got.v[i]); !(d < 2e-5) {
				t.Errorf("%s: differs by %g", c.name, d)
				break
			}
		}
	}
}

// The phases of a transposed convolution, which are ordinary convolutions, compute its pixels.
func TestPhases(t *testing.T) {
	for _, l := range []graph.ConvTranspose{
		{Kernel: 3, Stride: 2, Pad: 1, OutPad: 1}, {Kernel: 4, Stride: 2, Pad: 1}, {Kernel: 2, Stride: 2}, {Kernel: 3, Stride: 3},
		{Kernel: 5, Stride: 3, Pad: 1}, {Kernel: 6, Stride: 2, Pad: 2}, {Kernel: 1, Stride: 1}, {Kernel: 3, Stride: 1, Pad: 1},
	} {
		l.Name, l.In, l.Out = "t", 2, 3
		if !quantizable(l) {
			t.Errorf("%+v is not divided", l)
			continue
		}
		whole := &graph.Network{In: 2, Out: 3, Layers: []graph.Layer{l}}
		w := noiseWeights(whole)
		x := fromNCHW(noiseInput(1, 2, 4, 5), 1, 2, 4, 5)
		want := reference{w}.layers(whole.Layers, x)
		_, ordered := filters(whole.Params()[0].Shape, w["t.weight"])
		values := slices.Collect(ordered)
		for py, y := range phases(l) {
			for px, column := range phases(l) {
				weight := pick(values, l, y.taps, column.taps)
				for at := range 4 * 5 * 3 {
					my, mx, o := at/15, at/3%5, at%3
					sum := 0.0
					for in := range l.In {
						for i := range y.taps {
							for j := range column.taps {
								iy, ix := my+i-y.before, mx+j-column.before
								if iy < 0 || iy >= 4 || ix < 0 || ix >= 5 {
									continue
								}
								sum += *x.at(0, iy, ix, in) * float64(weight[((o*l.In+in)*len(y.taps)+i)*len(column.taps)+j])
							}
						}
					}
					if d := math.Abs(sum - *want.at(0, my*l.Stride+py, mx*l.Stride+px, o)); d > 1e-6 {
						t.Fatalf("%+v: pixel %d,%d of phase %d,%d differs by %g", l, my, mx, py, px, d)
					}
				}
				// The padding makes the phase as large as its input.
				if y.before+y.after != len(y.taps)-1 {
					t.Errorf("%+v: phase %d has %d+%d zeros for %d taps", l, py, y.before, y.after, len(y.taps))
				}
			}
		}
	}
	for _, l := range []graph.ConvTranspose{
		{Kernel: 3, Stride: 2}, {Kernel: 1, Stride: 2, OutPad: 1}, {Kernel: 4, Stride: 2}, {Kernel: 3, Stride: 2, Pad: 1},
	} {
		if quantizable(l) {
			t.Errorf("%+v is divided into phases of one size", l)
		}
	}
}

func TestPrecisionErrors(t *testing.T) {
	n := generator(t, graph.GeneratorOptions{Architecture: graph.ResNet6, Filters: 1, Norm: graph.NormInstance, Upsampling: graph.UpTranspose})
	w := noiseWeights(n)
	fresh := func() *Calibration {
		c, err := NewCalibration(n, w)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	half := func(edit func(graph.Weights), m Metadata) error {
		w := w.Clone()
		if edit != nil {
			edit(w)
		}
		_, err := Marshal(n, w, m, F16)
		return err
	}
	int8 := func(c *Calibration, m Metadata) error {
		_, err := MarshalInt8(c, m)
		return err
	}
	calibrate := func(n *graph.Network, w graph.Weights) error {
		_, err := NewCalibration(n, w)
		return err
	}
	add := func(i int, values ...float32) error {
		probes, err := fresh().Probes(16, 16, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		return probes[0].Add(i, values)
	}
	probe := func(h, w int) error {
		_, err := fresh().Probes(h, w, 1)
		return err
	}
	_, noNetwork := Marshal(nil, w, Metadata{}, F16)
	for word, err := range map[string]error{
		"f16: there is no network":                                                 noNetwork,
		`f16: weights of resnet_6blocks: parameter "out.bias" is missing`:          half(func(w graph.Weights) { delete(w, "out.bias") }, Metadata{}),
		`value 2 of "out.bias" is -65505, but 16 bits hold at most 65504`:          half(func(w graph.Weights) { w["out.bias"][2] = -65505 }, Metadata{}),
		`f16: metadata: step -1`:                                                   half(nil, Metadata{Step: -1}),
		"int8: metadata: step -2":                                                  int8(noise8(t, n, w), Metadata{Step: -2}),
		"int8: there is no calibration":                                            int8(nil, Metadata{}),
		`has seen no values of "input"`:                                            int8(fresh(), Metadata{}),
		"calibrate: there is no network":                                           calibrate(nil, nil),
		`calibrate: weights of resnet_6blocks: parameter "stem.weight" is missing`: calibrate(n, graph.Weights{}),
		"there is no tensor 999":                                                   add(999, 1),
		"there is no tensor -1":                                                    add(-1, 1),
		`tensor "input" has 3 channels, but got 4`:                                 add(0, 1, 2, 3, 4),
		`tensor "input" has 3 channels, but got 0`:                                 add(0),
		`"input" has a value that is not a finite`:                                 add(0, 1, 2, float32(math.NaN())),
		"resnet_6blocks on 5x2":                                                    probe(2, 5),
	} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("error %v does not say %s", err, word)
		}
	}
	// A calibration without one of its probes.
	c := fresh()
	probes, err := c.Probes(16, 16, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := probes[0].Add(0, []float32{0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	if err := int8(c, Metadata{}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("no values of %q", probes[1].sites[0].value)) {
		t.Errorf("error %v does not name %s", err, probes[1].sites[0].value)
	}
}

// Probes return all tensors, each once, within the budget.
func TestProbesKeepToTheBudget(t *testing.T) {
	n := generator(t, graph.GeneratorOptions{Architecture: graph.ResNet6, Filters: 4, Norm: graph.NormInstance, Upsampling: graph.UpTranspose})
	c, err := NewCalibration(n, noiseWeights(n))
	if err != nil {
		t.Fatal(err)
	}
	const budget = 4 * 32 * 32 * 10
	probes, err := c.Probes(32, 32, budget)
	if err != nil {
		t.Fatal(err)
	}
	shapes, err := c.flow.shapes(graph.Shape{H: 32, W: 32, C: 3})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range probes {
		data, err := p.Model()
		if err != nil {
			t.Fatal(err)
		}
		m := read(t, data)
		if len(m.outputs) != len(p.sites) {
			t.Errorf("%d outputs, %d tensors", len(m.outputs), len(p.sites))
		}
		size := 0
		for i, s := range p.sites {
			if seen[s.value] || !strings.HasPrefix(m.outputs[i], s.value+" 1 [batch ") {
				t.Errorf("output %s: %q appears twice or elsewhere", m.outputs[i], s.value)
			}
			seen[s.value] = true
			size += 4 * shapes[s.value].H * shapes[s.value].W * shapes[s.value].C
		}
		if size > budget {
			t.Errorf("%v hold %d bytes of %d", p.sites, size, budget)
		}
	}
	// The inputs and outputs of stem, down1, down2, 12 in the blocks, up1 and up2. The last
	// convolution stays float32.
	if len(seen) != 2*17 || len(probes) < 3 {
		t.Errorf("%d tensors in %d probes", len(seen), len(probes))
	}
}
