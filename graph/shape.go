package graph

import (
	"errors"
	"fmt"
)

// A Shape is the size of one image's activation.
type Shape struct{ H, W, C int }

func (s Shape) String() string { return fmt.Sprintf("%dx%dx%d", s.H, s.W, s.C) }

// OutputShape returns the shape of the network's output for an input of height h and width w. The
// error names the layer that cannot process its input.
func (n *Network) OutputShape(h, w int) (Shape, error) {
	out, err := outputShape(n.Layers, Shape{h, w, n.In})
	if err != nil {
		return Shape{}, fmt.Errorf("%s on %dx%d: %w", n.Name, h, w, err)
	}
	return out, nil
}

func outputShape(layers []Layer, s Shape) (Shape, error) {
	for _, l := range layers {
		out, err := LayerShape(l, s)
		if err != nil {
			return Shape{}, err
		}
		s = out
	}
	return s, nil
}

// LayerShape returns the shape of one layer's output for the input shape in.
func LayerShape(l Layer, in Shape) (Shape, error) {
	out := in
	switch l := l.(type) {
	case Conv:
		if err := wantChannels(l.Name, l.In, in); err != nil {
			return Shape{}, err
		}
		return convShape(l.Name, l.Kernel, l.Stride, l.Pad, l.Out, in)
	case DepthwiseConv:
		if err := wantChannels(l.Name, l.Channels, in); err != nil {
			return Shape{}, err
		}
		return convShape(l.Name, l.Kernel, l.Stride, l.Pad, l.Channels, in)
	case ConvTranspose:
		if err := wantChannels(l.Name, l.In, in); err != nil {
			return Shape{}, err
		}
		grow := l.Kernel - 2*l.Pad + l.OutPad
		out = Shape{(in.H-1)*l.Stride + grow, (in.W-1)*l.Stride + grow, l.Out}
		if min(out.H, out.W) < 1 {
			return Shape{}, fmt.Errorf("transposed conv %q: the output for a map of %dx%d is empty", l.Name, in.H, in.W)
		}
	case ZeroPad:
		out.H, out.W = in.H+l.Before+l.After, in.W+l.Before+l.After
	case ReflectPad:
		if min(in.H, in.W) <= l.Pad {
			return Shape{}, fmt.Errorf("reflect-pad %d: a map of %dx%d has too few pixels to mirror", l.Pad, in.H, in.W)
		}
		out.H, out.W = in.H+2*l.Pad, in.W+2*l.Pad
	case Upsample:
		out.H, out.W = in.H*l.Scale, in.W*l.Scale
	case InstanceNorm:
		if err := wantChannels("instance norm", l.Channels, in); err != nil {
			return Shape{}, err
		}
	case BatchNorm:
		if err := wantChannels(l.Name, l.Channels, in); err != nil {
			return Shape{}, err
		}
	case ReLU, LeakyReLU, Tanh, Clamp, Dropout:
	case GlobalMean:
		out.H, out.W = 1, 1
	case Residual:
		inner, err := outputShape(l.Body, in)
		if err != nil {
			return Shape{}, err
		}
		if inner != in {
			return Shape{}, fmt.Errorf("residual: the branch returns %v for an input of %v", inner, in)
		}
	case Concat:
		inner, err := outputShape(l.Body, in)
		if err != nil {
			return Shape{}, err
		}
		if inner.H != in.H || inner.W != in.W {
			return Shape{}, fmt.Errorf("skip connection: the branch returns %v for an input of %v", inner, in)
		}
		out.C += inner.C
	case Fork:
		out.C = 0
		for i, b := range l.Branches {
			inner, err := outputShape(b, in)
			if err != nil {
				return Shape{}, err
			}
			if i > 0 && (inner.H != out.H || inner.W != out.W) {
				return Shape{}, fmt.Errorf("fork: branch %d returns %v for an input of %v, the first one %dx%d",
					i+1, inner, in, out.H, out.W)
			}
			out = Shape{inner.H, inner.W, out.C + inner.C}
		}
	case Downsample:
		if err := wantChannels("downsample", l.Channels, in); err != nil {
			return Shape{}, err
		}
		if in.H%2 != 0 || in.W%2 != 0 || min(in.H, in.W) < 4 {
			return Shape{}, fmt.Errorf("downsample: the sides of a map of %dx%d are not even numbers from 4", in.H, in.W)
		}
		out.H, out.W = in.H/2, in.W/2
	case Level:
		low, err := LayerShape(Downsample{l.Channels}, in)
		if err != nil {
			return Shape{}, err
		}
		inner, err := outputShape(l.Body, low)
		if err != nil {
			return Shape{}, err
		}
		if inner != low {
			return Shape{}, fmt.Errorf("pyramid level: the body returns %v for an input of %v", inner, low)
		}
		mask, err := outputShape(l.Mask, Shape{in.H, in.W, 3 * in.C})
		if err != nil {
			return Shape{}, err
		}
		if mask.C == 1 {
			mask.C = in.C
		}
		if mask != in {
			return Shape{}, fmt.Errorf("pyramid level: the mask has shape %v for an input of %v", mask, in)
		}
	case Thumbnail:
		small := l.Shape(in)
		inner, err := outputShape(l.Body, small)
		if err != nil {
			return Shape{}, err
		}
		if inner != small {
			return Shape{}, fmt.Errorf("thumbnail: the body returns %v for an input of %v", inner, small)
		}
	default:
		return Shape{}, fmt.Errorf("unknown layer kind %T", l)
	}
	return out, nil
}

