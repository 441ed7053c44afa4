package watch

import "fmt"

// Signals are what was measured on the held-out pictures of one generator.
type Signals struct {
	Generator string // "G_AB"
	N         int    // pictures
	// Correlation is the mean over the pictures of Pearson's correlation
	// between the brightness of a picture and that of its translation.
	Correlation float64
	// Change is the mean absolute difference between a picture and its
	// translation, in parts of the whole range from black to white.
	Change float64
	// Spread is the mean distance between two translations, divided by the
	// mean distance between their two sources.
	Spread float64
}

// Where a signal becomes a warning.
const (
	// Seasons, styles and even day to night leave most bright places brighter
	// than the dark ones beside them; a negative of a picture gives -1.
	invertedBelow = -0.3
	// Five levels of 255: less than a person notices side by side.
	unchangedBelow = 5.0 / 255
	// One picture for every source gives 0.
	collapsedBelow = 0.1
	// fewest pictures that the signals mean something for.
	fewest = 4
	// A generator begins near gray, or with -residual near its input: what is
	// normal then has to last over some judgings before it is a fault.
	patienceUnchanged = 3
	patienceCollapsed = 2
)

// Judged is told the signals of a generator whenever it has been judged.
func (w *Watcher) Judged(step int64, s Signals) []Warning {
	if s.N < fewest {
		return nil
	}
	warnings := w.judge(step, Inverted, s.Generator, s.Correlation < invertedBelow, 1, func() string {
		return fmt.Sprintf("what is bright in a picture is dark in the translation of %s: their brightness correlates by %.2f over %d held-out pictures. The cycle loss can't tell, since the other generator inverts again. Start again with another -seed and, where both domains have equal channels, a higher -lambda_identity, such as 1; going on rarely turns it back", s.Generator, s.Correlation, s.N)
	})
	warnings = append(warnings, w.judge(step, Unchanged, s.Generator, s.Change < unchangedBelow, patienceUnchanged, func() string {
		return fmt.Sprintf("%s changes its %d held-out pictures by %.1f of 255 levels on average. Lower -lambda_A, -lambda_B and -lambda_identity (for instance 5, 5 and 0.1), or raise -lr_D; all of these can be changed with -continue_train. A start with -norm_D none helps where colour and brightness are the difference", s.Generator, s.N, 255*s.Change)
	})...)
	return append(warnings, w.judge(step, Collapsed, s.Generator, s.Spread < collapsedBelow, patienceCollapsed, func() string {
		return fmt.Sprintf("%s gives nearly the same picture for each of %d held-out ones: two translations differ by %.0f %% of what their sources differ by. Raise -lambda_A and -lambda_B, lower -lr_D, or go back to the best checkpoint with -continue_train -epoch best", s.Generator, s.N, 100*s.Spread)
	})...)
}
