// Package watch warns of a training that goes wrong while it can still be
// mended. A [Watcher] is told what is measured, losses after each step and
// [Signals] of held-out pictures at each judging, and answers with warnings:
// what was seen, in numbers, and what to do.
package watch

import "fmt"

// A Warning says that a training goes wrong, and how to mend it.
type Warning struct {
	Step int64
	// Title names the fault in a few words; Text has the measured numbers and the remedy.
	Title, Text string
}

func (w Warning) String() string { return fmt.Sprintf("%s: %s", w.Title, w.Text) }

// Titles of the warnings.
const (
	Inverted          = "colours inverted"
	Unchanged         = "pictures returned unchanged"
	Collapsed         = "collapse to one picture"
	DiscriminatorZero = "discriminator at zero"
	Diverging         = "training diverges"
)

// A Watcher remembers what it has been told. It gives each warning once, and
// again only when the fault had gone away meanwhile. It is not safe for
// concurrent use.
type Watcher struct {
	gan    GAN
	given  map[string]bool // by title and object
	seen   map[string]int  // judgings in a row that showed a fault
	window map[string]*window
}

// New makes a watcher for a training with these adversarial losses.
func New(gan GAN) *Watcher {
	return &Watcher{gan: gan, given: map[string]bool{}, seen: map[string]int{}, window: map[string]*window{}}
}

// judge gives a warning when a fault has been seen often enough in a row.
func (w *Watcher) judge(step int64, title, object string, fault bool, patience int, text func() string) []Warning {
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
	return []Warning{{step, title, text()}}
}
