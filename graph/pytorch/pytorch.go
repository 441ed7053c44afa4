// Package pytorch reads and writes the weights of the official CycleGAN implementation
// (https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix) and of others; its central type is
// [State].
//
// [ReadFile] reads a state dict or a checkpoint that torch.save wrote, such as latest_net_G_A.pth,
// or a safetensors file. [State.Choose] selects one of several generators, [Recognize] detects the
// network that its tensors belong to, and [Generator] converts them into that network's weights in
// the layout of package graph:
//
//	state, err := pytorch.ReadFile("latest_net_G_A.pth")
//	...
//	options, err := pytorch.Recognize(state)
//	...
//	network, weights, err := pytorch.Generator(state, options)
//
// [WriteGenerator] writes a safetensors file that PyTorch loads strictly:
//
//	net.load_state_dict(safetensors.torch.load_file("G_AB.safetensors"))
//
// The official G_A is the generator G_AB here. The official D_A, however, classifies images of
// domain B, so it is D_B here.
//
// A bias before an InstanceNorm has no effect, since the norm subtracts the mean. The official
// networks have such biases, those of package graph do not: reading drops them and writing adds
// zeros. Reading also ignores the running statistics that old versions of PyTorch saved with every
// InstanceNorm, as the official code does.
//
// The package is pure Go. It never runs code from a file, and its memory use is proportional to the
// file's size, whatever the file claims.
package pytorch

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"cyclegan/graph"
)

// A State is a state dict: it maps the names of PyTorch modules, such as "model.1.weight", to
// tensors.
type State map[string]Tensor

// A Tensor is one entry of a state dict, in row-major order.
type Tensor struct {
	Shape []int
	Type  string // element type in the file, such as "float32" or "bfloat16"
	// Values holds the elements of a floating-point tensor, converted to float32. It is nil for
	// other types, and may share memory with the values of other tensors.
	Values []float32
}

// Generator returns the generator that o describes, with the weights of the state dict. If they
// belong to another network, the error names the first tensor that differs, with both shapes.
func Generator(s State, o graph.GeneratorOptions) (*graph.Network, graph.Weights, error) {
	n, entries, err := generatorEntries(o)
	if err != nil {
		return nil, nil, err
	}
	if s, err = s.Choose("", ""); err != nil {
		return nil, nil, err
	}
	w, err := convert(s, n, entries)
	return n, w, err
}

// Discriminator is [Generator] for discriminators.
func Discriminator(s State, o graph.DiscriminatorOptions) (*graph.Network, graph.Weights, error) {
	n, entries, err := discriminatorEntries(o)
	if err != nil {
		return nil, nil, err
	}
	w, err := convert(s.uncompiled().unwrapped(), n, entries)
	return n, w, err
}

// filterShape converts the shape of a convolution's weight from package graph's order to PyTorch's.
// It is the same permutation for a convolution, [k, k, in, out] -> [out, in, k, k], and for a
// transposed one, [k, k, out, in] -> [in, out, k, k].
func filterShape(shape []int) []int {
	return []int{shape[3], shape[2], shape[0], shape[1]}
}

// eachFilter calls f with the index of every value of a convolution's weight in PyTorch's order and
// in package graph's. shape is PyTorch's.
func eachFilter(shape []int, f func(official, own int)) {
	a, b, field := shape[0], shape[1], shape[2]*shape[3]
	official := 0
	for i := range a {
		for j := range b {
			for k := range field {
				f(official, (k*b+j)*a+i)
				official++
			}
		}
	}
}

// convert converts a state dict into the weights of a network.
func convert(s State, n *graph.Network, entries []entry) (graph.Weights, error) {
	if err := match(s, entries); err != nil {
		return nil, fmt.Errorf("weights of %s: %w%s", n.Name, err, hint(s))
	}
	w := graph.Weights{}
	for _, e := range entries {
		if e.param == "" {
			continue
		}
		from := s[e.name].Values
		if i := slices.IndexFunc(from, func(v float32) bool { return v-v != 0 }); i >= 0 {
			return nil, fmt.Errorf("weights of %s: tensor %q holds %g: the training diverged\nFix: use the weights of an earlier epoch", n.Name, e.name, from[i])
		}
		to := make([]float32, len(from))
		if e.filters {
			eachFilter(e.shape, func(official, own int) { to[own] = from[official] })
		} else {
			copy(to, from)
		}
		w[e.param] = to
	}
	return w, nil
}

