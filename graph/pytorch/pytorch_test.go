package pytorch

import (
	"bytes"
	"errors"
	"hash/crc32"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cyclegan/graph"
)

func TestRecognize(t *testing.T) {
	for _, f := range fixtures() {
		s := f.read(t)
		g, errG := Recognize(s)
		d, errD := RecognizeDiscriminator(s)
		if f.isGenerator() {
			if errG != nil || g != f.g {
				t.Errorf("%s: recognized as %+v, %v; want %+v", f.file, g, errG, f.g)
			}
			if !errors.Is(errD, ErrUnknown) {
				t.Errorf("%s: a generator is recognized as the discriminator %+v, %v", f.file, d, errD)
			}
			continue
		}
		if errD != nil || d != f.d {
			t.Errorf("%s: recognized as %+v, %v; want %+v", f.file, d, errD, f.d)
		}
		if !errors.Is(errG, ErrUnknown) {
			t.Errorf("%s: a discriminator is recognized as the generator %+v, %v", f.file, g, errG)
		}
	}
}

// Every weight reaches its parameter: fixtures.py derives a tensor's values from its official name.
func TestPlaces(t *testing.T) {
	const inner = "model.model.1.model."
	for _, c := range []struct{ file, param, official string }{
		{"resnet_9blocks.pth", "stem.weight", "model.1.weight"},
		{"resnet_9blocks.pth", "down2.weight", "model.7.weight"},
		{"resnet_9blocks.pth", "block3.conv2.weight", "model.12.conv_block.5.weight"},
		{"resnet_9blocks.pth", "up1.weight", "model.19.weight"},
		{"resnet_9blocks.pth", "up2.weight", "model.22.weight"},
		{"resnet_9blocks.pth", "out.weight", "model.26.weight"},
		{"resnet_9blocks.pth", "out.bias", "model.26.bias"},
		{"resnet_6blocks_old.pth", "block6.conv1.weight", "model.15.conv_block.1.weight"},
		{"resnet_6blocks_old.pth", "up1.weight", "model.16.weight"},
		{"resnet_6blocks_batch_dropout.pth", "block1.conv2.weight", "model.10.conv_block.6.weight"},
		{"resnet_6blocks_batch_dropout.pth", "block1.conv2.norm.gamma", "model.10.conv_block.7.weight"},
		{"resnet_6blocks_batch_dropout.pth", "stem.norm.mean", "model.2.running_mean"},
		{"resnet_6blocks_batch_dropout.pth", "up2.norm.beta", "model.20.bias"},
		{"resnet_6blocks_none_mixed.pth", "block2.conv1.weight", "model.11.conv_block.1.weight"},
		{"resnet_6blocks_none_mixed.pth", "up2.weight", "model.19.weight"},
		{"resnet_6blocks_mixed_old.pth", "block2.conv1.weight", "model.11.conv_block.1.weight"},
		{"resnet_6blocks.safetensors", "block2.conv1.weight", "model.11.conv_block.1.weight"},
		{"unet_128.pth", "down1.weight", "model.model.0.weight"},
		{"unet_128.pth", "down1.bias", "model.model.0.bias"},
		{"unet_128.pth", "up1.weight", "model.model.3.weight"},
		{"unet_128.pth", "down2.weight", inner + "1.weight"},
		{"unet_128.pth", "up2.weight", inner + "5.weight"},
		{"unet_128.pth", "down3.weight", inner + "3.model.1.weight"},
		{"unet_128.pth", "down7.weight", inner + strings.Repeat("3.model.", 5) + "1.weight"},
		{"unet_128.pth", "down7.bias", inner + strings.Repeat("3.model.", 5) + "1.bias"},
		{"unet_128.pth", "up7.weight", inner + strings.Repeat("3.model.", 5) + "3.weight"},
		{"unet_256_batch_old.pth", "up8.norm.gamma", inner + strings.Repeat("3.model.", 6) + "4.weight"},
		{"unet_256_batch_old.pth", "down2.norm.beta", inner + "2.bias"},
		{"unet_256_batch_old.pth", "up2.norm.mean", inner + "6.running_mean"},
		{"basic.pth", "conv4.weight", "model.8.weight"},
		{"basic.pth", "score.bias", "model.11.bias"},
		{"n_layers_batch.pth", "conv2.norm.gamma", "model.3.weight"},
		{"n_layers_batch.pth", "score.weight", "model.8.weight"},
		{"pixel.pth", "conv2.weight", "net.2.weight"},
		{"pixel.pth", "score.bias", "net.5.bias"},
	} {
		all := fixtures()
		n, w := all[slices.IndexFunc(all, func(f fixture) bool { return f.file == c.file })].load(t)
		params := n.Params()
		p := params[slices.IndexFunc(params, func(p graph.Param) bool { return p.Name == c.param })]
		got := w[c.param]
		if p.Role != graph.Weight {
			if want := noise(crc32.ChecksumIEEE([]byte(c.official)), p.Size()); !slices.Equal(got, want) {
				t.Errorf("%s: %s is %v, want %v", c.file, c.param, got, want)
			}
			continue
		}
		k, x, y := p.Shape[0], p.Shape[2], p.Shape[3]
		want := officialWeight(c.official, []int{y, x, k, k})
		for i := range got {
			// got[ky, kx, x, y] is want[y, x, ky, kx].
			yi, xi, ki := i%y, i/y%x, i/y/x
			if v := want[(yi*x+xi)*k*k+ki]; got[i] != v {
				t.Errorf("%s: value %d of %s is %g, want %g", c.file, i, c.param, got[i], v)
				break
			}
		}
	}
}

