package graph

import "fmt"

// NewGenerator builds one of the named generators. The output is in [-1, 1]. Hidden convolutions
// have no bias, since a norm after them would cancel it, and the official code has none without a
// norm either. The few exceptions are the official ones and those of Pyramid.
func NewGenerator(o GeneratorOptions) (*Network, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	var layers []Layer
	switch o.Architecture {
	case Course:
		layers = courseGenerator(o)
	case UNet256:
		layers = unet(o, 8)
	case UNet128:
		layers = unet(o, 7)
	case Yosemite:
		layers = yosemiteGenerator(o)
	case Pyramid:
		layers = pyramid(o)
	default:
		layers = resnet(o, Blocks(o.Architecture))
	}
	if o.Residual && o.Architecture != Pyramid {
		layers = []Layer{Residual{Body: layers}, Clamp{Min: -1, Max: 1}}
	}
	n := &Network{Name: o.Architecture, In: o.In, Out: o.Out, Layers: layers}
	if err := n.Validate(); err != nil {
		return nil, err
	}
	return n, nil
}

// resnet is the generator of Johnson et al. 2016 (https://arxiv.org/abs/1603.08155) as CycleGAN
// uses it: it halves the size twice, applies residual blocks, and doubles it twice.
func resnet(o GeneratorOptions, blocks int) []Layer {
	f := o.Filters
	layers := chain(
		ReflectPad{3}, Conv{Name: "stem", In: o.In, Out: f, Kernel: 7, Stride: 1}, normLayers(o.Norm, "stem", f), ReLU{},
		downLayers(o, "down1", f), downLayers(o, "down2", 2*f),
	)
	for i := range blocks {
		layers = append(layers, resnetBlock(fmt.Sprintf("block%d", i+1), 4*f, o))
	}
	enlarge := func(name string, in int) []Layer {
		if o.Antialias {
			return []Layer{Upsample{Scale: 2, Mode: Bilinear}, Conv{Name: name, In: in, Out: in / 2, Kernel: 3, Stride: 1, Pad: 1}}
		}
		return upLayers(o.Upsampling, ConvTranspose{Name: name, In: in, Out: in / 2, Kernel: 3, Stride: 2, Pad: 1, OutPad: 1})
	}
	return chain(layers,
		enlarge("up1", 4*f), normLayers(o.Norm, "up1", 2*f), ReLU{},
		enlarge("up2", 2*f), normLayers(o.Norm, "up2", f), ReLU{},
		ReflectPad{3}, Conv{Name: "out", In: f, Out: o.Out, Kernel: 7, Stride: 1, Bias: true}, Tanh{},
	)
}

// downLayers returns the layers that halve the size of a map and double its c channels. With
// Antialias, the convolution keeps the size, and a fixed filter halves it.
func downLayers(o GeneratorOptions, name string, c int) []Layer {
	conv := Conv{Name: name, In: c, Out: 2 * c, Kernel: 3, Stride: 2, Pad: 1}
	if !o.Antialias {
		return chain(conv, normLayers(o.Norm, name, 2*c), ReLU{})
	}
	conv.Stride = 1
	return chain(conv, normLayers(o.Norm, name, 2*c), ReLU{},
		ReflectPad{1}, DepthwiseConv{Name: name + ".blur", Channels: 2 * c, Kernel: 3, Stride: 2, Frozen: true})
}

