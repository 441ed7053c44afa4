package graph

// Constants of the networks, PyTorch's defaults.
const (
	normEpsilon  = 1e-5
	normMomentum = 0.1
	leakySlope   = 0.2
	dropoutRate  = 0.5
)

// normLayers returns the normalisation of the layer that name belongs to: one
// layer, or none.
func normLayers(kind Norm, name string, channels int) []Layer {
	switch kind {
	case NormInstance:
		return []Layer{InstanceNorm{Channels: channels, Epsilon: normEpsilon}}
	case NormBatch:
		return []Layer{BatchNorm{Name: name + ".norm", Channels: channels, Epsilon: normEpsilon, Momentum: normMomentum}}
	}
	return nil
}

// upLayers returns what doubles a map's size in a decoder, without norm and
// activation.
func upLayers(kind Upsampling, transpose ConvTranspose) []Layer {
	if kind == UpTranspose {
		return []Layer{transpose}
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
