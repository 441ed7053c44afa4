//go:build tensorflow

package main

import (
	"fmt"
	"time"

	"cyclegan/train/inspect"
	"cyclegan/train/report"
	"cyclegan/train/watch"
)

// warn shows warnings at once and keeps them with the run.
func (a *attached) warn(warnings []watch.Warning) {
	for _, w := range warnings {
		a.meter.say(fmt.Sprintf("WARNING at step %d: %v", w.Step, w))
		a.tried("the warnings", w.Step, a.warnings.Append(report.Warning{
			Step: w.Step, Time: time.Now(), Title: w.Title, Text: w.Text,
		}))
		a.tried("the events", w.Step, a.events.Text(w.Step, "warnings/"+w.Title, w.Text))
	}
}

// keepWarningsOfData keeps what was noticed of the pictures, and printed
// before, with the warnings of a run that begins.
func (a *attached) keepWarningsOfData() {
	if a.trainer.Steps() > 0 {
		return
	}
	for _, p := range a.found.Findings {
		if p.Severity == inspect.Warning {
			a.tried("the warnings", 0, a.warnings.Append(report.Warning{Title: p.Title, Text: p.Text}))
		}
	}
}
