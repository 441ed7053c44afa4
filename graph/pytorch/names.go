package pytorch

import (
	"errors"
	"fmt"

	"cyclegan/graph"
)

// A slot is a convolution of an official network and the norm after it. The official modules are
// numbered by their index in an nn.Sequential, which also counts padding, activations, dropout, and
// the identity that replaces a norm of the kind "none".
type slot struct {
	layer string // the convolution in package graph
	conv  string // the official convolution
	norm  string // the official norm after it, or empty
	// weight, if not empty, is the name of the only tensor, which is no module's weight: a fixed
	// filter.
	weight string
	// unused is the number of channels of a filter that the network computes otherwise, or 0.
	unused int
}

// unetSlots returns the convolutions of a U-Net with the given number of levels. Each level is a
// module that contains the next level. The outermost has its convolutions at 0 and 3 and the next
// level at 1; the others have them at 1 and 5 and the next level at 3; the innermost, which has no
// norm on its way down, at 1 and 3. Dropout comes last in a module, so it changes no index.
func unetSlots(levels int) []slot {
	slots := []slot{{layer: "down1", conv: "model.model.0"}, {layer: "up1", conv: "model.model.3"}}
	module := "model.model.1.model."
	for level := 2; level < levels; level++ {
		slots = append(slots,
			slot{layer: fmt.Sprintf("down%d", level), conv: module + "1", norm: module + "2"},
			slot{layer: fmt.Sprintf("up%d", level), conv: module + "5", norm: module + "6"})
		module += "3.model."
	}
	return append(slots,
		slot{layer: fmt.Sprintf("down%d", levels), conv: module + "1"},
		slot{layer: fmt.Sprintf("up%d", levels), conv: module + "3", norm: module + "4"})
}

// patchSlots returns the convolutions of the PatchGAN discriminators.
func patchSlots(strided int) []slot {
	slots := []slot{{layer: "conv1", conv: "model.0"}}
	for i := range strided {
		slots = append(slots,
			slot{layer: fmt.Sprintf("conv%d", i+2), conv: fmt.Sprintf("model.%d", 3*i+2), norm: fmt.Sprintf("model.%d", 3*i+3)})
	}
	return append(slots, slot{layer: "score", conv: fmt.Sprintf("model.%d", 3*strided+2)})
}

func pixelSlots() []slot {
	return []slot{{layer: "conv1", conv: "net.0"}, {layer: "conv2", conv: "net.2", norm: "net.3"}, {layer: "score", conv: "net.5"}}
}

// pyramidSlots returns the convolutions of a pyramid, which has no official form: the modules have
// the names of the layers, as in graph/testdata/pyramid.py.
func pyramidSlots(_ graph.GeneratorOptions, n *graph.Network) []slot {
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
	param    string    // the network's parameter that it holds, or empty
	filters  bool      // a convolution's weight, whose layout differs
	optional bool      // may be missing from a state dict
	counter  bool      // num_batches_tracked, the only integer
	old      bool      // statistics that reading ignores and that are never written
	fixed    []float32 // the filter of every channel, which the layout has and the network does not need
}

// errNotOfficial returns the error for a network that no layout has.
func errNotOfficial(network string) error {
	return fmt.Errorf("no known PyTorch implementation has a %s, so its weights have no names there", network)
}

// generatorEntries builds a generator and returns its official tensors.
func generatorEntries(o graph.GeneratorOptions) (*graph.Network, []entry, error) {
	n, err := graph.NewGenerator(o)
	if err != nil {
		return nil, nil, err
	}
	for _, l := range layouts {
		if l.fits(o) {
			return n, entries(n, l.slots(o, n), o.Norm), nil
		}
	}
	if o.Residual || o.Upsampling != graph.UpTranspose {
		return nil, nil, fmt.Errorf("%w\nFix: train with -residual=false -upsampling transpose", errNotOfficial("generator with residual output or resized upsampling"))
	}
	return nil, nil, errNotOfficial(fmt.Sprintf("generator %q", o.Architecture))
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
		switch {
		case s.unused > 0:
			list = append(list, entry{name: s.weight, shape: []int{s.unused, 1, 4, 4}, optional: true, fixed: enlargement})
			continue
		case s.weight != "":
			list = append(list, entry{name: s.weight, shape: depthwiseShape(weight.Shape), param: weight.Name, filters: true})
			continue
		}
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
		case graph.NormInstance, graph.NormAffine:
			if norm == graph.NormAffine {
				for _, part := range []string{"weight", "bias"} {
					list = append(list, entry{name: s.norm + "." + part, shape: channels, param: s.layer + ".norm." + part})
				}
			}
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

// depthwiseShape converts the shape of a depthwise convolution's weight from package graph's order
// to PyTorch's: [k, k, c, 1] -> [c, 1, k, k].
func depthwiseShape(shape []int) []int { return []int{shape[2], 1, shape[0], shape[1]} }

// outputs returns the number of output channels of a convolution with the given weight.
func outputs(weight graph.Param) int {
	if _, ok := weight.Layer.(graph.ConvTranspose); ok {
		return weight.Shape[2]
	}
	return weight.Shape[3]
}

// ErrUnknown reports that a state dict belongs to no network with names in PyTorch. The errors of
// [Recognize] and [RecognizeDiscriminator] wrap it.
var ErrUnknown = errors.New("these are not the weights of a known CycleGAN network")

// RecognizeDiscriminator detects the official discriminator that a state dict belongs to. The one
// with three strided layers is "basic".
func RecognizeDiscriminator(s State) (graph.DiscriminatorOptions, error) {
	s = s.uncompiled().unwrapped()
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

func notRecognized(s State, why string) error {
	return fmt.Errorf("%w: %s; tensors: %d", ErrUnknown, why, len(s))
}
