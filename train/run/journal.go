//go:build tensorflow

package run

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"cyclegan/train"
	"cyclegan/train/inspect"
	"cyclegan/train/report"
	"cyclegan/train/watch"
)

// journal is the hook that shows the progress and writes losses and warnings to the run's folder.
type journal struct {
	*run
	log      *report.Log
	history  *report.History
	warnings *report.Warnings
	events   *report.Events
	watcher  *watch.Watcher
	averages averages

	started  time.Time       // of the run, over all resumes
	trained  time.Duration   // in steps, over all resumes
	reported map[string]bool // unreadable images
}

// openJournal opens the files of the run. A run that was killed after its checkpoint wrote about
// steps that it repeats, so these are removed.
func openJournal(r *run) (j *journal, err error) {
	j = &journal{
		run: r, watcher: watch.New(r.opts.ChanceLoss()),
		started: time.Now(), reported: map[string]bool{},
	}
	step := r.keptStep()
	path := filepath.Join(r.opts.Dir(), logFile)
	if j.log, err = report.OpenLog(path); err != nil {
		return nil, err
	}
	r.open = append(r.open, j.log)
	if j.warnings, err = report.OpenWarnings(filepath.Join(r.opts.Dir(), warningsFile)); err != nil {
		return nil, err
	}
	r.open = append(r.open, j.warnings)
	if err := errors.Join(j.log.TruncateAfter(step), j.warnings.TruncateAfter(step)); err != nil {
		return nil, err
	}
	records, err := report.ReadLog(path)
	if err != nil {
		return nil, err
	}
	j.recall(records)
	if j.history, err = report.ReadHistory(path); err != nil {
		return nil, err
	}
	if j.events, err = report.OpenEvents(filepath.Join(r.opts.Dir(), eventsDir), step); err != nil {
		return nil, err
	}
	r.open = append(r.open, j.events)
	if err := j.events.Options(r.trainer.Steps(), r.optionRows()); err != nil {
		return nil, err
	}
	j.reportSkipped()
	if r.trainer.Steps() == 0 { // findings were printed, and are kept with the warnings
		for _, f := range r.found.Findings {
			if f.Severity == inspect.Warning {
				r.tolerate("the warnings", 0, j.warnings.Append(report.Warning{Title: f.Title, Text: f.Text}))
			}
		}
	}
	return j, nil
}

// keptStep is the step up to which the files of the run are kept: -1 keeps nothing of an earlier
// start.
func (r *run) keptStep() int64 {
	if step := r.trainer.Steps(); step > 0 {
		return step
	}
	return -1
}

// recall passes logged losses to the watcher again, and adds up the time they took.
func (j *journal) recall(records []report.Record) {
	before := int64(0)
	for i, rec := range records {
		took := time.Duration(float64(rec.Step-before) * rec.SecondsPerStep * float64(time.Second))
		if i == 0 {
			j.started = rec.Time.Add(-took)
		}
		j.trained += took
		j.watcher.Losses(rec.Step, int(rec.Step-before), rec.Losses)
		before = rec.Step
	}
}

func (j *journal) step(p train.Progress) error {
	j.trained += p.Took
	j.epoch = p.Epoch
	j.reportSkipped()
	losses := map[string]float64{}
	for _, t := range p.Losses.Terms() {
		losses[t.Name] = t.Value
	}
	j.warn(j.watcher.Losses(p.Step, 1, losses))
	due := p.Crossed(j.opts.PrintFreq) || p.Step == p.Steps
	means, fresh := j.averages.add(losses, p.Took, due)
	means.Left = j.timing.left()
	j.Display.Step(p, means, fresh)
	if !due {
		return nil
	}
	rec := report.Record{Step: p.Step, Epoch: p.Epoch, LR: p.RateG, SecondsPerStep: means.Step.Seconds(), Losses: means.Losses}
	j.history.Add(rec)
	j.tolerate("the log", p.Step, errors.Join(j.log.Append(rec), j.events.Record(rec)))
	j.page.update(report.Running, false)
	return nil
}

// warn shows warnings and keeps them with the run.
func (j *journal) warn(warnings []watch.Warning) {
	for _, w := range warnings {
		j.Display.Say(fmt.Sprintf("WARNING at step %d: %v", w.Step, w))
		j.tolerate("the warnings", w.Step, j.warnings.Append(report.Warning{Step: w.Step, Time: time.Now(), Title: w.Title, Text: w.Text}))
		j.tolerate("the events", w.Step, j.events.Text(w.Step, "warnings/"+w.Title, w.Text))
	}
}

// reportSkipped names images that turned out to be unreadable, up to a number that leaves room for
// other messages. The number of all is printed at the end.
func (j *journal) reportSkipped() {
	const maxReported = 20
	for _, skip := range j.data.Skipped() {
		if n := len(j.reported); n < maxReported && !j.reported[skip.Name] {
			j.reported[skip.Name] = true
			j.Display.Say(fmt.Sprintf("skipped %s: %v", skip.Name, skip.Err))
		}
	}
}

// Means are averages over the steps since the last record of the log, because single steps are
// noisy.
type Means struct {
	Step   time.Duration // without the first step of a process, if there are others
	Losses map[string]float64
	Left   time.Duration // predicted time to the end of the run, 0 if it is unknown
}

// freshness is the longest time between new means.
const freshness = 30 * time.Second

// averages computes the means.
type averages struct {
	sums    map[string]float64
	steps   int
	took    time.Duration
	timed   int  // steps in took
	started bool // the first step is over, in which TensorFlow prepares itself
	means   Means
	made    time.Time // when the means were computed
}

// add takes a step. It returns new means, and starts to collect again, if a record is due; it also
// returns new ones for the first step and when the last ones are old.
func (a *averages) add(losses map[string]float64, took time.Duration, due bool) (means Means, fresh bool) {
	if a.steps == 0 {
		a.sums, a.took, a.timed = map[string]float64{}, 0, 0
	}
	for name, v := range losses {
		a.sums[name] += v
	}
	a.steps++
	if a.steps == 2 && !a.started {
		a.took, a.timed, a.started = 0, 0, true
	}
	a.took += took
	a.timed++
	if !due && time.Since(a.made) < freshness {
		return a.means, false
	}
	a.made = time.Now()
	a.means = Means{Step: a.took / time.Duration(a.timed), Losses: map[string]float64{}}
	for name, sum := range a.sums {
		a.means.Losses[name] = sum / float64(a.steps)
	}
	if due {
		a.steps, a.started = 0, true
	}
	return a.means, true
}