// A written file has the names of the fixture's tensors, is recognized as the same network, and
// reads back as the same weights.
func TestWriteAndRead(t *testing.T) {
	for _, f := range fixtures() {
		_, w := f.load(t)
		var file bytes.Buffer
		var err error
		if f.isGenerator() {
			err = WriteGenerator(&file, f.g, w)
		} else {
			err = WriteDiscriminator(&file, f.d, w)
		}
		if err != nil {
			t.Errorf("%s: %v", f.file, err)
			continue
		}
		s, err := Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			t.Errorf("%s: %v", f.file, err)
			continue
		}
		want := f.read(t).unwrapped()
		if f.file == "resnet_6blocks_old.pth" {
			maps.DeleteFunc(want, func(name string, _ Tensor) bool {
				return strings.Contains(name, "running_") || strings.Contains(name, "num_batches")
			})
		}
		if got, want := slices.Sorted(maps.Keys(s)), slices.Sorted(maps.Keys(want)); !slices.Equal(got, want) {
			t.Errorf("%s: wrote %v, the fixture has %v", f.file, got, want)
		}
		for name, tensor := range want {
			if !slices.Equal(s[name].Shape, tensor.Shape) {
				t.Errorf("%s: wrote %s with shape %v, the fixture has %v", f.file, name, s[name].Shape, tensor.Shape)
			}
		}
		var again graph.Weights
		if f.isGenerator() {
			if o, err := Recognize(s); err != nil || o != f.g {
				t.Errorf("%s: the written file is recognized as %+v, %v", f.file, o, err)
			}
			_, again, err = Generator(s, f.g)
		} else {
			if o, err := RecognizeDiscriminator(s); err != nil || o != f.d {
				t.Errorf("%s: the written file is recognized as %+v, %v", f.file, o, err)
			}
			_, again, err = Discriminator(s, f.d)
		}
		if err != nil || !reflect.DeepEqual(again, w) {
			t.Errorf("%s: the weights differ after writing and reading, %v", f.file, err)
		}
	}
}

func TestCancelledBiasesAreZeros(t *testing.T) {
	f := fixtures()[0]
	_, w := f.load(t)
	var file bytes.Buffer
	if err := WriteGenerator(&file, f.g, w); err != nil {
		t.Fatal(err)
	}
	s, err := Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if b := s["model.1.bias"].Values; !slices.Equal(b, []float32{0, 0}) {
		t.Errorf("bias before the first norm: %v", b)
	}
	if b := s["model.26.bias"].Values; slices.Contains(b, 0) {
		t.Errorf("last bias: %v", b)
	}
}

