package pytorch

import (
	"fmt"
	"io"

	"cyclegan/graph"
)

// WriteGenerator writes a generator's weights as a safetensors file with the
// official names, in float32. Everything is checked before the first byte is
// written. A generator that the official implementation doesn't have is an
// error.
func WriteGenerator(out io.Writer, o graph.GeneratorOptions, w graph.Weights) error {
	n, entries, err := generatorEntries(o)
	if err != nil {
		return fmt.Errorf("write safetensors: %w", err)
	}
	return write(out, n, entries, w)
}

// WriteDiscriminator is what [WriteGenerator] is, for discriminators.
func WriteDiscriminator(out io.Writer, o graph.DiscriminatorOptions, w graph.Weights) error {
	n, entries, err := discriminatorEntries(o)
	if err != nil {
		return fmt.Errorf("write safetensors: %w", err)
	}
	return write(out, n, entries, w)
}

func write(out io.Writer, n *graph.Network, entries []entry, w graph.Weights) error {
	if err := w.Check(n); err != nil {
		return fmt.Errorf("write safetensors: %w", err)
	}
	// The counters come first: eight bytes each, they keep to the alignment
	// that the values behind them don't.
	var list []outgoing
	for _, counters := range []bool{true, false} {
		for _, e := range entries {
			if e.old || e.counter != counters {
				continue
			}
			t := outgoing{name: e.name, shape: e.shape, integer: e.counter}
			switch {
			case e.counter:
			case e.param == "": // a bias before InstanceNorm
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
