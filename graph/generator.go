package graph

import "fmt"

// NewGenerator builds one of the named generators. Their output is in
// [-1, 1]. Hidden convolutions have no bias: a norm that follows would take it
// out again, and without norm the official code has none either. The few
// exceptions are the official ones.
func NewGenerator(o GeneratorOptions) (*Network, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	var layers []Layer
	switch o.Architecture {
	case ResNet9:
		layers = resnet(o, 9)
	case ResNet6:
		layers = resnet(o, 6)
	case UNet256:
		layers = unet(o, 8)
	case UNet128:
		layers = unet(o, 7)
	case Yosemite:
		layers = yosemiteGenerator(o)
	}
	if o.Residual {
		layers = []Layer{Residual{Body: layers}, Clamp{Min: -1, Max: 1}}
	}
	n := &Network{Name: o.Architecture, In: o.In, Out: o.Out, Layers: layers}
	if err := n.Validate(); err != nil {
		return nil, err
	}
	return n, nil
}

// resnet is the generator of Johnson et al. 2016 (https://arxiv.org/abs/1603.08155)
// as CycleGAN uses it: two halvings, residual blocks, two doublings.
func resnet(o GeneratorOptions, blocks int) []Layer {
	f := o.Filters
	layers := chain(
		ReflectPad{3}, Conv{Name: "stem", In: o.In, Out: f, Kernel: 7, Stride: 1}, normLayers(o.Norm, "stem", f), ReLU{},
		Conv{Name: "down1", In: f, Out: 2 * f, Kernel: 3, Stride: 2, Pad: 1}, normLayers(o.Norm, "down1", 2*f), ReLU{},
		Conv{Name: "down2", In: 2 * f, Out: 4 * f, Kernel: 3, Stride: 2, Pad: 1}, normLayers(o.Norm, "down2", 4*f), ReLU{},
	)
	for i := range blocks {
		layers = append(layers, resnetBlock(fmt.Sprintf("block%d", i+1), 4*f, o))
	}
	return chain(layers,
		upLayers(o.Upsampling, ConvTranspose{Name: "up1", In: 4 * f, Out: 2 * f, Kernel: 3, Stride: 2, Pad: 1, OutPad: 1}),
		normLayers(o.Norm, "up1", 2*f), ReLU{},
		upLayers(o.Upsampling, ConvTranspose{Name: "up2", In: 2 * f, Out: f, Kernel: 3, Stride: 2, Pad: 1, OutPad: 1}),
		normLayers(o.Norm, "up2", f), ReLU{},
		ReflectPad{3}, Conv{Name: "out", In: f, Out: o.Out, Kernel: 7, Stride: 1, Bias: true}, Tanh{},
	)
}

// resnetBlock is x + F(x) with no activation after the sum.
func resnetBlock(name string, c int, o GeneratorOptions) Layer {
	first, second := name+".conv1", name+".conv2"
	body := chain(ReflectPad{1}, Conv{Name: first, In: c, Out: c, Kernel: 3, Stride: 1}, normLayers(o.Norm, first, c), ReLU{})
	if o.Dropout {
		body = append(body, Dropout{dropoutRate})
	}
	return Residual{chain(body, ReflectPad{1}, Conv{Name: second, In: c, Out: c, Kernel: 3, Stride: 1}, normLayers(o.Norm, second, c))}
}

// unet is the generator of Isola et al. 2017 (https://arxiv.org/abs/1611.07004)
// with the given number of halvings. It is built from the innermost level
// outward; level 1 is the outermost.
func unet(o GeneratorOptions, downs int) []Layer {
	width := func(level int) int { return o.Filters * min(1<<(level-1), 8) }
	up := func(level, in, out int, bias bool) []Layer {
		return upLayers(o.Upsampling, ConvTranspose{Name: fmt.Sprintf("up%d", level), In: in, Out: out, Kernel: 4, Stride: 2, Pad: 1, Bias: bias})
	}

	// The innermost down convolution has no norm behind it. The official code
	// gives it a bias when the norm is instance, and none otherwise.
	innerBias := o.Norm == NormInstance
	in, c := width(downs-1), width(downs)
	layers := chain(
		LeakyReLU{leakySlope}, Conv{Name: fmt.Sprintf("down%d", downs), In: in, Out: c, Kernel: 4, Stride: 2, Pad: 1, Bias: innerBias},
		ReLU{},
	)
	if o.Upsampling == UpResize && o.Norm == NormInstance {
		// Resizing the single pixel that is left of a picture of the training
		// size gives a constant map, which InstanceNorm would turn to zero.
		layers = append(layers, up(downs, c, in, true)...)
	} else {
		layers = chain(layers, up(downs, c, in, false), normLayers(o.Norm, fmt.Sprintf("up%d", downs), in))
	}
	for level := downs - 1; level >= 2; level-- {
		in, c := width(level-1), width(level)
		down := fmt.Sprintf("down%d", level)
		layers = chain(
			LeakyReLU{leakySlope}, Conv{Name: down, In: in, Out: c, Kernel: 4, Stride: 2, Pad: 1}, normLayers(o.Norm, down, c),
			Concat{layers},
			ReLU{}, up(level, 2*c, in, false), normLayers(o.Norm, fmt.Sprintf("up%d", level), in),
		)
		if o.Dropout && level > 4 && level < downs {
			layers = append(layers, Dropout{dropoutRate})
		}
	}
	return chain(
		Conv{Name: "down1", In: o.In, Out: o.Filters, Kernel: 4, Stride: 2, Pad: 1, Bias: innerBias},
		Concat{layers},
		ReLU{}, up(1, 2*o.Filters, o.Out, true), Tanh{},
	)
}

// yosemiteGenerator is the encoder, residual blocks and decoder of the public
// 128x128 Yosemite course recipe.
func yosemiteGenerator(o GeneratorOptions) []Layer {
	f := o.Filters
	conv := func(name string, in, out int) []Layer {
		return chain(Conv{Name: name, In: in, Out: out, Kernel: 4, Stride: 2, Pad: 1}, normLayers(o.Norm, name, out), ReLU{})
	}
	layers := chain(conv("down1", o.In, f), conv("down2", f, 2*f), conv("down3", 2*f, 4*f))
	for i := range 6 {
		first, second := fmt.Sprintf("block%d.conv1", i+1), fmt.Sprintf("block%d.conv2", i+1)
		layers = append(layers, Residual{chain(
			Conv{Name: first, In: 4 * f, Out: 4 * f, Kernel: 3, Stride: 1, Pad: 1}, normLayers(o.Norm, first, 4*f), ReLU{},
			Conv{Name: second, In: 4 * f, Out: 4 * f, Kernel: 3, Stride: 1, Pad: 1}, normLayers(o.Norm, second, 4*f),
		)})
	}
	up := func(name string, in, out int) []Layer {
		return upLayers(o.Upsampling, ConvTranspose{Name: name, In: in, Out: out, Kernel: 4, Stride: 2, Pad: 1})
	}
	return chain(layers,
		up("up1", 4*f, 2*f), normLayers(o.Norm, "up1", 2*f), ReLU{},
		up("up2", 2*f, f), normLayers(o.Norm, "up2", f), ReLU{},
		up("up3", f, o.Out), Tanh{},
	)
}
