package train

import "math"

// Epochs returns the length of a schedule in epochs.
func (o Options) Epochs() int { return o.NEpochs + o.NEpochsDecay }

// InSteps reports whether the schedule is in steps rather than in epochs.
func (o Options) InSteps() bool { return o.NSteps > 0 || o.NStepsDecay > 0 }

// StepsOf returns the number of steps of a run with this many batches in an epoch, if max_minutes
// does not shorten it.
func (o Options) StepsOf(batches int) int64 { return int64(place{batches: batches}.left(o)) }

// LearningRates returns the generators' and the discriminators' learning rates in an epoch, or in a
// step if the schedule is in steps. Both count from 1.
func (o Options) LearningRates(at int) (g, d float64) {
	factor := o.lrFactor(at)
	d = o.LR
	if o.LRD > 0 {
		d = o.LRD
	}
	return o.LR * factor, d * factor
}

// lrFactor is the schedule of the official implementation, whose linear decay reaches 0 just after
// the last epoch. A schedule in steps has the same formulas.
func (o Options) lrFactor(at int) float64 {
	constant, decay := o.NEpochs, o.NEpochsDecay
	if o.InSteps() {
		constant, decay = int(o.NSteps), int(o.NStepsDecay)
	}
	switch o.LRPolicy {
	case PolicyStep:
		return math.Pow(0.1, float64((at-1)/o.LRDecayIters))
	case PolicyPlateau:
		// The official code waits for a metric that it never sets to improve by 1 %, with a
		// patience of 5 epochs. So the rate falls to a fifth in epoch 8 and in every sixth after.
		return math.Pow(0.2, float64(max(at-2, 0)/6))
	case PolicyCosine:
		// Cosine annealing over n_epochs (Loshchilov and Hutter 2017). Like PyTorch's scheduler it
		// rises again in the epochs of decay.
		return (1 + math.Cos(math.Pi*float64(at-1)/float64(max(constant, 1)))) / 2
	default:
		return 1 - math.Max(0, float64(at-constant))/float64(decay+1)
	}
}
