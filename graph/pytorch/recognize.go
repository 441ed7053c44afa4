package pytorch

import (
	"errors"
	"fmt"

	"cyclegan/graph"
)

// ErrUnknown is wrapped by the errors of [Recognize] and
// [RecognizeDiscriminator] for a state dict that is of no official network.
var ErrUnknown = errors.New("these are not the weights of an official CycleGAN network")

// Recognize tells which official generator a state dict is of, from the names
// and shapes of its tensors.
//
// A norm is known by its own weights (batch), or by a bias before it
// (instance: the official code leaves the bias out otherwise), else it is
// none. The dropout of a ResNet is known, since it moves the names. That of a
// U-Net leaves no trace and is taken to be off, which makes no difference to
// a trained network. [Generator] then checks every tensor.
func Recognize(s State) (graph.GeneratorOptions, error) {
	s = trimDataParallel(s)
	o := graph.GeneratorOptions{Upsampling: graph.UpTranspose}
	first, isUNet := s["model.model.0.weight"]
	if isUNet {
		return recognizeUNet(s, first, o)
	}
	first, ok := s["model.1.weight"]
	if !ok || len(first.Shape) != 4 {
		return o, notRecognized(s, `a generator has a tensor "model.1.weight" (ResNet) or "model.model.0.weight" (U-Net)`)
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
		return o, notRecognized(s, fmt.Sprintf("it has %d residual blocks where a generator has 6 or 9", blocks))
	}
	o.Filters, o.In = first.Shape[0], first.Shape[1]
	o.Dropout = s.has("model.10.conv_block.6.weight") && !s.has("model.10.conv_block.5.weight")
	o.Norm = s.norm("model.1", "model.2")
	last := fmt.Sprintf("model.%d.weight", 17+blocks)
	if o.Out, ok = s.dim(last, 0); !ok {
		return o, notRecognized(s, fmt.Sprintf("there is no convolution %q", last))
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
		return o, notRecognized(s, fmt.Sprintf("its U-Net has %d levels where there are 7 (unet_128) or 8 (unet_256)", levels))
	}
	if len(first.Shape) != 4 {
		return o, notRecognized(s, `"model.model.0.weight" is not of a convolution`)
	}
	o.Filters, o.In = first.Shape[0], first.Shape[1]
	o.Norm = s.norm("model.model.1.model.1", "model.model.1.model.2")
	var ok bool
	if o.Out, ok = s.dim("model.model.3.weight", 1); !ok {
		return o, notRecognized(s, `there is no convolution "model.model.3.weight"`)
	}
	return o, nil
}

// RecognizeDiscriminator tells which official discriminator a state dict is
// of. The one with three strided layers is "basic".
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
		return o, notRecognized(s, `a discriminator has a tensor "model.0.weight" (PatchGAN) or "net.0.weight" (pixel)`)
	}
	o.Filters, o.In = first.Shape[0], first.Shape[1]
	o.Norm = s.norm("model.2", "model.3")
	for o.Layers = 0; o.Layers <= 5 && s.has(fmt.Sprintf("model.%d.weight", 3*o.Layers+5)); {
		o.Layers++
	}
	if o.Layers < 1 || o.Layers > 5 {
		return o, notRecognized(s, fmt.Sprintf("a PatchGAN has 1 to 5 strided layers besides the first, this has %d", o.Layers))
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

// dim gives one side of a convolution's weight.
func (s State) dim(name string, axis int) (int, bool) {
	t, ok := s[name]
	if !ok || len(t.Shape) != 4 {
		return 0, false
	}
	return t.Shape[axis], true
}

// norm tells the kind of norm from that behind one convolution.
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
	return fmt.Errorf("%w: %s; the file has %d tensors", ErrUnknown, why, len(s))
}
