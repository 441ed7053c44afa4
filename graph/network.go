// Package graph describes convolutional networks as data.
//
// A [Network] is a list of layers, each a plain struct that says what a layer
// is and nothing about how it is computed. The package also knows what follows
// from such a description without computing it: the shape of every tensor, the
// table of parameters, initial weights, and whether the description makes
// sense at all. It imports no tensor library. Back-ends read a network the way
// go/printer reads a go/ast tree: package tfgraph adds it to a TensorFlow
// graph, package onnxgraph writes it as an ONNX model, and each is one switch
// over the layer kinds defined here.
//
// [NewGenerator] and [NewDiscriminator] build the named architectures of
// CycleGAN (Zhu et al. 2017, https://arxiv.org/abs/1703.10593).
//
// Activations have the shape [N, H, W, C] in this package's terms; which order
// the axes have in memory is a back-end's business. Convolution weights are
// kept in one layout everywhere, TensorFlow's: [kernel, kernel, in, out] for a
// convolution and [kernel, kernel, out, in] for a transposed one.
package graph

// A Network is a feed-forward network from one picture-shaped tensor to
// another.
type Network struct {
	// Name is the architecture's name, such as "resnet_9blocks".
	Name string
	// In and Out count the channels of the input and the output.
	In, Out int
	Layers  []Layer
}

// A Layer is one of the layer structs of this package. The set is closed:
// a back-end that switches over all of them is complete.
type Layer interface{ layer() }

// Conv is a two-dimensional convolution, cross-correlation to be exact, with a
// square kernel and Pad zeros on each side. A map of side n becomes one of
// side (n + 2*Pad - Kernel)/Stride + 1, rounded down.
type Conv struct {
	Name                         string
	In, Out, Kernel, Stride, Pad int
	Bias                         bool
}

// ConvTranspose is the transposed convolution as PyTorch and ONNX define it: a
// map of side n becomes one of side (n-1)*Stride - 2*Pad + Kernel + OutPad.
type ConvTranspose struct {
	Name                                 string
	In, Out, Kernel, Stride, Pad, OutPad int
	Bias                                 bool
}

// ReflectPad mirrors Pad pixels outward on each side without repeating the
// edge, so the map's sides must be larger than Pad.
type ReflectPad struct{ Pad int }

// Upsample enlarges a map by the integer factor Scale. Bilinear sampling uses
// half-pixel centres (PyTorch's align_corners=False).
type Upsample struct {
	Scale int
	Mode  UpsampleMode
}

// UpsampleMode says how Upsample fills in the new pixels.
type UpsampleMode string

// The upsampling modes.
const (
	Nearest  UpsampleMode = "nearest"
	Bilinear UpsampleMode = "bilinear"
)

// InstanceNorm normalises each channel of each picture to mean 0 and variance
// 1 over the picture's own pixels, in training and afterwards alike (Ulyanov
// et al. 2016, https://arxiv.org/abs/1607.08022). It has no parameters.
type InstanceNorm struct {
	Channels int
	Epsilon  float32
}

// BatchNorm normalises each channel over the batch in training, and with the
// running mean and variance afterwards, then scales by gamma and shifts by
// beta (Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167). A training
// step moves the running statistics by Momentum towards the batch's mean and
// its unbiased variance, as PyTorch does.
type BatchNorm struct {
	Name     string
	Channels int
	Epsilon  float32
	Momentum float32
}

// ReLU is max(x, 0).
type ReLU struct{}

// LeakyReLU is x where x > 0 and Slope*x elsewhere.
type LeakyReLU struct{ Slope float32 }

// Tanh is the hyperbolic tangent.
type Tanh struct{}

// Clamp limits every value to [Min, Max].
type Clamp struct{ Min, Max float32 }

// Dropout zeroes values with probability Rate in training and scales the rest
// by 1/(1-Rate); afterwards it passes its input through.
type Dropout struct{ Rate float32 }

// GlobalMean averages each channel over the whole map, leaving a map of 1x1.
type GlobalMean struct{}

// Residual is x + Body(x).
type Residual struct{ Body []Layer }

// Concat is x and Body(x) side by side along the channels, x first: the skip
// connection of a U-Net.
type Concat struct{ Body []Layer }

func (Conv) layer()          {}
func (ConvTranspose) layer() {}
func (ReflectPad) layer()    {}
func (Upsample) layer()      {}
func (InstanceNorm) layer()  {}
func (BatchNorm) layer()     {}
func (ReLU) layer()          {}
func (LeakyReLU) layer()     {}
func (Tanh) layer()          {}
func (Clamp) layer()         {}
func (Dropout) layer()       {}
func (GlobalMean) layer()    {}
func (Residual) layer()      {}
func (Concat) layer()        {}

// body returns the layers inside l, nil when l holds none.
func body(l Layer) []Layer {
	switch l := l.(type) {
	case Residual:
		return l.Body
	case Concat:
		return l.Body
	}
	return nil
}

// Walk calls f for every layer in the order of computation, a layer that holds
// others before those.
func (n *Network) Walk(f func(Layer)) { walk(n.Layers, f) }

func walk(layers []Layer, f func(Layer)) {
	for _, l := range layers {
		f(l)
		walk(body(l), f)
	}
}
