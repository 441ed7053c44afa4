// Package graph describes convolutional networks as data; its central type is [Network].
//
// A network is a list of layers, each a plain struct that states what the layer is and nothing
// about how it is computed. The package derives from it what needs no computation: the shape of
// every tensor, the parameters, initial weights, and whether the description is valid. It imports
// no tensor library. Back-ends read a network the way go/printer reads a go/ast tree: package
// tfgraph adds it to a TensorFlow graph, package onnxgraph writes it as an ONNX model, and package
// pytorch reads and writes its weights.
//
// [NewGenerator] and [NewDiscriminator] build the named architectures of CycleGAN (Zhu et al. 2017,
// https://arxiv.org/abs/1703.10593).
//
// Activations have the shape [N, H, W, C] in this package's terms; each back-end chooses their
// order in memory. Convolution weights have TensorFlow's layout everywhere: [kernel, kernel, in,
// out] for a convolution and [kernel, kernel, out, in] for a transposed one.
//
// # Adding a layer kind
//
// Declare its struct and its layer method in network.go. Every switch over the layer kinds reports
// an unknown one as an error, so the tests show what is left: [LayerShape] and Validate in
// shape.go, [LayerParams] in params.go if it has parameters, [Describe] if its settings should be
// printed, then tfgraph and onnxgraph.
package graph

import (
	"fmt"
	"io"
	"strings"
)

// A Network is a feed-forward network from one image-shaped tensor to another.
type Network struct {
	Name    string // the architecture, such as "resnet_9blocks"
	In, Out int    // channels of the input and the output
	Layers  []Layer
}

// A Layer is one of the layer structs of this package. The set is closed, so a back-end that
// switches over all of them is complete.
type Layer interface{ layer() }

// Conv is a two-dimensional convolution (strictly a cross-correlation) with a square kernel and Pad
// zeros on each side. Side n becomes (n + 2*Pad - Kernel)/Stride + 1, rounded down.
type Conv struct {
	Name                         string
	In, Out, Kernel, Stride, Pad int
	Bias                         bool
	Frozen                       bool // training leaves the parameters as they are
	// Gain multiplies the standard deviation of the initial weights. 0 is 1.
	Gain float32
}

// DepthwiseConv convolves each channel with a square kernel of its own, and Pad zeros on each side.
// The sides become those of a [Conv].
type DepthwiseConv struct {
	Name                          string
	Channels, Kernel, Stride, Pad int
	Bias                          bool
	Frozen                        bool // training leaves the parameters as they are
}

// ConvTranspose is the transposed convolution as PyTorch and ONNX define it.
// Side n becomes (n-1)*Stride - 2*Pad + Kernel + OutPad.
type ConvTranspose struct {
	Name                                 string
	In, Out, Kernel, Stride, Pad, OutPad int
	Bias                                 bool
}

// ZeroPad adds Before zeros above and to the left of a map and After zeros below and to the right.
// It precedes a convolution whose padding differs between the sides.
type ZeroPad struct{ Before, After int }

// ReflectPad mirrors Pad pixels outward on each side without repeating the edge, so both sides must
// exceed Pad.
type ReflectPad struct{ Pad int }

// Upsample enlarges a map by the integer factor Scale. Bilinear sampling uses half-pixel centres
// (PyTorch's align_corners=False).
type Upsample struct {
	Scale int
	Mode  UpsampleMode
}

// UpsampleMode is the interpolation of Upsample.
type UpsampleMode string

// The upsampling modes.
const (
	Nearest  UpsampleMode = "nearest"
	Bilinear UpsampleMode = "bilinear"
)

// InstanceNorm normalizes each channel of each image to mean 0 and variance 1 over the image's own
// pixels, in training and in inference (Ulyanov et al. 2016, https://arxiv.org/abs/1607.08022). It
// has no parameters.
type InstanceNorm struct {
	Channels int
	Epsilon  float32
}

// BatchNorm normalizes each channel over the batch in training, and with the running mean and
// variance in inference, then scales by gamma and shifts by beta (Ioffe and Szegedy 2015,
// https://arxiv.org/abs/1502.03167). A training step moves the running statistics by Momentum
// towards the batch's mean and its unbiased variance, as PyTorch does.
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

// Dropout zeroes values with probability Rate in training and scales the rest by 1/(1-Rate). In
// inference it does nothing.
type Dropout struct{ Rate float32 }

// GlobalMean averages each channel over the whole map; the result has size 1x1.
type GlobalMean struct{}

// Residual is x + Body(x).
type Residual struct{ Body []Layer }

// Fork applies each branch to x and concatenates the results along the channels.
type Fork struct{ Branches [][]Layer }

// Concat concatenates x and Body(x) along the channels, x first: the skip connection of a U-Net.
type Concat struct{ Body []Layer }

// Downsample halves both sides, which must be even, with the binomial filter [1 4 6 4 1]/16 along
// each axis and mirrored borders: the low frequencies of a Laplacian pyramid (Burt and Adelson
// 1983). It has no parameters.
type Downsample struct{ Channels int }

// Level is a level of a Laplacian pyramid whose low frequencies Body translates and whose high
// frequencies, the band, Mask scales (LPTN, Liang et al. 2021, https://arxiv.org/abs/2105.09188):
//
//	low  = Downsample(x)
//	band = x - up(low)
//	y    = up(Body(low)) + band*(1 + Mask(band, up(low), up(Body(low))))
//
// up is bilinear enlargement by 2. Mask takes the channels of its three arguments in that order and
// returns Channels channels, as x and Body(low) have, or one for all.
type Level struct {
	Channels   int
	Body, Mask []Layer
}

