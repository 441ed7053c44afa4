// Package watch detects runs that go wrong while there is time to react. A [Watcher] receives the
// losses of each step and the [Signals] of each evaluation, and returns a [Warning] with the
// measured number and a remedy.
package watch

import (
	"fmt"
	"math"
)

// Warning reports a fault of a run and its remedy.
type Warning struct {
	Step int64
	// Title names the fault in a few words; Text has the measured number and the remedy.
	Title, Text string
}

func (w Warning) String() string { return fmt.Sprintf("%s: %s", w.Title, w.Text) }

// Titles of the warnings.
const (
	Inverted          = "colors inverted"
	Unchanged         = "images returned unchanged"
	Collapsed         = "collapse to one image"
	DiscriminatorZero = "discriminator at zero"
	Diverging         = "training diverges"
)

// Signals are measurements of one generator on held-out images.
type Signals struct {
	Generator string // "G_AB"
	N         int    // images
	// Correlation is the mean of Pearson's correlation between the brightness of an image and of
	// its translation.
	Correlation float64
	// Change is the mean absolute difference between an image and its translation, as a fraction of
	// the range from black to white.
	Change float64
	// Spread is the mean distance between two translations, divided by the mean distance between
	// their sources.
	Spread float64
}

// Limits of the signals.
const (
	// Seasons, styles and even day to night leave most bright places brighter than dark ones next
	// to them; a negative has -1.
	invertedBelow = -0.3
	// Five levels of 255 are less than a person notices.
	unchangedBelow = 5.0 / 255
	// The same image for every source has 0.
	collapsedBelow = 0.1
	// Signals of fewer images mean nothing.
	minImages = 4
	// A generator starts near gray, or with -residual near its input, so these have to last for
	// some evaluations.
	patienceUnchanged = 3
	patienceCollapsed = 2
)

// Limits of the losses.
const (
	// Losses of single steps are too noisy, so they are averaged over this number of steps.
	span = 100
	// A discriminator that is nearly always right gives the generator no direction.
	zeroBelow = 0.05
	// A discriminator of LSGAN stays close to chance at worst, unless it diverges; reconstructions
	// improve or stay, unless the generators diverge.
	chanceAbove = 8
	worseAbove  = 3
)

// Watcher returns each warning once, and again only if the fault went away in between. It is not
// safe for concurrent use.
type Watcher struct {
	chance float64
	given  map[string]bool // by title and object
	seen   map[string]int  // successive measurements that showed a fault
	losses map[string]*window
}

// New returns a Watcher. Chance is the loss of a discriminator that cannot tell real from
// translated images, for example 0.25 for LSGAN with weight 0.5, and 0 for a loss without such a
// value, as in WGAN.
func New(chance float64) *Watcher {
	return &Watcher{chance: chance, given: map[string]bool{}, seen: map[string]int{}, losses: map[string]*window{}}
}

// check returns a warning if a fault has been seen patience times in a row.
func (w *Watcher) check(step int64, title, object string, fault bool, patience int, format string, args ...any) []Warning {
	key := title + "/" + object
	if !fault {
		w.seen[key] = 0
		delete(w.given, key)
		return nil
	}
	w.seen[key]++
	if w.seen[key] < patience || w.given[key] {
		return nil
	}
	w.given[key] = true
	return []Warning{{step, title, fmt.Sprintf(format, args...)}}
}

// Evaluated takes the signals of a generator after an evaluation.
func (w *Watcher) Evaluated(step int64, s Signals) []Warning {
	if s.N < minImages {
		return nil
	}
	warnings := w.check(step, Inverted, s.Generator, s.Correlation < invertedBelow, 1,
		"%s turns bright into dark: the brightness of %d held-out images and of their translations correlates by %.2f. The cycle loss cannot detect this, because the other generator inverts again. Fix: start again with another -seed and, if both domains have the same channels, a higher -lambda_identity, such as 1; training longer rarely helps",
		s.Generator, s.N, s.Correlation)
	warnings = append(warnings, w.check(step, Unchanged, s.Generator, s.Change < unchangedBelow, patienceUnchanged,
		"%s changes its %d held-out images by %.1f of 255 levels on average. Fix: lower -lambda_A, -lambda_B and -lambda_identity (for example 5, 5 and 0.1) or raise -lr_D, all of which work with -continue_train. If the domains differ in color and brightness, start again with -norm_D none",
		s.Generator, s.N, 255*s.Change)...)
	return append(warnings, w.check(step, Collapsed, s.Generator, s.Spread < collapsedBelow, patienceCollapsed,
		"%s returns nearly the same image for each of %d held-out ones: two translations differ by %.0f %% of the difference of their sources. Fix: raise -lambda_A and -lambda_B, lower -lr_D, or return to the best checkpoint with -continue_train -epoch best",
		s.Generator, s.N, 100*s.Spread)...)
}

// Losses takes the losses D_A, D_B, cycle_A and cycle_B as means over n steps that end with step. A
// resumed run passes the losses in its log again, so that their warnings are not repeated.
func (w *Watcher) Losses(step int64, n int, losses map[string]float64) []Warning {
	var warnings []Warning
	for _, name := range []string{"D_A", "D_B"} {
		mean, _, full := w.add(name, losses[name], n)
		if !full || w.chance <= 0 {
			continue
		}
		share := mean / w.chance
		warnings = append(warnings, w.check(step, DiscriminatorZero, name, share < zeroBelow, 1,
			"the loss of %s was %.4f over the last %d steps, %.1f %% of the loss of guessing: it recognizes every translation, so its generator learns nothing from it. Fix: stop (Ctrl-C saves) and resume with -continue_train and a lower -lr_D or a larger -pool_size, or start again with a smaller -ndf",
			name, mean, span, 100*share)...)
		warnings = append(warnings, w.check(step, Diverging, name, share > chanceAbove, 1,
			"the loss of %s was %.3g over the last %d steps, %.0f times the loss of guessing. Fix: stop and resume from the best checkpoint with a lower -lr: -continue_train -epoch best",
			name, mean, span, share)...)
	}
	for _, name := range []string{"cycle_A", "cycle_B"} {
		mean, least, full := w.add(name, losses[name], n)
		if !full {
			continue
		}
		warnings = append(warnings, w.check(step, Diverging, name, least > 0 && mean > worseAbove*least, 1,
			"the loss %s was %.3g over the last %d steps, after %.3g before: reconstructions get worse. Fix: stop and resume from the best checkpoint with a lower -lr: -continue_train -epoch best",
			name, mean, span, least)...)
	}
	return warnings
}

// window averages a loss over spans of steps.
type window struct {
	sum   float64
	n     int
	least float64 // of the means so far; +Inf before the first
}

// add takes the mean of a loss over n steps. When its span is full it returns the mean and the
// least mean so far.
func (w *Watcher) add(name string, v float64, n int) (mean, least float64, full bool) {
	loss, known := w.losses[name]
	if !known {
		loss = &window{least: math.Inf(1)}
		w.losses[name] = loss
	}
	loss.sum += v * float64(n)
	loss.n += n
	if loss.n < span {
		return 0, 0, false
	}
	mean = loss.sum / float64(loss.n)
	*loss = window{least: min(loss.least, mean)}
	return mean, loss.least, true
}
