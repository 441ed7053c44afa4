package pytorch

import (
	"errors"
	"fmt"
	"strings"

	"cyclegan/graph"
)

// A slot is a convolution of an official network and the norm after it. The official modules are
// numbered by their index in an nn.Sequential, which also counts padding, activations, dropout, and
// the identity that replaces a norm of the kind "none".
type slot struct {
	layer string // the convolution in package graph
	conv  string // the official convolution
	norm  string // the official norm after it, or empty
}

// resnetSlots returns the convolutions of the ResNet generators: model.1 is the stem, model.10 the
// first block.
func resnetSlots(blocks int, dropout bool) []slot {
	at := func(layer string, i int) slot {
		return slot{layer, fmt.Sprintf("model.%d", i), fmt.Sprintf("model.%d", i+1)}
	}
	second := 5
	if dropout {
		second++
	}
	slots := []slot{at("stem", 1), at("down1", 4), at("down2", 7)}
	for i := range blocks {
		block, body := fmt.Sprintf("block%d.conv", i+1), fmt.Sprintf("model.%d.conv_block.", 10+i)
		slots = append(slots,
			slot{block + "1", body + "1", body + "2"},
			slot{block + "2", fmt.Sprint(body, second), fmt.Sprint(body, second+1)})
	}
	last := at("out", 17+blocks)
	last.norm = ""
	return append(slots, at("up1", 10+blocks), at("up2", 13+blocks), last)
}

// unetSlots returns the convolutions of a U-Net with the given number of levels. Each level is a
// module that contains the next level. The outermost has its convolutions at 0 and 3 and the next
// level at 1; the others have them at 1 and 5 and the next level at 3; the innermost, which has no
// norm on its way down, at 1 and 3. Dropout comes last in a module, so it changes no index.
func unetSlots(levels int) []slot {
	slots := []slot{{"down1", "model.model.0", ""}, {"up1", "model.model.3", ""}}
	module := "model.model.1.model."
	for level := 2; level < levels; level++ {
		slots = append(slots,
			slot{fmt.Sprintf("down%d", level), module + "1", module + "2"},
			slot{fmt.Sprintf("up%d", level), module + "5", module + "6"})
		module += "3.model."
	}
	return append(slots,
		slot{fmt.Sprintf("down%d", levels), module + "1", ""},
		slot{fmt.Sprintf("up%d", levels), module + "3", module + "4"})
}

// patchSlots returns the convolutions of the PatchGAN discriminators.
func patchSlots(strided int) []slot {
	slots := []slot{{"conv1", "model.0", ""}}
	for i := range strided {
		slots = append(slots,
			slot{fmt.Sprintf("conv%d", i+2), fmt.Sprintf("model.%d", 3*i+2), fmt.Sprintf("model.%d", 3*i+3)})
	}
	return append(slots, slot{"score", fmt.Sprintf("model.%d", 3*strided+2), ""})
}

func pixelSlots() []slot {
	return []slot{{"conv1", "net.0", ""}, {"conv2", "net.2", "net.3"}, {"score", "net.5", ""}}
}

// pyramidSlots returns the convolutions of a pyramid, which has no official form: the modules have
// the names of the layers, as in graph/testdata/pyramid.py.
func pyramidSlots(n *graph.Network) []slot {
	var slots []slot
	n.Walk(func(l graph.Layer) {
		switch l := l.(type) {
		case graph.Conv:
			slots = append(slots, slot{layer: l.Name, conv: l.Name})
		case graph.BatchNorm:
			last := &slots[len(slots)-1]
			last.norm = last.conv + ".norm"
		}
	})
	return slots
}

// An entry is a tensor of an official state dict.
type entry struct {
	name     string
	shape    []int
	param    string // the network's parameter that it holds, or empty
	filters  bool   // a convolution's weight, whose layout differs
	optional bool   // may be missing from a state dict
	counter  bool   // num_batches_tracked, the only integer
	old      bool   // statistics that reading ignores and that are never written
}

// errNotOfficial returns the error for a network that the official implementation does not have.
func errNotOfficial(network string) error {
	return fmt.Errorf("the official implementation has no %s, so official weights do not fit it "+
		"and its own have no official names", network)
}

// generatorEntries builds a generator and returns its official tensors.
func generatorEntries(o graph.GeneratorOptions) (*graph.Network, []entry, error) {
	n, err := graph.NewGenerator(o)
	if err != nil {
		return nil, nil, err
	}
	if o.Architecture != graph.Pyramid && (o.Residual || o.Upsampling != graph.UpTranspose) {
		return nil, nil, errNotOfficial("generator with residual output or resized upsampling")
	}
	var slots []slot
	switch o.Architecture {
	case graph.ResNet9:
		slots = resnetSlots(9, o.Dropout)
	case graph.ResNet6:
		slots = resnetSlots(6, o.Dropout)
	case graph.UNet256:
		slots = unetSlots(8)
	case graph.UNet128:
		slots = unetSlots(7)
	case graph.Pyramid:
		slots = pyramidSlots(n)
	default:
		return nil, nil, errNotOfficial(fmt.Sprintf("generator %q", o.Architecture))
	}
	return n, entries(n, slots, o.Norm), nil
}

