package pytorch

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"cyclegan/graph"
)

// A layout is the form that an implementation gives the state dict of a generator.
type layout struct {
	// name is what messages call the generators of the layout.
	name string
	// mark is a tensor that every generator of the layout has, and no other network has under this
	// name.
	mark string
	// fits reports whether the layout has the generator that o describes.
	fits      func(o graph.GeneratorOptions) bool
	recognize func(State) (graph.GeneratorOptions, error)
	// slots returns the names of the convolutions and norms.
	slots func(o graph.GeneratorOptions, n *graph.Network) []slot
}

// layouts lists all layouts that are read and written. Another form of generator that package graph
// can express needs one more entry here.
var layouts = []layout{
	{
		name: "the official ResNet", mark: "model.10.conv_block.1.weight",
		fits: func(o graph.GeneratorOptions) bool {
			return graph.Blocks(o.Architecture) > 0 && !o.Antialias && o.Upsampling == graph.UpTranspose && !o.Residual
		},
		recognize: official.recognize, slots: official.slots,
	},
	{
		name: "the official U-Net", mark: "model.model.1.model.1.weight",
		fits: func(o graph.GeneratorOptions) bool {
			return (o.Architecture == graph.UNet128 || o.Architecture == graph.UNet256) && o.Upsampling == graph.UpTranspose && !o.Residual
		},
		recognize: recognizeUNet,
		slots: func(o graph.GeneratorOptions, _ *graph.Network) []slot {
			if o.Architecture == graph.UNet128 {
				return unetSlots(7)
			}
			return unetSlots(8)
		},
	},
	{
		name: "the pyramid of cyclegan", mark: "base.stem.weight",
		fits:      func(o graph.GeneratorOptions) bool { return o.Architecture == graph.Pyramid },
		recognize: recognizePyramid, slots: pyramidSlots,
	},
	{
		name: "CUT's ResNet with anti-aliasing", mark: "model.7.filt",
		fits:      func(o graph.GeneratorOptions) bool { return o.Antialias && !o.Residual },
		recognize: recognizeCUT, slots: cut.slots,
	},
	{
		name: "the ResNet of PyTorch-GAN", mark: "model.10.block.1.weight",
		fits: func(o graph.GeneratorOptions) bool {
			return graph.Blocks(o.Architecture) > 0 && !o.Antialias && o.Upsampling == graph.UpNearest && !o.Residual
		},
		recognize: recognizePyTorchGAN, slots: pytorchGAN.slots,
	},
	{
		name: "the generator of DeepLearning.AI's course", mark: "downfeature.conv.weight",
		fits: func(o graph.GeneratorOptions) bool {
			return o.Architecture == graph.Course && o.Upsampling == graph.UpTranspose && !o.Residual
		},
		recognize: recognizeCourse, slots: courseSlots,
	},
}

// others are networks that people take for generators, by a part of the name of one of their
// tensors. An earlier entry wins.
var others = []struct{ part, name string }{
	{"modulation.weight", "a StyleGAN2 generator"},
	{"mapping.w_avg", "a StyleGAN2 generator"},
	{"enc_content.", "a MUNIT generator"},
	{"gap_fc.weight", "a U-GAT-IT network"},
	{"conv1_content.", "an AttentionGAN generator"},
	{"deconv1_attention.", "an AttentionGAN generator"},
	{"mlp_0.0.weight", "the feature network (netF) of CUT"},
	{"model.2.filt", "a discriminator of CUT with anti-aliasing"},
	{"contract4.conv1.weight", "a discriminator of DeepLearning.AI's course"},
	{"time_embed", "a diffusion model"},
	{"model.16.conv_block.1.weight", "a pix2pixHD generator"},
	{"lora_", "a LoRA adapter"},
	{"layer4.1.conv1.weight", "a ResNet classifier"},
	{"classifier.", "a classifier"},
	{"main.0.weight", "a StarGAN or DCGAN network"},
}

// Layout names the implementation whose layout a generator has, such as "the official ResNet", or
// returns "" for none.
func Layout(o graph.GeneratorOptions) string {
	for _, l := range layouts {
		if l.fits(o) {
			return l.name
		}
	}
	return ""
}

