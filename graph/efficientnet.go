package graph

import "fmt"

// EfficientNet is the name of [EfficientNetLite0].
const EfficientNet = "efficientnet_lite0"

// EfficientNetLite0 returns EfficientNet-Lite0 without its classifier: 1280 features of an image in
// [-1, 1]. It is the network of Tan and Le 2019 (https://arxiv.org/abs/1905.11946) without
// squeeze-and-excitation and with ReLU6, trained on ImageNet; package pytorch reads its weights.
// All layers are frozen, and each BatchNorm is part of the convolution before it.
//
// Sides should be multiples of 32: at others a strided layer pads where TensorFlow's "same" would
// pad differently.
func EfficientNetLite0() *Network {
	layers, blocks := efficientNet(3)
	for _, b := range blocks {
		layers = append(layers, b...)
	}
	return &Network{Name: EfficientNet, In: 3, Out: 1280, Layers: chain(layers,
		frozen("top", 320, 1280), relu6, GlobalMean{})}
}

var relu6 = Clamp{Min: 0, Max: 6}

// efficientNet returns the layers before the first block and the 16 blocks, for color or gray
// images.
func efficientNet(in int) (stem []Layer, blocks [][]Layer) {
	stem = []Layer{
		// From [-1, 1] to the range of the training, as a layer so that the zeros of the padding
		// are those of the training too. A gray image becomes three equal channels.
		frozen("input", in, 3),
		ZeroPad{0, 1}, Conv{Name: "stem", In: 3, Out: 32, Kernel: 3, Stride: 2, Bias: true, Frozen: true}, relu6,
	}
	channels := 32
	for _, stage := range []struct{ repeat, kernel, stride, expand, out int }{
		{1, 3, 1, 1, 16}, {2, 3, 2, 6, 24}, {2, 5, 2, 6, 40}, {3, 3, 2, 6, 80}, {3, 5, 1, 6, 112}, {4, 5, 2, 6, 192}, {1, 3, 1, 6, 320},
	} {
		for i := range stage.repeat {
			stride := stage.stride
			if i > 0 {
				stride = 1
			}
			blocks = append(blocks, invertedResidual(fmt.Sprintf("block%d.", len(blocks)), channels, stage.out, stage.kernel, stride, stage.expand))
			channels = stage.out
		}
	}
	return stem, blocks
}

// invertedResidual is the block of Sandler et al. 2018 (https://arxiv.org/abs/1801.04381), which
// convolves each channel of a wide map and sums narrow ones.
func invertedResidual(name string, in, out, kernel, stride, expand int) []Layer {
	wide := in * expand
	var layers []Layer
	if expand > 1 {
		layers = chain(frozen(name+"expand", in, wide), relu6)
	}
	depthwise := DepthwiseConv{Name: name + "depthwise", Channels: wide, Kernel: kernel, Stride: stride, Pad: kernel / 2, Bias: true, Frozen: true}
	if stride == 2 {
		depthwise.Pad = 0
		layers = append(layers, ZeroPad{kernel/2 - 1, kernel / 2})
	}
	layers = append(layers, depthwise, relu6, frozen(name+"project", wide, out))
	if stride == 1 && in == out {
		return []Layer{Residual{layers}}
	}
	return layers
}

// projected scores the frozen features of EfficientNet-Lite0 at four depths, each with a small
// network of its own (Sauer et al. 2021, https://arxiv.org/abs/2111.01007, without its random
// projections). The maps have strides of 4, 8, 16 and 32 pixels. The coarser ones are repeated to
// the size of the finest, so that a mean over all scores is the mean of the four means. Sides must
// be multiples of 32.
func projected(o DiscriminatorOptions) []Layer {
	stem, blocks := efficientNet(o.In)
	heads := []struct{ block, channels int }{{2, 24}, {4, 40}, {10, 112}, {15, 320}}
	var deeper []Layer // what follows a head's block
	for i := len(heads) - 1; i >= 0; i-- {
		branch := scoreHead(fmt.Sprintf("head%d.", i+1), heads[i].channels, o.Filters)
		if i > 0 {
			branch = append(branch, Upsample{Scale: 1 << i, Mode: Nearest})
		}
		if deeper != nil {
			branch = []Layer{Fork{[][]Layer{branch, deeper}}}
		}
		first := 0
		if i > 0 {
			first = heads[i-1].block + 1
		}
		deeper = branch
		for j := heads[i].block; j >= first; j-- {
			deeper = chain(blocks[j], deeper)
		}
	}
	return chain(stem, deeper)
}

func scoreHead(name string, in, filters int) []Layer {
	return []Layer{
		Conv{Name: name + "conv1", In: in, Out: filters, Kernel: 1, Stride: 1, Bias: true, Gain: headGain}, LeakyReLU{leakySlope},
		Conv{Name: name + "conv2", In: filters, Out: filters, Kernel: 3, Stride: 1, Pad: 1, Bias: true, Gain: headGain}, LeakyReLU{leakySlope},
		Conv{Name: name + "score", In: filters, Out: 1, Kernel: 1, Stride: 1, Bias: true, Gain: headGain},
	}
}

// frozen is a 1x1 convolution.
func frozen(name string, in, out int) Conv {
	return Conv{Name: name, In: in, Out: out, Kernel: 1, Stride: 1, Bias: true, Frozen: true}
}

// headGain scales the initial weights of the heads: the features are not normalized, and scores far
// from the hinge's margin would only have to shrink first.
const headGain = 0.4