// courseGenerator is the ResNet of the course: all its convolutions mirror the border, and the
// first one has a bias, but neither norm nor activation.
func courseGenerator(o GeneratorOptions) []Layer {
	f := o.Filters
	conv := func(name string, in, out, stride int) []Layer {
		return chain(ReflectPad{1}, Conv{Name: name, In: in, Out: out, Kernel: 3, Stride: stride}, normLayers(o.Norm, name, out))
	}
	layers := chain(
		ReflectPad{3}, Conv{Name: "stem", In: o.In, Out: f, Kernel: 7, Stride: 1, Bias: true},
		conv("down1", f, 2*f, 2), ReLU{}, conv("down2", 2*f, 4*f, 2), ReLU{},
	)
	for i := range 9 {
		layers = append(layers, resnetBlock(fmt.Sprintf("block%d", i+1), 4*f, o))
	}
	up := func(name string, in int) []Layer {
		transpose := ConvTranspose{Name: name, In: in, Out: in / 2, Kernel: 3, Stride: 2, Pad: 1, OutPad: 1}
		return chain(upLayers(o.Upsampling, transpose), normLayers(o.Norm, name, in/2), ReLU{})
	}
	return chain(layers, up("up1", 4*f), up("up2", 2*f), ReflectPad{3}, Conv{Name: "out", In: f, Out: o.Out, Kernel: 7, Stride: 1, Bias: true}, Tanh{})
}

// resnetBlock is x + F(x) with no activation after the sum.
func resnetBlock(name string, c int, o GeneratorOptions) Layer {
	first, second := name+".conv1", name+".conv2"
	conv := func(name string) []Layer {
		return chain(ReflectPad{1}, Conv{Name: name, In: c, Out: c, Kernel: 3, Stride: 1}, normLayers(o.Norm, name, c))
	}
	body := chain(conv(first), ReLU{})
	if o.Dropout {
		body = append(body, Dropout{dropoutRate})
	}
	return Residual{chain(body, conv(second))}
}

