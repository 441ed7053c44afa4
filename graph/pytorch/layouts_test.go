package pytorch

import (
	"bytes"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"cyclegan/graph"
)

// layoutFixtures are the files that testdata/layouts.py wrote with PyTorch.
func layoutFixtures() []fixture {
	resnet := func(blocks int, norm graph.Norm) graph.GeneratorOptions {
		return graph.GeneratorOptions{Architecture: graph.ResNet(blocks), In: 3, Out: 3, Filters: 1, Norm: norm, Upsampling: graph.UpTranspose}
	}
	cut, near, course := resnet(2, graph.NormInstance), resnet(2, graph.NormInstance), resnet(9, graph.NormInstance)
	cut.Antialias, near.Upsampling, course.Architecture = true, graph.UpNearest, graph.Course
	return []fixture{
		{file: "layout_compiled.pth", g: resnet(4, graph.NormInstance)},
		{file: "layout_12blocks.pth", g: resnet(12, graph.NormInstance)},
		{file: "layout_affine.pth", g: resnet(2, graph.NormAffine)},
		{file: "layout_affine_tracking.pth", g: resnet(2, graph.NormAffine)},
		{file: "layout_cut.pth", g: cut},
		{file: "layout_pytorch_gan.pth", g: near},
		{file: "layout_course.pth", g: course, direction: AtoB},
		{file: "layout_course.pth", g: course, direction: BtoA},
		{file: "layout_checkpoint.pth", g: resnet(2, graph.NormInstance), direction: AtoB},
		{file: "layout_checkpoint.pth", g: resnet(2, graph.NormInstance), direction: BtoA},
	}
}

// Each layout is recognized, and its weights can be written and read again.
func TestLayouts(t *testing.T) {
	for _, f := range layoutFixtures() {
		s := f.read(t)
		if o, err := Recognize(s); err != nil || o != f.g {
			t.Errorf("%s: recognized as %+v, %v; want %+v", f.file, o, err, f.g)
			continue
		}
		_, w := f.load(t)
		var file bytes.Buffer
		if err := WriteGenerator(&file, f.g, w); err != nil {
			t.Errorf("%s: %v", f.file, err)
			continue
		}
		again, err := Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if o, err := Recognize(again); err != nil || o != f.g {
			t.Errorf("%s: recognized as %+v, %v after writing", f.file, o, err)
		}
		if _, same, err := Generator(again, f.g); err != nil || !reflect.DeepEqual(same, w) {
			t.Errorf("%s: the weights differ after writing and reading, %v", f.file, err)
		}
	}
}

func TestChoose(t *testing.T) {
	checkpoint, err := ReadFile(filepath.Join("testdata", "layout_checkpoint.pth"))
	if err != nil {
		t.Fatal(err)
	}
	ab, err := checkpoint.Choose("", AtoB)
	if err != nil {
		t.Fatal(err)
	}
	if named, err := checkpoint.Choose("netG_A", ""); err != nil || !reflect.DeepEqual(named, ab) {
		t.Errorf("by name: %v", err)
	}
	for _, name := range []string{"", "G_AB"} {
		_, err := checkpoint.Choose(name, "")
		wantError(t, "choose "+name, err, "netG_A, netG_B")
	}
	_, err = Recognize(checkpoint)
	wantError(t, "several", err, "several generators: netG_A, netG_B", "Fix:")
	_, _, err = Generator(checkpoint, graph.GeneratorOptions{Architecture: graph.ResNet(2), In: 3, Out: 3, Filters: 1, Norm: graph.NormInstance, Upsampling: graph.UpTranspose})
	wantError(t, "several", err, "several generators")

	one := State{}
	for name, v := range ab {
		one["state_dict.module."+strings.ReplaceAll(name, "model.", "model._orig_mod.")] = v
	}
	if got, err := one.Choose("", ""); err != nil || !reflect.DeepEqual(got, ab) {
		t.Errorf("wrapped: %v", err)
	}
}

// Generators whose only difference is their wrappers are distinguished, always in the same way, and
// a state dict that holds another one is still one itself.
func TestChooseAmongWrappers(t *testing.T) {
	f := layoutFixtures()[0]
	first, err := f.read(t).Choose("", "")
	if err != nil {
		t.Fatal(err)
	}
	second := State{}
	for name := range first {
		second[name] = Tensor{Shape: []int{1}, Values: []float32{2}}
	}
	both := func(a, b string) State {
		s := State{}
		for name := range first {
			s[a+name], s[b+name] = first[name], second[name]
		}
		return s
	}
	for range 8 { // maps have a random order
		for _, c := range []struct{ a, b, labels string }{{"params.", "params_ema.", "params, params_ema"}, {"state_dict.", "model.", "model, state_dict"}} {
			s := both(c.a, c.b)
			_, err := s.Choose("", AtoB)
			wantError(t, c.labels, err, "several generators: "+c.labels)
			got, err := s.Choose(strings.TrimSuffix(c.a, "."), "")
			if err != nil || !reflect.DeepEqual(got, first) {
				t.Errorf("%s: %v", c.a, err)
			}
		}
		if got, err := both("", "ema.").Choose("", ""); err != nil || !reflect.DeepEqual(got, first) {
			t.Errorf("with a moving average: %v", err)
		}
	}
	if got, err := both("", "ema.").Choose("ema", ""); err != nil || !reflect.DeepEqual(got, second) {
		t.Errorf("the moving average: %v", err)
	}
}

// Networks of other kinds are refused by name.
func TestOtherNetworks(t *testing.T) {
	conv := Tensor{Shape: []int{2, 3, 4, 4}}
	for tensor, want := range map[string]string{
		"convs.0.conv.modulation.weight":            "a StyleGAN2 generator",
		"encoder.convs.1.conv.modulation.weight":    "a StyleGAN2 generator",
		"model.2.filt":                              "a discriminator of CUT with anti-aliasing",
		"netF.mlp_0.0.weight":                       "the feature network (netF) of CUT",
		"gen_a.enc_content.model.0.conv.weight":     "a MUNIT generator",
		"contract4.conv1.weight":                    "a discriminator of DeepLearning.AI's course",
		"model.diffusion_model.time_embed.0.weight": "a diffusion model",
		"module.layer4.1.conv1.weight":              "a ResNet classifier",
		"something.else":                            "none of the 1 tensors",
	} {
		_, err := Recognize(State{tensor: conv})
		wantError(t, tensor, err, want)
		if !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", tensor, err)
		}
	}
	gray := State{"model.10.block.1.weight": conv, "model.1.weight": {Shape: []int{2, 1, 7, 7}}, "model.20.weight": conv}
	_, err := Recognize(gray)
	wantError(t, "gray", err, "the ResNet of PyTorch-GAN: images with 1 channels")
}

// The layouts in the table tell generators apart.
func TestLayoutsDiffer(t *testing.T) {
	for _, f := range append(layoutFixtures(), fixtures()...) {
		if !f.isGenerator() {
			continue
		}
		s, err := f.read(t).Choose("", "")
		if err != nil {
			t.Fatal(err)
		}
		fits, marks := 0, 0
		for _, l := range layouts {
			if l.fits(f.g) {
				fits++
			}
			if s.has(l.mark) {
				marks++
			}
		}
		if fits != 1 || marks != 1 {
			t.Errorf("%s: %d layouts fit, and %d have their mark", f.file, fits, marks)
		}
	}
}
