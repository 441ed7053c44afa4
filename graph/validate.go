package graph

import (
	"errors"
	"fmt"
)

// Validate reports everything that is wrong with the description: impossible
// sizes, channels that don't meet, a name used twice. The error joins one
// error for each problem.
func (n *Network) Validate() error {
	v := validator{names: map[string]bool{}}
	if n.In < 1 {
		v.errorf("input has %d channels", n.In)
	}
	out := v.layers(n.Layers, n.In)
	if out != n.Out {
		v.errorf("last layer gives %d channels, the network promises %d", out, n.Out)
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

// layers checks a chain that starts with the given number of channels and
// returns how many it ends with. After a mismatch it goes on with what the
// layer itself declares, so that one mistake is reported once.
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
	case ConvTranspose:
		v.name(l.Name)
		v.channels(l.Name, l.In, channels)
		if l.Out < 1 || l.Kernel < 1 || l.Stride < 1 || l.Pad < 0 || l.OutPad < 0 || l.OutPad >= l.Stride {
			v.errorf("transposed conv %q: out %d, kernel %d, stride %d, pad %d, output pad %d (must be under the stride)", l.Name, l.Out, l.Kernel, l.Stride, l.Pad, l.OutPad)
		}
		return l.Out
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
			v.errorf("residual: the branch gives %d channels, its input has %d", out, channels)
		}
	case Concat:
		return channels + v.layers(l.Body, channels)
	default:
		v.errorf("layer kind %T is unknown", l)
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
		v.errorf("layer %q takes %d channels, gets %d", name, want, got)
	}
}

func (v *validator) epsilon(name string, epsilon float32) {
	if !(epsilon > 0) {
		v.errorf("layer %q: epsilon %g is not positive", name, epsilon)
	}
}
