package watch

import (
	"fmt"
	"math"
)

// A GAN says what the discriminators' losses mean.
type GAN struct {
	// Chance is the loss of a discriminator that can't tell real from
	// translated: its weight times 0.5 for lsgan, 2 ln 2 for vanilla. 0 for a
	// loss without such a value, as wgangp's.
	Chance float64
}

// span is how many steps a loss is averaged over: single steps are too noisy.
const span = 100

// Where the losses become warnings.
const (
	// A discriminator that is nearly always right no longer tells the
	// generator which way to go.
	zeroBelow = 0.05
	// LSGAN's discriminator is at worst a little above chance, unless it flies
	// off; reconstructions get better or stay, unless the generators do.
	chanceAbove = 8
	worseAbove  = 3
)

// window averages a loss over spans of steps.
type window struct {
	sum   float64
	n     int
	spans int
	least float64 // of the means so far
}

// add takes the mean of n steps in, and gives the span's mean when it is full.
func (w *window) add(v float64, n int) (mean, least float64, full bool) {
	w.sum += v * float64(n)
	w.n += n
	if w.n < span {
		return 0, 0, false
	}
	mean = w.sum / float64(w.n)
	if w.spans == 0 {
		w.least = mean
	}
	least = w.least
	w.least = math.Min(w.least, mean)
	w.sum, w.n = 0, 0
	w.spans++
	return mean, least, true
}

// Lost is told the losses up to a step by name, D_A, D_B, cycle_A, cycle_B, as
// means over n steps. A run that goes on tells what its log has again, for
// which the warnings have been given.
func (w *Watcher) Lost(step int64, n int, losses map[string]float64) []Warning {
	var warnings []Warning
	for _, name := range []string{"D_A", "D_B"} {
		mean, _, full := w.of(name).add(losses[name], n)
		if !full || w.gan.Chance <= 0 {
			continue
		}
		share := mean / w.gan.Chance
		warnings = append(warnings, w.judge(step, DiscriminatorZero, name, share < zeroBelow, 1, func() string {
			return fmt.Sprintf("the loss of %s was %.4f over the last %d steps, %.1f %% of what guessing gives: it tells every translation from a real picture, and its generator learns nothing from it. Stop (Ctrl-C saves) and go on with -continue_train and a lower -lr_D or a larger -pool_size, or start again with a smaller -ndf", name, mean, span, 100*share)
		})...)
		warnings = append(warnings, w.judge(step, Diverging, name, share > chanceAbove, 1, func() string {
			return fmt.Sprintf("the loss of %s was %.3g over the last %d steps, %.0f times what guessing gives. Stop, and go on with a lower -lr from the best checkpoint: -continue_train -epoch best", name, mean, span, share)
		})...)
	}
	for _, name := range []string{"cycle_A", "cycle_B"} {
		mean, least, full := w.of(name).add(losses[name], n)
		if !full {
			continue
		}
		warnings = append(warnings, w.judge(step, Diverging, name, least > 0 && mean > worseAbove*least, 1, func() string {
			return fmt.Sprintf("the loss %s was %.3g over the last %d steps and has been %.3g: pictures come back worse and worse. Stop, and go on with a lower -lr from the best checkpoint: -continue_train -epoch best", name, mean, span, least)
		})...)
	}
	return warnings
}

func (w *Watcher) of(name string) *window {
	if w.window[name] == nil {
		w.window[name] = &window{}
	}
	return w.window[name]
}