func convShape(name string, kernel, stride, pad, out int, in Shape) (Shape, error) {
	if min(in.H, in.W)+2*pad < kernel {
		return Shape{}, fmt.Errorf("conv %q: a map of %dx%d is smaller than its %dx%d kernel", name, in.H, in.W, kernel, kernel)
	}
	return Shape{(in.H+2*pad-kernel)/stride + 1, (in.W+2*pad-kernel)/stride + 1, out}, nil
}

// MaxAspect is the aspect ratio up to which a [Thumbnail] keeps that of the image. It bounds the
// thumbnail of a very long image.
const MaxAspect = 8

// Shape returns the shape of the thumbnail of an image: a side of n pixels becomes
// n*Size/(Multiple*shorter side), rounded to an integer from 1 to MaxAspect*Size/Multiple, times
// Multiple.
func (l Thumbnail) Shape(image Shape) Shape {
	unit := max(1, 2*l.Multiple*min(image.H, image.W))
	side := func(n int) int {
		return l.Multiple * min(max((2*n*l.Size+unit/2)/unit, 1), MaxAspect*l.Size/max(1, l.Multiple))
	}
	return Shape{side(image.H), side(image.W), image.C}
}

func wantChannels(name string, want int, in Shape) error {
	if in.C != want {
		return fmt.Errorf("layer %q takes %d channels, got %d", name, want, in.C)
	}
	return nil
}

// SizeMultiple returns the number that must divide both sides of an input for a generator to keep
// its size and for a discriminator to use all of it: the largest factor by which the network
// shrinks a map.
func (n *Network) SizeMultiple() int {
	largest := 1
	shrink(n.Layers, 1, &largest)
	return largest
}

// shrink follows a chain that starts with maps shrunk by factor. It returns the factor at the end
// and raises largest to the largest one in between.
func shrink(layers []Layer, factor int, largest *int) int {
	for _, l := range layers {
		switch l := l.(type) {
		case Conv:
			factor *= l.Stride
		case DepthwiseConv:
			factor *= l.Stride
		case ConvTranspose:
			factor /= l.Stride
		case Upsample:
			factor /= l.Scale
		case Downsample:
			factor *= 2
		case Residual:
			shrink(l.Body, factor, largest)
		case Concat:
			shrink(l.Body, factor, largest)
		case Fork:
			before := factor
			for _, b := range l.Branches {
				factor = shrink(b, before, largest)
			}
		case Level:
			*largest = max(*largest, 2*factor)
			shrink(l.Body, 2*factor, largest)
			shrink(l.Mask, factor, largest)
		case Thumbnail: // takes any size
		}
		*largest = max(*largest, factor)
	}
	return factor
}

// MinSize returns the smallest side of a square image that the network can process. It is a
// multiple of SizeMultiple.
func (n *Network) MinSize() (int, error) {
	multiple := n.SizeMultiple()
	var err error
	for size := multiple; size <= 1024+multiple; size += multiple {
		if _, err = n.OutputShape(size, size); err == nil {
			return size, nil
		}
	}
	return 0, fmt.Errorf("%s cannot process images of up to 1024 pixels: %w", n.Name, err)
}

// Validate reports every problem of the description: impossible sizes, channels that do not match,
// a name used twice.
func (n *Network) Validate() error {
	v := validator{names: map[string]bool{}}
	if n.In < 1 {
		v.errorf("the input has %d channels", n.In)
	}
	out := v.layers(n.Layers, n.In)
	if out != n.Out {
		v.errorf("the last layer returns %d channels, the network declares %d", out, n.Out)
	}
	if len(v.errs) == 0 {
		return nil
	}
	return fmt.Errorf("network %q: %w", n.Name, errors.Join(v.errs...))
}

type validator struct {
	names map[string]bool
	errs  []error
}

func (v *validator) errorf(format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf(format, args...))
}

// layers checks a chain that starts with the given number of channels and returns the number at its
// end. After a mismatch it continues with what the layer declares, so that each mistake is reported
// once.
func (v *validator) layers(layers []Layer, channels int) int {
	for _, l := range layers {
		channels = v.layer(l, channels)
	}
	return channels
}

