package graph

import (
	"bytes"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func generator(t *testing.T, arch string, edit func(*GeneratorOptions)) *Network {
	t.Helper()
	o := GeneratorOptions{Architecture: arch, In: 3, Out: 3, Filters: 64, Norm: NormInstance, Upsampling: UpTranspose}
	if arch == Yosemite {
		o.Norm = NormBatch
	}
	if arch == Pyramid {
		o.Norm, o.Size = NormNone, 128
	}
	if edit != nil {
		edit(&o)
	}
	n, err := NewGenerator(o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func discriminator(t *testing.T, arch string, edit func(*DiscriminatorOptions)) *Network {
	t.Helper()
	o := DiscriminatorOptions{Architecture: arch, In: 3, Filters: 64, Layers: 3, Norm: NormInstance}
	if strings.HasPrefix(arch, Yosemite) {
		o.Norm = NormBatch
	}
	if edit != nil {
		edit(&o)
	}
	n, err := NewDiscriminator(o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The counts of the official implementation and of the course recipe, without the biases that an
// InstanceNorm after them cancels.
func TestParamCounts(t *testing.T) {
	batch := func(o *GeneratorOptions) { o.Norm = NormBatch }
	cancelled := func(n *Network) int {
		biases := 0
		var visit func([]Layer)
		visit = func(layers []Layer) {
			for i, l := range layers {
				for _, b := range branches(l, Shape{}) {
					visit(b.layers)
				}
				if norm, ok := l.(InstanceNorm); ok && i > 0 {
					biases += norm.Channels
				}
			}
		}
		visit(n.Layers)
		return biases
	}
	for _, c := range []struct {
		name     string
		net      *Network
		own      int
		official int // with cancelled biases; 0 if unknown
	}{
		{"resnet_9blocks", generator(t, ResNet9, nil), 11_372_931, 11_378_179},
		{"resnet_6blocks", generator(t, ResNet6, nil), 7_833_987, 7_837_699},
		{"unet_256", generator(t, UNet256, nil), 0, 54_409_603},
		{"unet_256 batch", generator(t, UNet256, batch), 54_413_955, 54_413_955},
		{"unet_128", generator(t, UNet128, nil), 0, 41_825_667},
		{"unet_128 batch", generator(t, UNet128, batch), 41_828_995, 41_828_995},
		{"yosemite", generator(t, Yosemite, nil), 8_402_176, 0},
		{"pyramid", generator(t, Pyramid, nil), 448_533, 0},
		{"basic", discriminator(t, PatchGAN, nil), 2_763_841, 2_764_737},
		{"yosemite D", discriminator(t, Yosemite, nil), 2_765_696, 0},
		{"yosemite_public", discriminator(t, YosemitePublic, nil), 2_765_568, 0},
	} {
		if got := c.net.ParamCount(); c.own != 0 && got != c.own {
			t.Errorf("%s: %d trainable values, want %d", c.name, got, c.own)
		}
		if got := c.net.ParamCount() + cancelled(c.net); c.official != 0 && got != c.official {
			t.Errorf("%s: %d trainable values with cancelled biases, the official network has %d", c.name, got, c.official)
		}
	}
}

func TestGoldenListings(t *testing.T) {
	nets := map[string]*Network{
		"resnet_9blocks":          generator(t, ResNet9, nil),
		"resnet_6blocks":          generator(t, ResNet6, nil),
		"resnet_6blocks_residual": generator(t, ResNet6, func(o *GeneratorOptions) { o.Residual, o.Upsampling, o.Dropout = true, UpResize, true }),
		"unet_256":                generator(t, UNet256, nil),
		"unet_256_batch_dropout":  generator(t, UNet256, func(o *GeneratorOptions) { o.Norm, o.Dropout = NormBatch, true }),
		"unet_128":                generator(t, UNet128, nil),
		"yosemite_G":              generator(t, Yosemite, nil),
		"pyramid":                 generator(t, Pyramid, nil),
		"pyramid_256_instance":    generator(t, Pyramid, func(o *GeneratorOptions) { o.Norm, o.Size, o.Filters = NormInstance, 256, 8 }),
		"basic":                   discriminator(t, PatchGAN, nil),
		"n_layers_5":              discriminator(t, NLayers, func(o *DiscriminatorOptions) { o.Layers = 5 }),
		"pixel":                   discriminator(t, Pixel, nil),
		"yosemite_D":              discriminator(t, Yosemite, nil),
		"yosemite_public_D":       discriminator(t, YosemitePublic, nil),
		"projected":               discriminator(t, Projected, nil),
		"efficientnet_lite0":      EfficientNetLite0(),
	}
	for name, n := range nets {
		size := 128
		if strings.Contains(name, "256") {
			size = 256
		}
		var text bytes.Buffer
		if err := Fprint(&text, n, size, size); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		path := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(text.Bytes(), want) {
			t.Errorf("%s: the listing differs from %s; run with -update and check the difference", name, path)
		}
	}
}

func TestShapes(t *testing.T) {
	for _, c := range []struct {
		net  *Network
		h, w int
		want Shape
	}{
		{generator(t, ResNet9, nil), 256, 256, Shape{256, 256, 3}},
		{generator(t, ResNet9, nil), 65, 71, Shape{68, 72, 3}},
		{generator(t, UNet256, nil), 256, 512, Shape{256, 512, 3}},
		{generator(t, Yosemite, nil), 128, 128, Shape{128, 128, 3}},
		{generator(t, Pyramid, nil), 2160, 3840, Shape{2160, 3840, 3}},
		{generator(t, Pyramid, nil), 1, 1, Shape{1, 1, 3}},
		{generator(t, Pyramid, nil), 1, 5000, Shape{1, 5000, 3}},
		{discriminator(t, PatchGAN, nil), 256, 256, Shape{30, 30, 1}},
		{discriminator(t, PatchGAN, nil), 128, 128, Shape{14, 14, 1}},
		{discriminator(t, Pixel, nil), 64, 48, Shape{64, 48, 1}},
		{discriminator(t, Yosemite, nil), 128, 128, Shape{1, 1, 1}},
		{discriminator(t, YosemitePublic, nil), 128, 128, Shape{7, 7, 1}},
	} {
		got, err := c.net.OutputShape(c.h, c.w)
		if err != nil || got != c.want {
			t.Errorf("%s on %dx%d: %v, %v; want %v", c.net.Name, c.h, c.w, got, err, c.want)
		}
	}
	for _, c := range []struct {
		net  *Network
		h, w int
		text string
	}{
		{generator(t, UNet256, nil), 512, 300, "skip connection"},
		{generator(t, ResNet9, nil), 3, 64, "reflect-pad 3"},
		{discriminator(t, PatchGAN, nil), 16, 16, "kernel"},
	} {
		if _, err := c.net.OutputShape(c.h, c.w); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s on %dx%d: error %v lacks %q", c.net.Name, c.h, c.w, err, c.text)
		}
	}
}

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		net           *Network
		multiple, min int
	}{
		{generator(t, ResNet9, nil), 4, 8},
		{generator(t, UNet256, nil), 256, 256},
		{generator(t, UNet128, nil), 128, 128},
		{generator(t, Yosemite, nil), 8, 8},
		{generator(t, Pyramid, nil), 1, 1},
		{&Network{Name: "levels", In: 3, Out: 3, Layers: generator(t, Pyramid, nil).Layers[0].(Thumbnail).Body}, 4, 8},
	} {
		least, err := c.net.MinSize()
		if err != nil {
			t.Fatal(err)
		}
		if got := c.net.SizeMultiple(); got != c.multiple || least != c.min {
			t.Errorf("%s: multiple %d, minimum %d; want %d, %d", c.net.Name, got, least, c.multiple, c.min)
		}
	}
}

func TestReceptiveFieldOfPatchGAN(t *testing.T) {
	// The side of the smallest input for which the network without padding returns one score.
	for layers, want := range map[int]int{1: 16, 2: 34, 3: 70, 4: 142, 5: 286} {
		n := discriminator(t, NLayers, func(o *DiscriminatorOptions) { o.Layers = layers })
		field := 1
		for _, l := range slices.Backward(n.Layers) {
			if c, ok := l.(Conv); ok {
				field = (field-1)*c.Stride + c.Kernel
			}
		}
		if field != want {
			t.Errorf("n_layers %d: receptive field %d, want %d", layers, field, want)
		}
	}
}

func TestValidateListsEveryProblem(t *testing.T) {
	n := &Network{Name: "bad", In: 3, Out: 3, Layers: []Layer{
		Conv{Name: "a", In: 4, Out: 8, Kernel: 3, Stride: 1},
		Conv{Name: "a", In: 8, Out: 8, Kernel: 0, Stride: 1},
		BatchNorm{Name: "", Channels: 8, Epsilon: 1e-5},
		Residual{Body: []Layer{Conv{Name: "b", In: 8, Out: 9, Kernel: 1, Stride: 1}}},
		Dropout{Rate: 1},
		Upsample{Scale: 2, Mode: "cubic"},
		Clamp{Min: 1, Max: 1},
		ReflectPad{},
		Thumbnail{Size: 30, Multiple: 4, Body: []Layer{Conv{Name: "d", In: 9, Out: 7, Kernel: 1, Stride: 1}}},
		Downsample{Channels: 7},
		Level{Channels: 9, Body: []Layer{Conv{Name: "e", In: 9, Out: 6, Kernel: 1, Stride: 1}}, Mask: []Layer{Conv{Name: "f", In: 27, Out: 2, Kernel: 1, Stride: 1}}},
		nil,
	}}
	err := n.Validate()
	if err == nil {
		t.Fatal("an invalid network passes")
	}
	for _, text := range []string{
		`"a" takes 4 channels, got 3`, `"a" is used twice`, "kernel 0", "no name", "momentum 0",
		"branch returns 9", "rate 1", `"cubic"`, "clamp", "pad 0", "<nil>", "declares 3",
		"size 30", "body returns 7", "body returns 6", "mask has 2", `"downsample" takes 7`,
	} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error lacks %s:\n%v", text, err)
		}
	}
}