// discriminatorEntries builds a discriminator and returns its official tensors.
func discriminatorEntries(o graph.DiscriminatorOptions) (*graph.Network, []entry, error) {
	n, err := graph.NewDiscriminator(o)
	if err != nil {
		return nil, nil, err
	}
	var slots []slot
	switch o.Architecture {
	case graph.PatchGAN:
		slots = patchSlots(3)
	case graph.NLayers:
		slots = patchSlots(o.Layers)
	case graph.Pixel:
		slots = pixelSlots()
	default:
		return nil, nil, errNotOfficial(fmt.Sprintf("discriminator %q", o.Architecture))
	}
	return n, entries(n, slots, o.Norm), nil
}

// entries returns the official tensors of a network in the order of its slots.
func entries(n *graph.Network, slots []slot, norm graph.Norm) []entry {
	params := map[string]graph.Param{}
	for _, p := range n.Params() {
		params[p.Name] = p
	}
	var list []entry
	for _, s := range slots {
		weight := params[s.layer+".weight"]
		list = append(list,
			entry{name: s.conv + ".weight", shape: filterShape(weight.Shape), param: weight.Name, filters: true})
		bias, biased := params[s.layer+".bias"]
		if biased {
			list = append(list, entry{name: s.conv + ".bias", shape: bias.Shape, param: bias.Name})
		}
		if s.norm == "" {
			continue
		}
		channels := []int{outputs(weight)}
		switch norm {
		case graph.NormInstance:
			if !biased {
				list = append(list, entry{name: s.conv + ".bias", shape: channels, optional: true})
			}
			list = append(list,
				entry{name: s.norm + ".running_mean", shape: channels, optional: true, old: true},
				entry{name: s.norm + ".running_var", shape: channels, optional: true, old: true},
				entry{name: s.norm + ".num_batches_tracked", optional: true, counter: true, old: true})
		case graph.NormBatch:
			for _, part := range []struct {
				official string
				role     graph.Role
			}{{"weight", graph.Gamma}, {"bias", graph.Beta}, {"running_mean", graph.Mean}, {"running_var", graph.Variance}} {
				param := fmt.Sprintf("%s.norm.%v", s.layer, part.role)
				list = append(list, entry{name: s.norm + "." + part.official, shape: channels, param: param})
			}
			list = append(list, entry{name: s.norm + ".num_batches_tracked", optional: true, counter: true})
		}
	}
	return list
}

// outputs returns the number of output channels of a convolution with the given weight.
func outputs(weight graph.Param) int {
	if _, ok := weight.Layer.(graph.ConvTranspose); ok {
		return weight.Shape[2]
	}
	return weight.Shape[3]
}

// trimDataParallel removes the prefix that nn.DataParallel adds to every name.
func trimDataParallel(s State) State {
	const prefix = "module."
	for name := range s {
		if !strings.HasPrefix(name, prefix) {
			return s
		}
	}
	trimmed := make(State, len(s))
	for name, t := range s {
		trimmed[strings.TrimPrefix(name, prefix)] = t
	}
	return trimmed
}

// ErrUnknown reports that a state dict belongs to no network with names in PyTorch. The errors of [Recognize]
// and [RecognizeDiscriminator] wrap it.
var ErrUnknown = errors.New("these are not the weights of an official CycleGAN network")

// Recognize detects the generator that a state dict belongs to, an official one or a pyramid, from
// the names and shapes of its tensors.
//
// A norm with weights is batch norm, a bias before the norm means instance norm (the official code
// has no bias otherwise), and the rest is none. Dropout in a ResNet changes the names. Dropout in a
// U-Net leaves no trace; Recognize reports it as off, which makes no difference in inference.
// [Generator] checks every tensor.
func Recognize(s State) (graph.GeneratorOptions, error) {
	s = trimDataParallel(s)
	o := graph.GeneratorOptions{Upsampling: graph.UpTranspose}
	first, isUNet := s["model.model.0.weight"]
	if isUNet {
		return recognizeUNet(s, first, o)
	}
	if stem, ok := s["base.stem.weight"]; ok && len(stem.Shape) == 4 {
		return recognizePyramid(s, stem, o)
	}
	first, ok := s["model.1.weight"]
	if !ok || len(first.Shape) != 4 {
		return o, notRecognized(s, `no tensor "model.1.weight" (ResNet) or "model.model.0.weight" (U-Net)`)
	}
	blocks := 0
	for s.has(fmt.Sprintf("model.%d.conv_block.1.weight", 10+blocks)) {
		blocks++
	}
	switch blocks {
	case 6:
		o.Architecture = graph.ResNet6
	case 9:
		o.Architecture = graph.ResNet9
	default:
		return o, notRecognized(s, fmt.Sprintf("%d residual blocks, want 6 or 9", blocks))
	}
	o.Filters, o.In = first.Shape[0], first.Shape[1]
	o.Dropout = s.has("model.10.conv_block.6.weight") && !s.has("model.10.conv_block.5.weight")
	o.Norm = s.norm("model.1", "model.2")
	last := fmt.Sprintf("model.%d.weight", 17+blocks)
	if o.Out, ok = s.dim(last, 0); !ok {
		return o, notRecognized(s, fmt.Sprintf("no convolution %q", last))
	}
	return o, nil
}