// Recognize detects the generator that a state dict belongs to from the names and shapes of its
// tensors. The dict may be part of a checkpoint that has no other generator; see [State.Choose].
//
// A norm with weights is batch norm, or with a bias before it instance norm with weights: the
// official code has a bias before instance norm only. Without a norm's weights, a bias means
// instance norm. Dropout in a ResNet changes the names. Dropout in a U-Net leaves no trace;
// Recognize reports it as off, which makes no difference in inference. [Generator] checks every
// tensor.
func Recognize(s State) (graph.GeneratorOptions, error) {
	s, err := s.Choose("", "")
	if err != nil {
		return graph.GeneratorOptions{}, err
	}
	for _, l := range layouts {
		if s.has(l.mark) {
			o, err := l.recognize(s)
			if err != nil {
				return o, fmt.Errorf("%w: %s: %w", ErrUnknown, l.name, err)
			}
			return o, nil
		}
	}
	for _, other := range others {
		for name := range s {
			if strings.Contains(name, other.part) {
				return graph.GeneratorOptions{}, fmt.Errorf("%w: they look like those of %s", ErrUnknown, other.name)
			}
		}
	}
	return graph.GeneratorOptions{}, fmt.Errorf("%w: none of the %d tensors is one of a known generator, such as %q of a ResNet or %q of a U-Net",
		ErrUnknown, len(s), layouts[0].mark, layouts[1].mark)
}

// A numbering is how a ResNet in an nn.Sequential counts its modules: the first convolution is 1.
// The numbers from up1 on are relative to the module behind the last block.
type numbering struct {
	body                             string // the module in a block
	down1, down2, block              int
	up1, up2, out                    int
	blur1, blur2, enlarge1, enlarge2 int // fixed filters, 0 for none
}

var (
	official   = numbering{body: "conv_block", down1: 4, down2: 7, block: 10, up1: 0, up2: 3, out: 7}
	cut        = numbering{body: "conv_block", down1: 4, blur1: 7, down2: 8, blur2: 11, block: 12, enlarge1: 0, up1: 1, enlarge2: 4, up2: 5, out: 9}
	pytorchGAN = numbering{body: "block", down1: 4, down2: 7, block: 10, up1: 1, up2: 5, out: 9}
)

func (c numbering) name(block, conv int) string {
	return fmt.Sprintf("model.%d.%s.%d", c.block+block, c.body, conv)
}

// slots returns the convolutions of a ResNet.
func (c numbering) slots(o graph.GeneratorOptions, _ *graph.Network) []slot {
	at := func(layer string, i int) slot {
		return slot{layer: layer, conv: fmt.Sprintf("model.%d", i), norm: fmt.Sprintf("model.%d", i+1)}
	}
	second := 5
	if o.Dropout {
		second++
	}
	blocks := graph.Blocks(o.Architecture)
	slots := []slot{at("stem", 1), at("down1", c.down1), at("down2", c.down2)}
	for i := range blocks {
		layer := fmt.Sprintf("block%d.conv", i+1)
		slots = append(slots,
			slot{layer: layer + "1", conv: c.name(i, 1), norm: c.name(i, 2)},
			slot{layer: layer + "2", conv: c.name(i, second), norm: c.name(i, second+1)})
	}
	end := c.block + blocks
	last := at("out", end+c.out)
	last.norm = ""
	slots = append(slots, at("up1", end+c.up1), at("up2", end+c.up2), last)
	if c.blur1 > 0 {
		filter := func(layer string, i, width int) slot {
			return slot{layer: layer, weight: fmt.Sprintf("model.%d.filt", i), unused: width}
		}
		slots = append(slots, filter("down1.blur", c.blur1, 0), filter("down2.blur", c.blur2, 0),
			filter("", end+c.enlarge1, 4*o.Filters), filter("", end+c.enlarge2, 2*o.Filters))
	}
	return slots
}

func (c numbering) recognize(s State) (graph.GeneratorOptions, error) {
	o := graph.GeneratorOptions{Upsampling: graph.UpTranspose}
	blocks := 0
	for s.has(c.name(blocks, 1) + ".weight") {
		blocks++
	}
	o.Architecture = graph.ResNet(blocks)
	o.Dropout = s.has(c.name(0, 6)+".weight") && !s.has(c.name(0, 5)+".weight")
	o.Norm = s.norm("model.1", "model.2")
	var err1, err2, err3 error
	o.Filters, err1 = s.dim("model.1.weight", 0)
	o.In, err2 = s.dim("model.1.weight", 1)
	o.Out, err3 = s.dim(fmt.Sprintf("model.%d.weight", c.block+blocks+c.out), 0)
	return o, errors.Join(err1, err2, err3)
}

// enlargement is the filter by which CUT's generators enlarge their maps: [1 3 3 1]/4 along each
// axis, which is bilinear.
var enlargement = []float32{
	1. / 16, 3. / 16, 3. / 16, 1. / 16, 3. / 16, 9. / 16, 9. / 16, 3. / 16,
	3. / 16, 9. / 16, 9. / 16, 3. / 16, 1. / 16, 3. / 16, 3. / 16, 1. / 16,
}

