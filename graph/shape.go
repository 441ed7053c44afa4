package graph

import "fmt"

// A Shape is the size of one picture's activation.
type Shape struct{ H, W, C int }

func (s Shape) String() string { return fmt.Sprintf("%dx%dx%d", s.H, s.W, s.C) }

// OutputShape returns the shape of the network's output for an input of
// height h and width w. It fails when a layer can't take what reaches it, and
// names that layer.
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
		if min(in.H, in.W)+2*l.Pad < l.Kernel {
			return Shape{}, fmt.Errorf("conv %q: a map of %dx%d is smaller than its %dx%d kernel", l.Name, in.H, in.W, l.Kernel, l.Kernel)
		}
		out = Shape{(in.H+2*l.Pad-l.Kernel)/l.Stride + 1, (in.W+2*l.Pad-l.Kernel)/l.Stride + 1, l.Out}
	case ConvTranspose:
		if err := wantChannels(l.Name, l.In, in); err != nil {
			return Shape{}, err
		}
		grow := l.Kernel - 2*l.Pad + l.OutPad
		out = Shape{(in.H-1)*l.Stride + grow, (in.W-1)*l.Stride + grow, l.Out}
		if min(out.H, out.W) < 1 {
			return Shape{}, fmt.Errorf("transposed conv %q: nothing is left of a map of %dx%d", l.Name, in.H, in.W)
		}
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
			return Shape{}, fmt.Errorf("residual: the branch gives %v, its input is %v", inner, in)
		}
	case Concat:
		inner, err := outputShape(l.Body, in)
		if err != nil {
			return Shape{}, err
		}
		if inner.H != in.H || inner.W != in.W {
			return Shape{}, fmt.Errorf("skip connection: the branch gives %v, its input is %v", inner, in)
		}
		out.C += inner.C
	default:
		return Shape{}, fmt.Errorf("layer kind %T is unknown", l)
	}
	return out, nil
}

func wantChannels(name string, want int, in Shape) error {
	if in.C != want {
		return fmt.Errorf("layer %q: takes %d channels, gets %d", name, want, in.C)
	}
	return nil
}

// SizeMultiple returns the number that both sides of an input must be a
// multiple of for the network to keep its size (a generator) or to use all of
// it (a discriminator): the largest factor by which it shrinks a map.
func (n *Network) SizeMultiple() int {
	factor, most := 1, 1
	n.Walk(func(l Layer) {
		switch l := l.(type) {
		case Conv:
			factor *= l.Stride
		case ConvTranspose:
			factor /= l.Stride
		case Upsample:
			factor /= l.Scale
		}
		most = max(most, factor)
	})
	return most
}

// MinSize returns the smallest side, a multiple of SizeMultiple, of a square
// picture that the network can take.
func (n *Network) MinSize() (int, error) {
	multiple := n.SizeMultiple()
	var err error
	for size := multiple; size <= 1024+multiple; size += multiple {
		if _, err = n.OutputShape(size, size); err == nil {
			return size, nil
		}
	}
	return 0, fmt.Errorf("%s takes no picture of up to 1024 pixels: %w", n.Name, err)
}
