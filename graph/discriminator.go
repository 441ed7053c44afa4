package graph

import "fmt"

// NewDiscriminator builds one of the named discriminators. Their output is a
// map of scores, one for each patch of the picture, with no sigmoid at the
// end.
func NewDiscriminator(o DiscriminatorOptions) (*Network, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	var layers []Layer
	switch o.Architecture {
	case PatchGAN:
		layers = patchGAN(o, 3)
	case NLayers:
		layers = patchGAN(o, o.Layers)
	case Pixel:
		layers = pixelGAN(o)
	case Yosemite, YosemitePublic:
		layers = yosemiteDiscriminator(o)
	}
	n := &Network{Name: o.Architecture, In: o.In, Out: 1, Layers: layers}
	if err := n.Validate(); err != nil {
		return nil, err
	}
	return n, nil
}

// patchGAN judges overlapping patches (Isola et al. 2017,
// https://arxiv.org/abs/1611.07004): 70x70 pixels with three strided layers.
func patchGAN(o DiscriminatorOptions, strided int) []Layer {
	layers := []Layer{Conv{Name: "conv1", In: o.In, Out: o.Filters, Kernel: 4, Stride: 2, Pad: 1, Bias: true}, LeakyReLU{leakySlope}}
	in := o.Filters
	for i := 1; i <= strided; i++ {
		name := fmt.Sprintf("conv%d", i+1)
		out, stride := o.Filters*min(1<<i, 8), 2
		if i == strided {
			stride = 1
		}
		layers = chain(layers, Conv{Name: name, In: in, Out: out, Kernel: 4, Stride: stride, Pad: 1}, normLayers(o.Norm, name, out), LeakyReLU{leakySlope})
		in = out
	}
	return append(layers, Conv{Name: "score", In: in, Out: 1, Kernel: 4, Stride: 1, Pad: 1, Bias: true})
}

// pixelGAN judges every pixel by itself. As in the official code its last
// convolution has a bias when the norm is instance, and none otherwise.
func pixelGAN(o DiscriminatorOptions) []Layer {
	f := o.Filters
	return chain(
		Conv{Name: "conv1", In: o.In, Out: f, Kernel: 1, Stride: 1, Bias: true}, LeakyReLU{leakySlope},
		Conv{Name: "conv2", In: f, Out: 2 * f, Kernel: 1, Stride: 1}, normLayers(o.Norm, "conv2", 2*f), LeakyReLU{leakySlope},
		Conv{Name: "score", In: 2 * f, Out: 1, Kernel: 1, Stride: 1, Bias: o.Norm == NormInstance},
	)
}

// yosemiteDiscriminator is the five-convolution network of the public Yosemite
// course recipe. It averages its last map to one score a picture. The variant
// found in public copies has no norm on the first layer, strides by 1 in the
// last and leaves its map, 7x7 for a picture of 128x128, as it is.
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