func recognizeCUT(s State) (graph.GeneratorOptions, error) {
	o, err := cut.recognize(s)
	o.Antialias = true
	name := fmt.Sprintf("model.%d.filt", cut.block+graph.Blocks(o.Architecture)+cut.enlarge1)
	for i, v := range s[name].Values {
		if err == nil && math.Abs(float64(v-enlargement[i%len(enlargement)])) > 1e-3 {
			err = fmt.Errorf("tensor %q is not the filter [1 3 3 1]", name)
		}
	}
	if err == nil && !s.has(name) {
		err = fmt.Errorf("it has no tensor %q: its anti-aliasing is on the way down only", name)
	}
	return o, err
}

func recognizePyTorchGAN(s State) (graph.GeneratorOptions, error) {
	o, err := pytorchGAN.recognize(s)
	o.Upsampling = graph.UpNearest
	if err == nil && o.In != 3 {
		err = fmt.Errorf("images with %d channels: its borders are as wide as there are channels, so that it changes the size", o.In)
	}
	return o, err
}

func recognizeCourse(s State) (graph.GeneratorOptions, error) {
	o := graph.GeneratorOptions{Architecture: graph.Course, Norm: graph.NormInstance, Upsampling: graph.UpTranspose}
	var err1, err2, err3 error
	o.Filters, err1 = s.dim("upfeature.conv.weight", 0)
	o.In, err2 = s.dim("upfeature.conv.weight", 1)
	o.Out, err3 = s.dim("downfeature.conv.weight", 0)
	return o, errors.Join(err1, err2, err3)
}

// courseSlots returns the convolutions of the course's generator. The two norms of a block are one
// module.
func courseSlots(graph.GeneratorOptions, *graph.Network) []slot {
	at := func(layer, module, conv string) slot {
		return slot{layer: layer, conv: module + "." + conv, norm: module + ".instancenorm"}
	}
	slots := []slot{{layer: "stem", conv: "upfeature.conv"}, at("down1", "contract1", "conv1"), at("down2", "contract2", "conv1")}
	for i := range 9 {
		for _, conv := range []string{"conv1", "conv2"} {
			slots = append(slots, at(fmt.Sprintf("block%d.%s", i+1, conv), fmt.Sprintf("res%d", i), conv))
		}
	}
	return append(slots, at("up1", "expand2", "conv1"), at("up2", "expand3", "conv1"), slot{layer: "out", conv: "downfeature.conv"})
}

func recognizeUNet(s State) (graph.GeneratorOptions, error) {
	o := graph.GeneratorOptions{Upsampling: graph.UpTranspose}
	levels := 1
	for module := "model.model.1.model."; s.has(module + "1.weight"); module += "3.model." {
		levels++
	}
	switch levels {
	case 7:
		o.Architecture = graph.UNet128
	case 8:
		o.Architecture = graph.UNet256
	default:
		return o, fmt.Errorf("%d levels, want 7 (unet_128) or 8 (unet_256)", levels)
	}
	o.Norm = s.norm("model.model.1.model.1", "model.model.1.model.2")
	var err1, err2, err3 error
	o.Filters, err1 = s.dim("model.model.0.weight", 0)
	o.In, err2 = s.dim("model.model.0.weight", 1)
	o.Out, err3 = s.dim("model.model.3.weight", 1)
	return o, errors.Join(err1, err2, err3)
}

func recognizePyramid(s State) (graph.GeneratorOptions, error) {
	o := graph.GeneratorOptions{Architecture: graph.Pyramid, Upsampling: graph.UpTranspose, Size: 32}
	for s.has(fmt.Sprintf("mask%d.stem.weight", 2*o.Size)) {
		o.Size *= 2
	}
	o.Norm = graph.NormInstance
	if s.has("base.stem.norm.weight") {
		o.Norm = graph.NormBatch
	} else if s.has("base.stem.bias") {
		o.Norm = graph.NormNone
	}
	var err1, err2 error
	o.In, err1 = s.dim("base.stem.weight", 1)
	o.Filters, err2 = s.dim("base.widen.weight", 0)
	o.Out = o.In
	return o, errors.Join(err1, err2)
}

func (s State) has(name string) bool {
	_, ok := s[name]
	return ok
}

// dim returns one dimension of a convolution's weight.
func (s State) dim(name string, axis int) (int, error) {
	t, ok := s[name]
	if !ok || len(t.Shape) != 4 {
		return 0, fmt.Errorf("it has no convolution %q", name)
	}
	return t.Shape[axis], nil
}

// norm detects the kind of the norm after a convolution.
func (s State) norm(conv, norm string) graph.Norm {
	bias := s.has(conv + ".bias")
	switch {
	case s.has(norm+".weight") && (bias || !s.has(norm+".running_mean")):
		return graph.NormAffine
	case s.has(norm + ".weight"):
		return graph.NormBatch
	case bias:
		return graph.NormInstance
	}
	return graph.NormNone
}
