package train

import (
	"fmt"

	"cyclegan/graph"
)

// Names of the four networks.
const (
	GAB = "G_AB"
	GBA = "G_BA"
	DA  = "D_A"
	DB  = "D_B"
)

// A checkpoint's tensors are named after the network, one of these for what is
// no weight, and the parameter: "G_AB/stem.weight", "G_AB/adam_m/stem.weight".
const (
	slotMoment  = "/adam_m"
	slotSquare  = "/adam_v"
	slotAverage = "/ema"
)

func unknownGenerator(name string) error {
	return fmt.Errorf("there is no generator %q; there are %s and %s", name, GAB, GBA)
}

// Weights that a run keeps of its generators.
const (
	WeightsLatest = "latest" // what the last step left
	WeightsEMA    = "ema"    // their moving average
)

// Weights lists the weights that the run keeps of its generators, first those
// that are to be used.
func (o Options) Weights() []string {
	if o.EMA > 0 {
		return []string{WeightsEMA, WeightsLatest}
	}
	return []string{WeightsLatest}
}

// Using returns the options under which Generator gives the named weights.
func (o Options) Using(weights string) Options {
	switch {
	case weights == WeightsLatest:
		o.EMA = 0
	case o.EMA == 0:
		o.EMA = 0.5 // an average that the checkpoint has, but the run no longer keeps
	}
	return o
}

// Generator returns a generator as it is to be used: with the moving average
// of its weights where the run keeps one, else with the latest. Options are
// those of the run, name is GAB or GBA.
func (c *Checkpoint) Generator(o Options, name string) (*graph.Network, graph.Weights, error) {
	return c.GeneratorWith(o, name, o.Weights()[0])
}

// GeneratorWith returns a generator with the given weights. BatchNorm's
// running statistics are always the latest. A checkpoint from before -ema was
// turned on has the latest weights alone.
func (c *Checkpoint) GeneratorWith(o Options, name, weights string) (*graph.Network, graph.Weights, error) {
	if name != GAB && name != GBA {
		return nil, nil, unknownGenerator(name)
	}
	n, err := graph.NewGenerator(o.Generator(name == GAB))
	if err != nil {
		return nil, nil, err
	}
	w := graph.Weights{}
	for _, p := range n.Params() {
		t, ok := c.Tensors[name+slotAverage+"/"+p.Name]
		if !ok || weights != WeightsEMA {
			t, ok = c.Tensors[name+"/"+p.Name]
		}
		if !ok {
			return nil, nil, fmt.Errorf("the checkpoint has no %q of %s", p.Name, name)
		}
		if fmt.Sprint(t.Shape) != fmt.Sprint(p.Shape) {
			return nil, nil, fmt.Errorf("the checkpoint's %q of %s has shape %v, the options call for %v", p.Name, name, t.Shape, p.Shape)
		}
		w[p.Name] = t.Values
	}
	return n, w, nil
}