func TestMismatch(t *testing.T) {
	all := fixtures()
	of := func(file string) State {
		return all[slices.IndexFunc(all, func(f fixture) bool { return f.file == file })].read(t)
	}
	base := all[0].g
	for _, c := range []struct {
		name  string
		state State
		edit  func(*graph.GeneratorOptions)
		texts []string
	}{
		{"width", of("resnet_9blocks.pth"), func(o *graph.GeneratorOptions) { o.Filters = 64 },
			[]string{`"model.1.weight"`, "[2 3 7 7]", "[64 3 7 7]", "look like resnet_9blocks with ngf 2, norm instance"}},
		{"blocks", of("resnet_9blocks.pth"), func(o *graph.GeneratorOptions) { o.Architecture = graph.ResNet6 },
			[]string{`"model.16.weight"`, "[8 4 3 3]", "look like resnet_9blocks"}},
		{"U-Net", of("resnet_9blocks.pth"), func(o *graph.GeneratorOptions) { o.Architecture = graph.UNet256 }, []string{`"model.model.0.weight"`}},
		{"norm", of("resnet_9blocks.pth"), func(o *graph.GeneratorOptions) { o.Norm = graph.NormBatch }, []string{`"model.2.weight"`, "norm instance"}},
		{"no norm", of("resnet_9blocks.pth"), func(o *graph.GeneratorOptions) { o.Norm = graph.NormNone },
			[]string{`"model.1.bias" of shape [2] does not belong`, "norm instance"}},
		{"dropout", of("resnet_9blocks.pth"), func(o *graph.GeneratorOptions) { o.Dropout = true }, []string{`"model.10.conv_block.6.weight"`}},
		{"channels", of("resnet_9blocks.pth"), func(o *graph.GeneratorOptions) { o.In = 1 }, []string{`"model.1.weight"`, "[2 3 7 7]", "[2 1 7 7]"}},
		{"discriminator", of("basic.pth"), func(*graph.GeneratorOptions) {}, []string{"look like a discriminator: basic"}},
		{"residual", of("resnet_9blocks.pth"), func(o *graph.GeneratorOptions) { o.Residual = true }, []string{"its weights have no names there"}},
		{"resize", of("resnet_9blocks.pth"), func(o *graph.GeneratorOptions) { o.Upsampling = graph.UpResize }, []string{"its weights have no names there"}},
		{"yosemite", of("resnet_9blocks.pth"), func(o *graph.GeneratorOptions) { o.Architecture = graph.Yosemite }, []string{`"yosemite"`}},
		{"no filters", of("resnet_9blocks.pth"), func(o *graph.GeneratorOptions) { o.Filters = 0 }, []string{"0 filters"}},
		{"NaN", broken(of("resnet_9blocks.pth"), "model.10.conv_block.1.weight", float32(math.NaN())), func(*graph.GeneratorOptions) {},
			[]string{`"model.10.conv_block.1.weight" holds NaN`, "Fix:"}},
		{"infinite", broken(of("resnet_9blocks.pth"), "model.26.bias", float32(math.Inf(-1))), func(*graph.GeneratorOptions) {}, []string{`"model.26.bias" holds -Inf`}},
		{"integers", State{"model.1.weight": {Shape: []int{2, 3, 7, 7}, Type: "int8"}}, func(*graph.GeneratorOptions) {}, []string{`"model.1.weight" holds int8`}},
	} {
		o := base
		c.edit(&o)
		_, _, err := Generator(c.state, o)
		wantError(t, c.name, err, c.texts...)
	}
	_, _, err := Discriminator(of("basic.pth"), graph.DiscriminatorOptions{Architecture: graph.NLayers, In: 3, Filters: 2, Layers: 2, Norm: graph.NormInstance})
	wantError(t, "layers", err, `"model.8.weight"`, "[16 8 4 4]", "[1 8 4 4]", "look like a discriminator: basic")
	_, _, err = Discriminator(of("basic.pth"), graph.DiscriminatorOptions{Architecture: graph.Yosemite, In: 3, Filters: 2, Norm: graph.NormBatch})
	wantError(t, "yosemite", err, "its weights have no names there")
}