func (v *validator) layer(l Layer, channels int) int {
	switch l := l.(type) {
	case Conv:
		v.name(l.Name)
		v.channels(l.Name, l.In, channels)
		if l.Out < 1 || l.Kernel < 1 || l.Stride < 1 || l.Pad < 0 {
			v.errorf("conv %q: out %d, kernel %d, stride %d, pad %d", l.Name, l.Out, l.Kernel, l.Stride, l.Pad)
		}
		return l.Out
	case DepthwiseConv:
		v.name(l.Name)
		v.channels(l.Name, l.Channels, channels)
		if l.Kernel < 1 || l.Stride < 1 || l.Pad < 0 {
			v.errorf("depthwise conv %q: kernel %d, stride %d, pad %d", l.Name, l.Kernel, l.Stride, l.Pad)
		}
		return l.Channels
	case ConvTranspose:
		v.name(l.Name)
		v.channels(l.Name, l.In, channels)
		if l.Out < 1 || l.Kernel < 1 || l.Stride < 1 || l.Pad < 0 || l.OutPad < 0 || l.OutPad >= l.Stride {
			v.errorf("transposed conv %q: out %d, kernel %d, stride %d, pad %d, output pad %d (must be below the stride)",
				l.Name, l.Out, l.Kernel, l.Stride, l.Pad, l.OutPad)
		}
		return l.Out
	case ZeroPad:
		if min(l.Before, l.After) < 0 || l.Before+l.After < 1 {
			v.errorf("zero-pad: %d before and %d after", l.Before, l.After)
		}
	case ReflectPad:
		if l.Pad < 1 {
			v.errorf("reflect-pad: pad %d", l.Pad)
		}
	case Upsample:
		if l.Scale < 1 || (l.Mode != Nearest && l.Mode != Bilinear) {
			v.errorf("upsample: scale %d, mode %q", l.Scale, l.Mode)
		}
	case InstanceNorm:
		v.channels("instance norm", l.Channels, channels)
		v.epsilon("instance norm", l.Epsilon)
	case BatchNorm:
		v.name(l.Name)
		v.channels(l.Name, l.Channels, channels)
		v.epsilon(l.Name, l.Epsilon)
		if !(l.Momentum > 0 && l.Momentum <= 1) {
			v.errorf("batch norm %q: momentum %g is not in (0, 1]", l.Name, l.Momentum)
		}
	case Dropout:
		if !(l.Rate >= 0 && l.Rate < 1) {
			v.errorf("dropout: rate %g is not in [0, 1)", l.Rate)
		}
	case Clamp:
		if !(l.Min < l.Max) {
			v.errorf("clamp: [%g, %g] is empty", l.Min, l.Max)
		}
	case ReLU, LeakyReLU, Tanh, GlobalMean:
	case Residual:
		if out := v.layers(l.Body, channels); out != channels {
			v.errorf("residual: the branch returns %d channels for an input of %d", out, channels)
		}
	case Concat:
		return channels + v.layers(l.Body, channels)
	case Fork:
		if len(l.Branches) == 0 {
			v.errorf("fork: it has no branches")
		}
		total := 0
		for _, b := range l.Branches {
			total += v.layers(b, channels)
		}
		return total
	case Downsample:
		v.channels("downsample", l.Channels, channels)
	case Level:
		v.channels("pyramid level", l.Channels, channels)
		if out := v.layers(l.Body, channels); out != channels {
			v.errorf("pyramid level: the body returns %d channels for an input of %d", out, channels)
		}
		if out := v.layers(l.Mask, 3*channels); out != channels && out != 1 {
			v.errorf("pyramid level: the mask has %d channels for an input of %d", out, channels)
		}
	case Thumbnail:
		if l.Multiple < 1 || l.Size < 1 || l.Size%l.Multiple != 0 {
			v.errorf("thumbnail: size %d is not a multiple of %d", l.Size, l.Multiple)
		}
		if out := v.layers(l.Body, channels); out != channels {
			v.errorf("thumbnail: the body returns %d channels for an input of %d", out, channels)
		}
	default:
		v.errorf("unknown layer kind %T", l)
	}
	return channels
}

func (v *validator) name(name string) {
	switch {
	case name == "":
		v.errorf("a layer with parameters has no name")
	case v.names[name]:
		v.errorf("the layer name %q is used twice", name)
	}
	v.names[name] = true
}

func (v *validator) channels(name string, want, got int) {
	if want != got {
		v.errorf("layer %q takes %d channels, got %d", name, want, got)
	}
}

func (v *validator) epsilon(name string, epsilon float32) {
	if !(epsilon > 0) {
		v.errorf("layer %q: epsilon %g is not positive", name, epsilon)
	}
}
