package predict

import (
	"errors"

	"cyclegan/graph"
	"cyclegan/train"
)

// A pass is one application of a network in training.
type pass struct {
	player
	// What is differentiated: with respect to the weights, and to the input.
	weights, input bool
}

// A player is a network in the forms in which it is trained.
type player struct {
	net   *graph.Network
	forms []form
}

// Step is what one training step takes for a batch of square pictures of the
// given side, made the way package train makes it:
//
//   - Each generator sees the real pictures, the other one's translations, and
//     with lambda_identity the real pictures of its own target. All are
//     differentiated with respect to the weights, and the translations
//     with respect to the input as well.
//   - Meanwhile each discriminator sees translations, differentiated with respect
//     to the input alone.
//   - Each discriminator sees real and translated pictures, differentiated with
//     respect to the weights. In the order D_first these are translated for it.
//   - Adam reads weights, gradient and two moments, and writes all but the gradient.
//
// Memory is weights, moments and gradients, what the generators' passes keep for
// the way back, and what exists while the largest layer is differentiated.
//
// A gradient costs as much as the pass itself. The first convolution has none
// with respect to its input unless that is asked for.
func Step(o train.Options, side int) (Work, error) {
	if o.LambdaGP > 0 {
		return Work{}, errors.New("predict a step: the gradient penalty (lambda_gp) is not counted")
	}
	withWinograd := o.Conv == train.ConvWinograd && o.Precision == train.F32
	var work Work
	held, working := 0.0, 0.0 // values
	batch := float64(o.BatchSize)
	for _, ab := range []bool{true, false} {
		g, err := newPlayer(graph.NewGenerator(o.Generator(ab)))
		if err == nil {
			err = g.shape(side, withWinograd)
		}
		if err != nil {
			return Work{}, err
		}
		d, err := newPlayer(graph.NewDiscriminator(o.Discriminator(ab)))
		if err == nil {
			err = d.shape(side, withWinograd)
		}
		if err != nil {
			return Work{}, err
		}

		kept := []pass{{g, true, false}, {g, true, true}, {d, false, true}}
		if o.LambdaIdentity > 0 {
			kept = append(kept, pass{g, true, false})
		}
		together := 1.0 // passes on real pictures, which go through as one
		if o.LambdaIdentity > 0 {
			together = 2
		}
		for _, p := range kept {
			held += batch * p.kept()
			working = max(working, workingShare*together*batch*p.live())
		}
		others := []pass{{d, true, false}, {d, true, false}}
		if o.StepOrder == train.DFirst {
			others = append(others, pass{g, false, false})
		}
		for _, p := range append(kept, others...) {
			work.add(batch, p.work())
			work.Moved += floatBytes * p.sharedMoved()
		}
		for _, p := range []player{g, d} {
			filters, flops := p.filters()
			work.Performed += (1 + filterPasses) * flops // once, and back in each pass
			work.Moved += floatBytes * ((1+2*filterPasses)*filters + adamMoved*values(p.net))
			held += adamHeld * values(p.net)
		}
		// The generators' gradients come together, before the discriminators' do.
		filters, _ := g.filters()
		held += values(g.net) + filters
		if o.EMA > 0 {
			work.Moved += floatBytes * averageMoved * values(g.net)
			held += values(g.net)
		}
	}
	work.Memory = floatBytes * (held + working)
	return work, nil
}

// What is moved and held for each weight beside the passes.
const (
	adamMoved    = 7 // weight, gradient and two moments read; all but the gradient written
	adamHeld     = 3 // weight and two moments
	averageMoved = 3 // weight and average read, average written
)

// filterPasses is how often a generator is differentiated: on real pictures, and
// on those that the other one made.
const filterPasses = 2

// workingShare is how often a layer's input and output exist in differentiating it:
// they themselves and their gradients.
const workingShare = 2

func newPlayer(n *graph.Network, err error) (player, error) { return player{net: n}, err }

// shape fixes the size of the pictures that the network sees.
func (p *player) shape(side int, withWinograd bool) error {
	costs, err := p.net.Costs(side, side)
	p.forms = trainingForms(costs, withWinograd)
	return err
}

// filters is how many values the transformed filters are, and the operations
// that make them once.
func (p player) filters() (values, flops float64) {
	for _, f := range p.forms {
		values += f.filter
		flops += f.filterFLOPs
	}
	return values, flops
}

// work is what the pass takes for one picture.
func (p pass) work() Work {
	var w Work
	first := true
	for _, f := range p.forms {
		w.FLOPs += f.direct
		w.Performed += f.forward
		w.Moved += floatBytes * f.moved
		if p.weights {
			w.FLOPs += gradient(f.weight, f.direct)
			w.Performed += f.weight
			w.Moved += floatBytes * f.movedWeight
		}
		if p.input || p.weights && !first {
			w.FLOPs += gradient(f.input, f.direct)
			w.Performed += f.input
			w.Moved += floatBytes * f.movedInput
		}
		if f.direct > 0 {
			first = false
		}
	}
	return w
}

// gradient is what one that is performed counts for in the direct form.
func gradient(performed, direct float64) float64 {
	if performed == 0 {
		return 0
	}
	return direct
}

// kept is what the pass holds for the way back, for one picture.
func (p pass) kept() float64 {
	sum := 0.0
	for _, f := range p.forms {
		if p.weights || p.input && !f.keptForWeight {
			sum += f.kept
		}
	}
	return sum
}

// live is what exists of the largest layer, for one picture.
func (p pass) live() float64 {
	most := 0.0
	for _, f := range p.forms {
		most = max(most, f.live)
	}
	return most
}

// sharedMoved is the weights, or what they are transformed to: read in the pass
// and for each gradient, of which one is written.
func (p pass) sharedMoved() float64 {
	v, _ := p.filters()
	if v == 0 {
		v = values(p.net)
	}
	times := 1.0
	if p.input || p.weights {
		times++
	}
	if p.weights {
		times++
	}
	return times * v
}