func TestOptionErrorsNameTheValue(t *testing.T) {
	_, err := NewGenerator(GeneratorOptions{Architecture: "resnet_0blocks", In: 2, Out: 3, Norm: "group", Upsampling: "magic", Residual: true})
	for _, text := range []string{"resnet_0blocks", "1 to 64 blocks", "group", "magic", "not 2", "0 filters", "residual"} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("the error lacks %s: %v", text, err)
		}
	}
	_, err = NewGenerator(GeneratorOptions{Architecture: Pyramid, In: 3, Out: 1, Filters: 6, Size: 96, Norm: NormNone, Upsampling: UpTranspose, Residual: true, Dropout: true})
	for _, text := range []string{"as many output channels", "6 filters", "not 96", "no dropout"} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("the error lacks %s: %v", text, err)
		}
	}
	_, err = NewDiscriminator(DiscriminatorOptions{Architecture: NLayers, In: 3, Filters: 64, Layers: 6, Norm: NormInstance})
	if err == nil || !strings.Contains(err.Error(), "6 layers") {
		t.Errorf("six layers: %v", err)
	}
}

func TestInitialize(t *testing.T) {
	n := generator(t, Yosemite, func(o *GeneratorOptions) { o.Filters = 16 })
	for _, c := range []struct {
		kind InitType
		gain float64
		std  func(Param) float64
	}{
		{InitNormal, 0.02, func(Param) float64 { return 0.02 }},
		{InitXavier, 0.5, func(p Param) float64 { return weightStd(p, InitXavier, 0.5) }},
		{InitKaiming, 0.02, func(p Param) float64 { return weightStd(p, InitKaiming, 0.02) }},
		{InitOrthogonal, 0.7, func(p Param) float64 {
			rows := p.Shape[3]
			return 0.7 / math.Sqrt(float64(max(rows, p.Size()/rows)))
		}},
	} {
		w, err := Initialize(n, c.kind, c.gain, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Check(n); err != nil {
			t.Fatal(err)
		}
		for _, p := range n.Params() {
			var sum, squares float64
			for _, v := range w[p.Name] {
				sum += float64(v)
				squares += float64(v) * float64(v)
			}
			size := float64(p.Size())
			mean, std := sum/size, math.Sqrt(squares/size-sum*sum/size/size)
			wantMean, wantStd := 0.0, 0.0
			switch p.Role {
			case Weight:
				wantStd = c.std(p)
			case Gamma:
				wantMean, wantStd = 1, c.gain
			case Variance:
				wantMean = 1
			}
			if math.Abs(mean-wantMean) > 5*wantStd/math.Sqrt(size)+1e-9 || math.Abs(std-wantStd) > 5*wantStd/math.Sqrt(2*size)+1e-7 {
				t.Errorf("%s %s: mean %.4g, std %.4g; want %.4g, %.4g", c.kind, p.Name, mean, std, wantMean, wantStd)
			}
		}
	}
}

func TestThumbnailShapes(t *testing.T) {
	l := Thumbnail{Size: 128, Multiple: 4}
	for in, want := range map[[2]int][2]int{
		{128, 128}: {128, 128}, {2160, 3840}: {128, 228}, {301, 200}: {192, 128}, {1, 1}: {128, 128},
		{100, 90}: {144, 128}, {1, 4000}: {128, 1024}, {7000, 3}: {1024, 128}, {128, 130}: {128, 132},
	} {
		if got := l.Shape(Shape{in[0], in[1], 3}); got != (Shape{want[0], want[1], 3}) {
			t.Errorf("%v: %v, want %v", in, got, want)
		}
	}
}

// The layers at the end of a pyramid's parts start near zero.
func TestGainScalesInitialWeights(t *testing.T) {
	n := generator(t, Pyramid, nil)
	for _, kind := range []InitType{InitNormal, InitXavier, InitKaiming, InitOrthogonal} {
		w, err := Initialize(n, kind, 0.02, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			t.Fatal(err)
		}
		std := func(name string) float64 {
			sum := 0.0
			for _, v := range w[name] {
				sum += float64(v) * float64(v)
			}
			return math.Sqrt(sum / float64(len(w[name])))
		}
		// Both have 64 channels in and out.
		if got := std("base.block3.conv2.weight") / std("base.block3.conv1.weight"); math.Abs(got-1./3) > 0.01 {
			t.Errorf("%s: a block's second convolution has %.3f of the first one's scale, want 1/3", kind, got)
		}
		if kind == InitKaiming {
			for _, name := range []string{"base.out", "mask64.out", "mask128.out"} {
				if got := std(name + ".weight"); got < 0.006 || got > 0.014 {
					t.Errorf("%s starts at %.4f, want about 0.01", name, got)
				}
			}
		}
	}
}

func TestXavierAndKaimingUsePyTorchFans(t *testing.T) {
	// torch.nn.init on Conv2d(8, 16, 3) and ConvTranspose2d(8, 16, 3):
	// fan-in 72 and 144, fan-out 144 and 72.
	conv := LayerParams(Conv{Name: "c", In: 8, Out: 16, Kernel: 3, Stride: 1})[0]
	transposed := LayerParams(ConvTranspose{Name: "t", In: 8, Out: 16, Kernel: 3, Stride: 1})[0]
	for _, c := range []struct {
		p     Param
		fanIn float64
	}{{conv, 72}, {transposed, 144}} {
		if got, want := weightStd(c.p, InitKaiming, 1), math.Sqrt(2/c.fanIn); got != want {
			t.Errorf("kaiming %s: %v, want %v", c.p.Name, got, want)
		}
		if got, want := weightStd(c.p, InitXavier, 1), math.Sqrt(2./216); math.Abs(got-want) > 1e-12 {
			t.Errorf("xavier %s: %v, want %v", c.p.Name, got, want)
		}
	}
}

func TestOrthogonalRowsAreOrthonormal(t *testing.T) {
	n := &Network{Name: "o", In: 3, Out: 8, Layers: []Layer{
		Conv{Name: "wide", In: 3, Out: 8, Kernel: 3, Stride: 1}, // 8 rows of 27
		Conv{Name: "tall", In: 8, Out: 8, Kernel: 1, Stride: 1}, // 8 rows of 8
	}}
	w, err := Initialize(n, InitOrthogonal, 2, rand.New(rand.NewPCG(3, 4)))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range n.Params() {
		values, rows := w[p.Name], p.Shape[3]
		for i := range rows {
			for j := range rows {
				var dot float64
				for k := 0; k < len(values); k += rows {
					dot += float64(values[k+i]) * float64(values[k+j])
				}
				want := 0.0
				if i == j {
					want = 4
				}
				if math.Abs(dot-want) > 1e-5 {
					t.Errorf("%s: product of rows %d and %d is %g, want %g", p.Name, i, j, dot, want)
				}
			}
		}
	}
}

func TestWeightsCheck(t *testing.T) {
	n := discriminator(t, PatchGAN, func(o *DiscriminatorOptions) { o.Filters = 2 })
	good, err := Initialize(n, InitNormal, 0.02, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	for text, spoil := range map[string]func(Weights){
		`"conv2.weight" is missing`: func(w Weights) { delete(w, "conv2.weight") },
		`"score.bias" has 3 values`: func(w Weights) { w["score.bias"] = make([]float32, 3) },
		`unknown parameter "extra"`: func(w Weights) { w["extra"] = nil },
	} {
		w := good.Clone()
		spoil(w)
		if err := w.Check(n); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v lacks %s", err, text)
		}
	}
	if err := good.Check(n); err != nil {
		t.Error(err)
	}
}

// A fork's branches all start from its input: they shrink it independently, and training leaves
// frozen layers alone.
func TestForkAndFrozenLayers(t *testing.T) {
	trunk := []Layer{ZeroPad{0, 1}, DepthwiseConv{Name: "deep", Channels: 3, Kernel: 3, Stride: 2, Bias: true, Frozen: true}}
	n := &Network{Name: "fork", In: 3, Out: 4, Layers: []Layer{
		Conv{Name: "first", In: 3, Out: 3, Kernel: 1, Stride: 1, Frozen: true},
		Fork{[][]Layer{
			chain(trunk, Upsample{Scale: 2, Mode: Nearest}, Conv{Name: "a", In: 3, Out: 1, Kernel: 1, Stride: 1}),
			{Conv{Name: "b", In: 3, Out: 3, Kernel: 3, Stride: 1, Pad: 1}},
		}},
	}}
	if err := n.Validate(); err != nil {
		t.Fatal(err)
	}
	if out, err := n.OutputShape(8, 6); err != nil || out != (Shape{8, 6, 4}) {
		t.Errorf("shape %v, %v", out, err)
	}
	if _, err := n.OutputShape(7, 6); err == nil || !strings.Contains(err.Error(), "fork: branch 2") {
		t.Errorf("branches of two sizes: %v", err)
	}
	if m := n.SizeMultiple(); m != 2 {
		t.Errorf("size multiple %d, want 2", m)
	}
	if got, want := n.ParamCount(), 3+81; got != want {
		t.Errorf("%d trainable values, want %d", got, want)
	}
	if got, err := n.MACs(8, 6); err != nil || got != 9*48+27*12+3*48+81*48 {
		t.Errorf("%d multiply-accumulates, %v", got, err)
	}
	w, err := Initialize(n, InitKaiming, 0.02, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	if slices.Max(w["deep.weight"]) != 0 || slices.Max(w["a.weight"]) == 0 {
		t.Errorf("frozen weights are drawn or others are not: %v", w)
	}
	bad := &Network{Name: "bad", In: 3, Out: 3, Layers: []Layer{Fork{}, ZeroPad{}, DepthwiseConv{Name: "d", Channels: 2}}}
	err = bad.Validate()
	for _, want := range []string{"no branches", "zero-pad", `"d" takes 2 channels`, "kernel 0"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}