func recognizeUNet(s State, first Tensor, o graph.GeneratorOptions) (graph.GeneratorOptions, error) {
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
		return o, notRecognized(s, fmt.Sprintf("U-Net with %d levels, want 7 (unet_128) or 8 (unet_256)", levels))
	}
	if len(first.Shape) != 4 {
		return o, notRecognized(s, `"model.model.0.weight" is not a convolution`)
	}
	o.Filters, o.In = first.Shape[0], first.Shape[1]
	o.Norm = s.norm("model.model.1.model.1", "model.model.1.model.2")
	var ok bool
	if o.Out, ok = s.dim("model.model.3.weight", 1); !ok {
		return o, notRecognized(s, `no convolution "model.model.3.weight"`)
	}
	return o, nil
}

func recognizePyramid(s State, stem Tensor, o graph.GeneratorOptions) (graph.GeneratorOptions, error) {
	o.Architecture, o.In, o.Out, o.Size = graph.Pyramid, stem.Shape[1], stem.Shape[1], 32
	for s.has(fmt.Sprintf("mask%d.stem.weight", 2*o.Size)) {
		o.Size *= 2
	}
	var ok bool
	if o.Filters, ok = s.dim("base.widen.weight", 0); !ok {
		return o, notRecognized(s, `no convolution "base.widen.weight"`)
	}
	o.Norm = graph.NormInstance
	if s.has("base.stem.norm.weight") {
		o.Norm = graph.NormBatch
	} else if s.has("base.stem.bias") {
		o.Norm = graph.NormNone
	}
	return o, nil
}

// RecognizeDiscriminator detects the official discriminator that a state dict belongs to. The one
// with three strided layers is "basic".
func RecognizeDiscriminator(s State) (graph.DiscriminatorOptions, error) {
	s = trimDataParallel(s)
	o := graph.DiscriminatorOptions{Layers: 3}
	if first, ok := s["net.0.weight"]; ok && len(first.Shape) == 4 {
		o.Architecture, o.Filters, o.In = graph.Pixel, first.Shape[0], first.Shape[1]
		o.Norm = s.norm("net.2", "net.3")
		return o, nil
	}
	first, ok := s["model.0.weight"]
	if !ok || len(first.Shape) != 4 {
		return o, notRecognized(s, `no tensor "model.0.weight" (PatchGAN) or "net.0.weight" (pixel)`)
	}
	o.Filters, o.In = first.Shape[0], first.Shape[1]
	o.Norm = s.norm("model.2", "model.3")
	for o.Layers = 0; o.Layers <= 5 && s.has(fmt.Sprintf("model.%d.weight", 3*o.Layers+5)); {
		o.Layers++
	}
	if o.Layers < 1 || o.Layers > 5 {
		return o, notRecognized(s, fmt.Sprintf("PatchGAN with %d strided layers after the first, want 1 to 5", o.Layers))
	}
	o.Architecture = graph.NLayers
	if o.Layers == 3 {
		o.Architecture = graph.PatchGAN
	}
	return o, nil
}

func (s State) has(name string) bool {
	_, ok := s[name]
	return ok
}

// dim returns one dimension of a convolution's weight.
func (s State) dim(name string, axis int) (int, bool) {
	t, ok := s[name]
	if !ok || len(t.Shape) != 4 {
		return 0, false
	}
	return t.Shape[axis], true
}

// norm detects the kind of the norm after a convolution.
func (s State) norm(conv, norm string) graph.Norm {
	switch {
	case s.has(norm + ".weight"):
		return graph.NormBatch
	case s.has(conv + ".bias"):
		return graph.NormInstance
	}
	return graph.NormNone
}

func notRecognized(s State, why string) error {
	return fmt.Errorf("%w: %s; tensors: %d", ErrUnknown, why, len(s))
}