// unet is the generator of Isola et al. 2017 (https://arxiv.org/abs/1611.07004), which halves the
// size downs times. It is built from the innermost level outward; level 1 is the outermost.
func unet(o GeneratorOptions, downs int) []Layer {
	width := func(level int) int { return o.Filters * min(1<<(level-1), 8) }
	up := func(level, in, out int, bias bool) []Layer {
		name := fmt.Sprintf("up%d", level)
		transpose := ConvTranspose{Name: name, In: in, Out: out, Kernel: 4, Stride: 2, Pad: 1, Bias: bias}
		return upLayers(o.Upsampling, transpose)
	}

	// The innermost down convolution has no norm after it. The official code gives it a bias for
	// instance norm only.
	innerBias := o.Norm == NormInstance || o.Norm == NormAffine
	in, c := width(downs-1), width(downs)
	layers := chain(
		LeakyReLU{leakySlope},
		Conv{Name: fmt.Sprintf("down%d", downs), In: in, Out: c, Kernel: 4, Stride: 2, Pad: 1, Bias: innerBias},
		ReLU{},
	)
	if o.Upsampling == UpResize && innerBias {
		// At the training size one pixel is left, whose enlargement is constant: InstanceNorm would
		// turn it to zero.
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

// yosemiteGenerator is the encoder, residual blocks and decoder of the public 128x128 Yosemite
// course recipe.
func yosemiteGenerator(o GeneratorOptions) []Layer {
	f := o.Filters
	conv := func(name string, in, out int) []Layer {
		c := Conv{Name: name, In: in, Out: out, Kernel: 4, Stride: 2, Pad: 1}
		return chain(c, normLayers(o.Norm, name, out), ReLU{})
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

// pyramidBase is the side of the low frequencies of a training image.
const pyramidBase = 32

// pyramid translates the low frequencies of an image and scales its bands by masks (LPTN, Liang et
// al. 2021, https://arxiv.org/abs/2105.09188). It sees a thumbnail of the training size, so that an
// image of any size changes as much as the training images did, and keeps its details.
//
// Unlike the other generators it has biases, except before a norm. Only the low frequencies are
// normalized.
func pyramid(o GeneratorOptions) []Layer {
	f, narrow := o.Filters, o.Filters/4
	base := chain(
		pyramidConv("base.stem", o.In, narrow, 1, o.Norm), LeakyReLU{leakySlope},
		pyramidConv("base.widen", narrow, f, 1, NormNone), LeakyReLU{leakySlope},
	)
	for i := range 5 {
		base = append(base, pyramidBlock(fmt.Sprintf("base.block%d", i+1), f, o.Norm))
	}
	layers := []Layer{Residual{chain(base,
		pyramidConv("base.narrow", f, narrow, 1, NormNone), LeakyReLU{leakySlope},
		pyramidConv("base.out", narrow, o.Out, smallGain, NormNone),
	)}}
	for size := 2 * pyramidBase; size <= o.Size; size *= 2 {
		name := fmt.Sprintf("mask%d", size)
		// The coarsest mask does most of the work; the finer ones follow the bands below.
		width, blocks := narrow, 0
		if size == 2*pyramidBase {
			width, blocks = f/2, 3
		}
		mask := chain(pyramidConv(name+".stem", 3*o.In, width, 1, NormNone), LeakyReLU{leakySlope})
		for i := range blocks {
			mask = append(mask, pyramidBlock(fmt.Sprintf("%s.block%d", name, i+1), width, NormNone))
		}
		layers = []Layer{Level{Channels: o.In, Body: layers, Mask: append(mask, pyramidConv(name+".out", width, 1, smallGain, NormNone)...)}}
	}
	return []Layer{Thumbnail{Size: o.Size, Multiple: o.Size / pyramidBase, Body: layers}, Clamp{Min: -1, Max: 1}}
}

// Initial scales of a pyramid's convolutions. With the small one at the end, an untrained pyramid
// is close to the identity. Second convolutions of blocks start lower too, so that the sums of the
// blocks do not grow.
const (
	smallGain = 0.1
	blockGain = 1. / 3
)

func pyramidConv(name string, in, out int, gain float32, norm Norm) []Layer {
	c := Conv{Name: name, In: in, Out: out, Kernel: 3, Stride: 1, Bias: norm == NormNone, Gain: gain}
	return chain(ReflectPad{1}, c, normLayers(norm, name, out))
}

func pyramidBlock(name string, c int, norm Norm) Layer {
	return Residual{chain(
		pyramidConv(name+".conv1", c, c, 1, norm), LeakyReLU{leakySlope},
		pyramidConv(name+".conv2", c, c, blockGain, NormNone),
	)}
}

// NewDiscriminator builds one of the named discriminators. The output is a map of scores, one for
// each patch of the image, without a sigmoid. The architecture projected has four such maps.
func NewDiscriminator(o DiscriminatorOptions) (*Network, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	var layers []Layer
	out := 1
	switch o.Architecture {
	case PatchGAN:
		layers = patchGAN(o, 3)
	case NLayers:
		layers = patchGAN(o, o.Layers)
	case Pixel:
		layers = pixelGAN(o)
	case Yosemite, YosemitePublic:
		layers = yosemiteDiscriminator(o)
	case Projected:
		layers, out = projected(o), 4
	}
	n := &Network{Name: o.Architecture, In: o.In, Out: out, Layers: layers}
	if err := n.Validate(); err != nil {
		return nil, err
	}
	return n, nil
}

// patchGAN scores overlapping patches (Isola et al. 2017, https://arxiv.org/abs/1611.07004): 70x70
// pixels with three strided layers.
func patchGAN(o DiscriminatorOptions, strided int) []Layer {
	layers := chain(
		Conv{Name: "conv1", In: o.In, Out: o.Filters, Kernel: 4, Stride: 2, Pad: 1, Bias: true}, LeakyReLU{leakySlope},
	)
	in := o.Filters
	for i := 1; i <= strided; i++ {
		name := fmt.Sprintf("conv%d", i+1)
		out, stride := o.Filters*min(1<<i, 8), 2
		if i == strided {
			stride = 1
		}
		layers = chain(layers,
			Conv{Name: name, In: in, Out: out, Kernel: 4, Stride: stride, Pad: 1}, normLayers(o.Norm, name, out),
			LeakyReLU{leakySlope},
		)
		in = out
	}
	return append(layers, Conv{Name: "score", In: in, Out: 1, Kernel: 4, Stride: 1, Pad: 1, Bias: true})
}

// pixelGAN scores every pixel on its own. As in the official code, its last convolution has a bias
// for instance norm only.
func pixelGAN(o DiscriminatorOptions) []Layer {
	f := o.Filters
	return chain(
		Conv{Name: "conv1", In: o.In, Out: f, Kernel: 1, Stride: 1, Bias: true}, LeakyReLU{leakySlope},
		Conv{Name: "conv2", In: f, Out: 2 * f, Kernel: 1, Stride: 1}, normLayers(o.Norm, "conv2", 2*f),
		LeakyReLU{leakySlope},
		Conv{Name: "score", In: 2 * f, Out: 1, Kernel: 1, Stride: 1, Bias: o.Norm == NormInstance},
	)
}

// yosemiteDiscriminator is the network of five convolutions of the public Yosemite course recipe,
// which averages its last map to one score per image. The variant in public copies has no norm on
// the first layer, stride 1 in the last, and returns its map: 7x7 for an image of 128x128.
func yosemiteDiscriminator(o DiscriminatorOptions) []Layer {
	public := o.Architecture == YosemitePublic
	var layers []Layer
	in := o.In
	for i := range 4 {
		name, out := fmt.Sprintf("conv%d", i+1), o.Filters<<i
		layers = append(layers, Conv{Name: name, In: in, Out: out, Kernel: 4, Stride: 2, Pad: 1})
		if !public || i > 0 {
			layers = append(layers, normLayers(o.Norm, name, out)...)
		}
		layers = append(layers, ReLU{})
		in = out
	}
	if public {
		return append(layers, Conv{Name: "score", In: in, Out: 1, Kernel: 4, Stride: 1, Pad: 1})
	}
	return append(layers, Conv{Name: "score", In: in, Out: 1, Kernel: 4, Stride: 2, Pad: 1}, GlobalMean{})
}

// PyTorch's defaults.
const (
	normEpsilon  = 1e-5
	normMomentum = 0.1
	leakySlope   = 0.2
	dropoutRate  = 0.5
)

// normLayers returns the normalization of the named layer, which may be none. Scale and shift of an
// affine one are a depthwise convolution with one pixel.
func normLayers(kind Norm, name string, channels int) []Layer {
	switch kind {
	case NormInstance:
		return []Layer{InstanceNorm{Channels: channels, Epsilon: normEpsilon}}
	case NormAffine:
		return []Layer{InstanceNorm{Channels: channels, Epsilon: normEpsilon}, DepthwiseConv{Name: name + ".norm", Channels: channels, Kernel: 1, Stride: 1, Bias: true}}
	case NormBatch:
		return []Layer{BatchNorm{Name: name + ".norm", Channels: channels, Epsilon: normEpsilon, Momentum: normMomentum}}
	}
	return nil
}

// upLayers returns the layers that double a map's size in a decoder, without norm and activation.
func upLayers(kind Upsampling, transpose ConvTranspose) []Layer {
	if kind == UpTranspose {
		return []Layer{transpose}
	}
	if kind == UpNearest {
		return []Layer{
			Upsample{Scale: 2, Mode: Nearest},
			Conv{Name: transpose.Name, In: transpose.In, Out: transpose.Out, Kernel: 3, Stride: 1, Pad: 1, Bias: transpose.Bias},
		}
	}
	return []Layer{
		Upsample{Scale: 2, Mode: Bilinear},
		ReflectPad{Pad: 1},
		Conv{Name: transpose.Name, In: transpose.In, Out: transpose.Out, Kernel: 3, Stride: 1, Bias: transpose.Bias},
	}
}

// chain flattens its arguments, each a Layer or a []Layer, into one list.
func chain(parts ...any) []Layer {
	var layers []Layer
	for _, part := range parts {
		switch part := part.(type) {
		case Layer:
			layers = append(layers, part)
		case []Layer:
			layers = append(layers, part...)
		}
	}
	return layers
}