// Thumbnail is x + up(Body(l) - l), where l is x resized to a thumbnail and up resizes to the size
// of x. So Body always works at the size that it was trained for, and costs the same for every
// image. Where x has the size of the thumbnail, the result is Body(x).
//
// The shorter side of the thumbnail has Size pixels and the other one keeps the aspect ratio up to
// 8:1. Both are rounded to multiples of Multiple; see [Thumbnail.Shape]. Images are resized with
// the triangle filter: bilinear where they grow, antialiased where they shrink (PyTorch's
// interpolate with antialias=True).
type Thumbnail struct {
	Size, Multiple int
	Body           []Layer
}

func (Conv) layer()          {}
func (DepthwiseConv) layer() {}
func (ConvTranspose) layer() {}
func (ZeroPad) layer()       {}
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
func (Fork) layer()          {}
func (Downsample) layer()    {}
func (Level) layer()         {}
func (Thumbnail) layer()     {}

// A branch is a chain of layers inside another layer, with the shape of its input.
type branch struct {
	layers []Layer
	in     Shape
}

// branches returns what a layer with an input of shape in contains, in the order of computation.
func branches(l Layer, in Shape) []branch {
	switch l := l.(type) {
	case Residual:
		return []branch{{l.Body, in}}
	case Concat:
		return []branch{{l.Body, in}}
	case Fork:
		var list []branch
		for _, layers := range l.Branches {
			list = append(list, branch{layers, in})
		}
		return list
	case Level:
		return []branch{{l.Body, Shape{in.H / 2, in.W / 2, in.C}}, {l.Mask, Shape{in.H, in.W, 3 * in.C}}}
	case Thumbnail:
		return []branch{{l.Body, l.Shape(in)}}
	}
	return nil
}

// Walk calls f for every layer in the order of computation. A layer that contains others comes
// before them.
func (n *Network) Walk(f func(Layer)) { walk(n.Layers, f) }

func walk(layers []Layer, f func(Layer)) {
	for _, l := range layers {
		f(l)
		for _, b := range branches(l, Shape{}) {
			walk(b.layers, f)
		}
	}
}

// Fprint writes the network as text: one line for each layer with its output shape for an input of
// h by w, then the table of parameters.
func Fprint(out io.Writer, n *Network, h, w int) error {
	if _, err := n.OutputShape(h, w); err != nil {
		return err
	}
	p := printer{out: out}
	p.printf("%s: %d channels in, %d out, %d trainable values\n", n.Name, n.In, n.Out, n.ParamCount())
	p.layers(n.Layers, Shape{h, w, n.In}, 1)
	p.printf("parameters\n")
	for _, param := range n.Params() {
		p.printf("  %-22s %-18s %9d\n", param.Name, strings.Trim(fmt.Sprint(param.Shape), "[]"), param.Size())
	}
	return p.err
}

// printer remembers the first write error, so that Fprint checks it once.
type printer struct {
	out io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

func (p *printer) layers(layers []Layer, in Shape, depth int) {
	for _, l := range layers {
		out, err := LayerShape(l, in)
		if err != nil {
			p.err = err
			return
		}
		p.printf("%s%-*s %v\n", strings.Repeat("  ", depth), 56-2*depth, Describe(l), out)
		for i, b := range branches(l, in) {
			if i > 0 {
				p.printf("%sand\n", strings.Repeat("  ", depth))
			}
			p.layers(b.layers, b.in, depth+1)
		}
		in = out
	}
}

// Describe returns a layer and its settings in one line.
func Describe(l Layer) string {
	switch l := l.(type) {
	case Conv:
		return fmt.Sprintf("Conv %s %d->%d k%d s%d p%d%s%s",
			l.Name, l.In, l.Out, l.Kernel, l.Stride, l.Pad, biasNote(l.Bias), frozenNote(l.Frozen))
	case DepthwiseConv:
		return fmt.Sprintf("DepthwiseConv %s %d k%d s%d p%d%s%s",
			l.Name, l.Channels, l.Kernel, l.Stride, l.Pad, biasNote(l.Bias), frozenNote(l.Frozen))
	case ConvTranspose:
		return fmt.Sprintf("ConvTranspose %s %d->%d k%d s%d p%d op%d%s",
			l.Name, l.In, l.Out, l.Kernel, l.Stride, l.Pad, l.OutPad, biasNote(l.Bias))
	case ZeroPad:
		return fmt.Sprintf("ZeroPad %d %d", l.Before, l.After)
	case ReflectPad:
		return fmt.Sprintf("ReflectPad %d", l.Pad)
	case Upsample:
		return fmt.Sprintf("Upsample %dx %s", l.Scale, l.Mode)
	case InstanceNorm:
		return "InstanceNorm"
	case BatchNorm:
		return "BatchNorm " + l.Name
	case LeakyReLU:
		return fmt.Sprintf("LeakyReLU %g", l.Slope)
	case Clamp:
		return fmt.Sprintf("Clamp [%g, %g]", l.Min, l.Max)
	case Dropout:
		return fmt.Sprintf("Dropout %g", l.Rate)
	case Concat:
		return "Concat with"
	case Residual:
		return "Residual"
	case Thumbnail:
		return fmt.Sprintf("Thumbnail %d, multiples of %d", l.Size, l.Multiple)
	default:
		return strings.TrimPrefix(fmt.Sprintf("%T", l), "graph.")
	}
}

func frozenNote(frozen bool) string {
	if frozen {
		return " frozen"
	}
	return ""
}

func biasNote(bias bool) string {
	if bias {
		return " bias"
	}
	return ""
}