// match reports the first entry that the state dict lacks or has in another shape, or else a tensor
// of the state dict that is not an entry.
func match(s State, entries []entry) error {
	known := make(map[string]bool, len(entries))
	for _, e := range entries {
		known[e.name] = true
		t, ok := s[e.name]
		switch {
		case !ok && e.optional:
			continue
		case !ok:
			return fmt.Errorf("tensor %q of shape %v is missing", e.name, e.shape)
		case e.counter:
			continue // some versions save a scalar, some a vector
		case !slices.Equal(t.Shape, e.shape):
			return fmt.Errorf("tensor %q has shape %v, want %v", e.name, t.Shape, e.shape)
		case t.Values == nil:
			return fmt.Errorf("tensor %q holds %s, not floating-point numbers", e.name, t.Type)
		}
	}
	var unknown []string
	for name := range s {
		if !known[name] {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	first := slices.Min(unknown)
	return fmt.Errorf("tensor %q of shape %v does not belong to the network; other such tensors: %d",
		first, s[first].Shape, len(unknown)-1)
}

// hint describes the network that the state dict seems to belong to, for an error.
func hint(s State) string {
	if o, err := Recognize(s); err == nil {
		s := fmt.Sprintf("; the tensors look like %s with ngf %d, norm %s, input_nc %d, output_nc %d",
			o.Architecture, o.Filters, o.Norm, o.In, o.Out)
		if o.Dropout {
			s += ", dropout"
		}
		if o.Antialias {
			s += ", anti-aliasing"
		}
		if o.Upsampling != graph.UpTranspose {
			s += ", upsampling by " + string(o.Upsampling)
		}
		return s
	}
	if o, err := RecognizeDiscriminator(s); err == nil {
		return fmt.Sprintf("; the tensors look like a discriminator: %s with ndf %d, norm %s",
			o.Architecture, o.Filters, o.Norm)
	}
	return ""
}

// WriteGenerator writes a generator's weights as a safetensors file with the official names, in
// float32. It checks everything before it writes. A generator that the official implementation does
// not have is an error.
func WriteGenerator(out io.Writer, o graph.GeneratorOptions, w graph.Weights) error {
	n, entries, err := generatorEntries(o)
	if err != nil {
		return fmt.Errorf("write safetensors: %w", err)
	}
	return write(out, n, entries, w)
}

// WriteDiscriminator is [WriteGenerator] for discriminators.
func WriteDiscriminator(out io.Writer, o graph.DiscriminatorOptions, w graph.Weights) error {
	n, entries, err := discriminatorEntries(o)
	if err != nil {
		return fmt.Errorf("write safetensors: %w", err)
	}
	return write(out, n, entries, w)
}

func write(out io.Writer, n *graph.Network, entries []entry, w graph.Weights) error {
	if err := errors.Join(w.Check(n), w.CheckFinite(n)); err != nil {
		return fmt.Errorf("write safetensors: %w", err)
	}
	// The counters come first: they have eight bytes each, and the values would break their
	// alignment.
	var list []outgoing
	for _, counters := range []bool{true, false} {
		for _, e := range entries {
			if e.old || e.counter != counters {
				continue
			}
			t := outgoing{name: e.name, shape: e.shape, integer: e.counter}
			switch {
			case e.counter:
			case e.fixed != nil:
				t.values = slices.Repeat(e.fixed, e.shape[0])
			case e.param == "": // a bias before an InstanceNorm
				t.values = make([]float32, e.shape[0])
			case e.filters:
				from := w[e.param]
				t.values = make([]float32, len(from))
				eachFilter(e.shape, func(official, own int) { t.values[official] = from[own] })
			default:
				t.values = w[e.param]
			}
			list = append(list, t)
		}
	}
	return writeSafetensors(out, list)
}
