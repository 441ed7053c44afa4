package pytorch

import (
	"fmt"
	"slices"
	"strings"

	"cyclegan/graph"
)

// filterShape turns the shape of a convolution's weight from package graph's
// order into PyTorch's: [k, k, in, out] -> [out, in, k, k] for a convolution
// and [k, k, out, in] -> [in, out, k, k] for a transposed one, one and the
// same permutation.
func filterShape(shape []int) []int {
	return []int{shape[3], shape[2], shape[0], shape[1]}
}

// eachFilter calls f with the place of every value of a convolution's weight
// in PyTorch's order and in package graph's. shape is PyTorch's.
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

// convert turns a state dict into the weights of a network.
func convert(s State, n *graph.Network, entries []entry) (graph.Weights, error) {
	s = trimDataParallel(s)
	if err := match(s, entries); err != nil {
		return nil, fmt.Errorf("weights of %s: %w%s", n.Name, err, hint(s))
	}
	w := graph.Weights{}
	for _, e := range entries {
		if e.param == "" {
			continue
		}
		from := s[e.name].Values
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

// match reports the first entry that the state dict lacks or has in another
// shape, then any tensor of it that is not an entry.
func match(s State, entries []entry) error {
	known := make(map[string]bool, len(entries))
	for _, e := range entries {
		known[e.name] = true
		t, ok := s[e.name]
		switch {
		case !ok && e.optional:
			continue
		case !ok:
			return fmt.Errorf("there is no tensor %q of shape %v", e.name, e.shape)
		case e.counter:
			continue // some versions save a scalar, some a vector
		case !slices.Equal(t.Shape, e.shape):
			return fmt.Errorf("tensor %q has shape %v where %v is called for", e.name, t.Shape, e.shape)
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
	return fmt.Errorf("tensor %q of shape %v has no place in the network, nor have %d others", first, s[first].Shape, len(unknown)-1)
}

// hint says for an error what the state dict looks like.
func hint(s State) string {
	if o, err := Recognize(s); err == nil {
		return "; the tensors look like " + describeGenerator(o)
	}
	if o, err := RecognizeDiscriminator(s); err == nil {
		return fmt.Sprintf("; the tensors look like a discriminator, %s with %d filters, norm %s", o.Architecture, o.Filters, o.Norm)
	}
	return ""
}

func describeGenerator(o graph.GeneratorOptions) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s with %d filters, norm %s, %d channels in, %d out", o.Architecture, o.Filters, o.Norm, o.In, o.Out)
	if o.Dropout {
		b.WriteString(", dropout")
	}
	return b.String()
}