// broken changes one value of a tensor.
func broken(s State, name string, v float32) State {
	t := s[name]
	t.Values = slices.Clone(t.Values)
	t.Values[len(t.Values)-1] = v
	s[name] = t
	return s
}

// The norm in the options overrides the recognized one: a file without the cancelled biases does
// not show that the network has InstanceNorm.
func TestInstanceNormWithoutBiases(t *testing.T) {
	f := fixtures()[0]
	s := f.read(t)
	_, want, err := Generator(s, f.g)
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(s, func(name string, _ Tensor) bool { return strings.HasSuffix(name, ".bias") && name != "model.26.bias" })
	if o, err := Recognize(s); err != nil || o.Norm != graph.NormNone {
		t.Errorf("recognized as %+v, %v", o, err)
	}
	if _, got, err := Generator(s, f.g); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the weights differ without the cancelled biases, %v", err)
	}
}

func TestNotRecognized(t *testing.T) {
	conv := Tensor{Shape: []int{2, 3, 4, 4}}
	for name, s := range map[string]State{
		"nothing":        {},
		"no convolution": {"model.1.weight": {Shape: []int{2}}},
		"no blocks":      {"model.1.weight": conv},
		"no last": {
			"model.1.weight": conv, "model.10.conv_block.1.weight": conv, "model.11.conv_block.1.weight": conv,
			"model.12.conv_block.1.weight": conv, "model.13.conv_block.1.weight": conv,
			"model.14.conv_block.1.weight": conv, "model.15.conv_block.1.weight": conv,
		},
		"shallow U-Net": {"model.model.0.weight": conv},
		"flat D":        {"model.0.weight": conv},
		"flat pixel":    {"net.0.weight": {Shape: []int{1}}},
		"too many layers": {
			"model.0.weight": conv, "model.5.weight": conv, "model.8.weight": conv, "model.11.weight": conv,
			"model.14.weight": conv, "model.17.weight": conv, "model.20.weight": conv,
		},
	} {
		if o, err := Recognize(s); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: recognized as %+v, %v", name, o, err)
		}
		if o, err := RecognizeDiscriminator(s); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: recognized as %+v, %v", name, o, err)
		}
	}
}

func TestWriteChecksFirst(t *testing.T) {
	f := fixtures()[0]
	_, w := f.load(t)
	delete(w, "down2.weight")
	var file bytes.Buffer
	wantError(t, "missing", WriteGenerator(&file, f.g, w), `"down2.weight" is missing`)
	_, infinite := f.load(t)
	infinite["up1.weight"][3] = float32(math.Inf(1))
	wantError(t, "infinite", WriteGenerator(&file, f.g, infinite), `value 3 of parameter "up1.weight" is +Inf`)
	o := f.g
	o.Upsampling = graph.UpResize
	wantError(t, "resize", WriteGenerator(&file, o, w), "its weights have no names there")
	wantError(t, "yosemite", WriteDiscriminator(&file, graph.DiscriminatorOptions{Architecture: graph.Yosemite, In: 3, Filters: 2, Norm: graph.NormBatch}, w), "its weights have no names there")
	if file.Len() > 0 {
		t.Errorf("wrote %d bytes", file.Len())
	}
	_, w = f.load(t)
	full := errors.New("disk full")
	if err := WriteGenerator(failing{full}, f.g, w); !errors.Is(err, full) {
		t.Errorf("error %v, want the writer's", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func wantError(t *testing.T, name string, err error, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: the error %v lacks %q", name, err, text)
		}
	}
}
