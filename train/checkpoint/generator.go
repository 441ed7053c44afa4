package checkpoint

import (
	"fmt"
	"slices"

	"cyclegan/graph"
)

// The names of the four networks. A checkpoint's tensors are named after the
// network and the parameter, such as "G_AB/stem.weight".
const (
	GAB = "G_AB"
	GBA = "G_BA"
	DA  = "D_A"
	DB  = "D_B"
)

// Suffixes of the network's name for tensors that are not weights, as in
// "G_AB/adam_m/stem.weight".
const (
	Moment  = "/adam_m" // Adam's first moment
	Square  = "/adam_v" // Adam's second moment
	Average = "/ema"    // moving average of the weights
)

// The weights that a run keeps of its generators.
const (
	WeightsLatest = "latest" // after the last step
	WeightsEMA    = "ema"    // their moving average
)

// UnknownGeneratorError returns the error for a name that is neither GAB nor GBA.
func UnknownGeneratorError(name string) error {
	return fmt.Errorf("unknown generator %q; the generators are %s and %s", name, GAB, GBA)
}

// Generator returns the generator GAB or GBA with its latest weights or their
// moving average. Describe returns the options of G_AB for true and of G_BA for
// false. BatchNorm's running statistics are always the latest. A checkpoint
// from before -ema was turned on has only the latest weights.
func (c *Checkpoint) Generator(name, weights string, describe func(ab bool) graph.GeneratorOptions) (*graph.Network, graph.Weights, error) {
	if name != GAB && name != GBA {
		return nil, nil, UnknownGeneratorError(name)
	}
	n, err := graph.NewGenerator(describe(name == GAB))
	if err != nil {
		return nil, nil, err
	}
	w := graph.Weights{}
	for _, p := range n.Params() {
		t, ok := c.Tensors[name+Average+"/"+p.Name]
		if !ok || weights != WeightsEMA {
			t, ok = c.Tensors[name+"/"+p.Name]
		}
		if !ok {
			return nil, nil, fmt.Errorf("the checkpoint has no parameter %q of %s", p.Name, name)
		}
		if !slices.Equal(t.Shape, p.Shape) {
			return nil, nil, fmt.Errorf("parameter %q of %s has shape %v in the checkpoint and %v by the options", p.Name, name, t.Shape, p.Shape)
		}
		w[p.Name] = t.Values
	}
	return n, w, nil
}
