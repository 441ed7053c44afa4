package pytorch

import (
	"errors"
	"fmt"
	"strings"

	"cyclegan/graph"
)

// A slot is a convolution of an official network and the norm behind it. The
// official modules are numbered by their place in an nn.Sequential, where
// padding, activation and dropout take a number too; a norm of the kind "none"
// is an identity that takes one as well.
type slot struct {
	layer string // the convolution in package graph
	conv  string // the official convolution
	norm  string // the official norm behind it, empty where there is none
}

// resnetSlots lists the convolutions of the ResNet generators: model.1 is the
// stem, model.10 the first block.
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

// unetSlots lists the convolutions of a U-Net with the given number of levels.
// Each level is a module inside that of the level around it: the outermost has
// its convolutions at 0 and 3 and the next level at 1; the others have theirs
// at 1 and 5 with the next level at 3; and the innermost, which holds no other
// and has no norm on its way down, at 1 and 3. Dropout comes last in a module,
// so it moves no number.
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

// patchSlots lists the convolutions of the PatchGAN discriminators.
func patchSlots(strided int) []slot {
	slots := []slot{{"conv1", "model.0", ""}}
	for i := range strided {
		slots = append(slots, slot{fmt.Sprintf("conv%d", i+2), fmt.Sprintf("model.%d", 3*i+2), fmt.Sprintf("model.%d", 3*i+3)})
	}
	return append(slots, slot{"score", fmt.Sprintf("model.%d", 3*strided+2), ""})
}

func pixelSlots() []slot {
	return []slot{{"conv1", "net.0", ""}, {"conv2", "net.2", "net.3"}, {"score", "net.5", ""}}
}

// An entry is a tensor of an official state dict.
type entry struct {
	name  string
	shape []int
	// param is the network's parameter that it holds, empty for what has no
	// counterpart; filters says that its layout differs.
	param   string
	filters bool
	// optional entries may be missing from a state dict.
	optional bool
	// counter marks num_batches_tracked, the only integer.
	counter bool
	// old marks statistics that are read over and never written.
	old bool
}

// generatorEntries builds a generator and lists its official tensors.
func generatorEntries(o graph.GeneratorOptions) (*graph.Network, []entry, error) {
	n, err := graph.NewGenerator(o)
	if err != nil {
		return nil, nil, err
	}
	if o.Residual || o.Upsampling != graph.UpTranspose {
		return nil, nil, errors.New("the official implementation has no generator with residual output or resized upsampling: official weights don't fit it, and its own have no official names")
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
	default:
		return nil, nil, fmt.Errorf("the official implementation has no generator %q: official weights don't fit it, and its own have no official names", o.Architecture)
	}
	return n, entries(n, slots, o.Norm), nil
}

// discriminatorEntries builds a discriminator and lists its official tensors.
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
		return nil, nil, fmt.Errorf("the official implementation has no discriminator %q: official weights don't fit it, and its own have no official names", o.Architecture)
	}
	return n, entries(n, slots, o.Norm), nil
}

// entries lists the official tensors of a network in the order of its slots.
func entries(n *graph.Network, slots []slot, norm graph.Norm) []entry {
	params := map[string]graph.Param{}
	for _, p := range n.Params() {
		params[p.Name] = p
	}
	var list []entry
	for _, s := range slots {
		weight := params[s.layer+".weight"]
		list = append(list, entry{name: s.conv + ".weight", shape: filterShape(weight.Shape), param: weight.Name, filters: true})
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
				list = append(list, entry{name: s.norm + "." + part.official, shape: channels, param: fmt.Sprintf("%s.norm.%v", s.layer, part.role)})
			}
			list = append(list, entry{name: s.norm + ".num_batches_tracked", optional: true, counter: true})
		}
	}
	return list
}

// outputs counts the channels that a convolution with the given weight gives.
func outputs(weight graph.Param) int {
	if _, ok := weight.Layer.(graph.ConvTranspose); ok {
		return weight.Shape[2]
	}
	return weight.Shape[3]
}

// trimDataParallel takes off the prefix that nn.DataParallel gives every name,
// if they all have it.
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
