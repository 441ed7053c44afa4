package train

import "math"

// Epochs is the length of the schedule.
func (o Options) Epochs() int { return o.NEpochs + o.NEpochsDecay }

// StepsOf is the step at which a run with these options and this many batches
// in an epoch ends.
func (o Options) StepsOf(batches int) int64 {
	steps := int64(o.Epochs()) * int64(batches)
	if o.MaxSteps > 0 {
		steps = min(steps, o.MaxSteps)
	}
	return steps
}

// LearningRates returns the rates of the generators' and the discriminators'
// Adam in the given epoch, counted from 1.
func (o Options) LearningRates(epoch int) (g, d float64) {
	factor := o.lrFactor(epoch)
	d = o.LR
	if o.LRD > 0 {
		d = o.LRD
	}
	return o.LR * factor, d * factor
}

// lrFactor is the schedule of the official implementation, where the epochs of
// the linear decay come down to 0 just after the last of them.
func (o Options) lrFactor(epoch int) float64 {
	switch o.LRPolicy {
	case PolicyStep:
		return math.Pow(0.1, float64((epoch-1)/o.LRDecayIters))
	case PolicyPlateau:
		// The official code asks whether a metric that it never sets improved
		// by more than 1 %, with a patience of 5 epochs. It never does, so the
		// rate falls to a fifth from epoch 8 on and every sixth after that.
		return math.Pow(0.2, float64(max(epoch-2, 0)/6))
	case PolicyCosine:
		// Cosine annealing over n_epochs (Loshchilov and Hutter 2017), which
		// rises again in the epochs of decay, as PyTorch's scheduler does.
		return (1 + math.Cos(math.Pi*float64(epoch-1)/float64(max(o.NEpochs, 1)))) / 2
	default:
		return 1 - math.Max(0, float64(epoch-o.NEpochs))/float64(o.NEpochsDecay+1)
	}
}
