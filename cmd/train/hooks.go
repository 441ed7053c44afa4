//go:build tensorflow

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"cyclegan/infer/atomicfile"
	"cyclegan/infer/pixels"
	"cyclegan/train"
	"cyclegan/train/checkpoint"
	"cyclegan/train/dataset"
	"cyclegan/train/evaluate"
	"cyclegan/train/inspect"
	"cyclegan/train/report"
	"cyclegan/train/samples"
	"cyclegan/train/watch"
)

// Files of a run, beside its options and checkpoints.
const (
	logFile         = "log.jsonl"
	evaluationsFile = "evaluations.jsonl"
	warningsFile    = "warnings.jsonl"
	reportFile      = "report.html"
	lossPlot        = "losses.png"
	samplesDir      = "samples"
	latestSamples   = "samples.png"
	eventsDir       = "events"
	bestDir         = "best"
	latestDir       = "latest"
	profileFile     = "profile.json"
)

// sampleCount is how many pictures of each domain a sample sheet shows.
const sampleCount = 4

// attached is everything that looks on while the loop runs.
type attached struct {
	hooks   []train.Hook
	ctx     context.Context
	command *command
	opts    train.Options
	trainer *train.Trainer
	data    *dataset.Dataset
	found   *inspect.Result

	saver       *train.Saver
	log         *report.Log
	history     *report.History
	evaluations *report.Evaluations
	warnings    *report.Warnings
	events      *report.Events
	page        page
	meter       *meter
	sheet       *samples.Sheet
	judge       *evaluate.Evaluator // nil without -eval_every
	judged      []report.Evaluation
	watcher     *watch.Watcher
	best        *checkpoint.Checkpoint // without its tensors; nil when none is comparable
	exported    bool                   // the run has ended, and its models are written

	started time.Time
	trained time.Duration   // in steps, over all resumes
	drawn   int64           // step of the newest sheet
	epoch   int             // of the newest step
	made    int             // steps, in this process
	told    map[string]bool // unreadable pictures that are known
	failing map[string]bool // what could not be written last time
	open    []io.Closer
}

// attach makes what is called after each step; from is what the run goes on
// from, nil where it starts. The saver comes first: what fails after it costs no
// training.
func (c *command) attach(ctx context.Context, t *train.Trainer, data *dataset.Dataset, found *inspect.Result, from *checkpoint.Checkpoint) (*attached, error) {
	a := &attached{
		ctx: ctx, command: c, opts: c.opts, trainer: t, data: data, found: found, drawn: -1,
		told: map[string]bool{}, failing: map[string]bool{}, started: time.Now(),
		saver: train.NewSaver(t, data), meter: newMeter(os.Stderr, c.opts.PrintFreq),
		watcher: watch.New(c.opts.ChanceLoss()),
	}
	if err := a.start(from); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

// start opens what the hooks write to, and chooses the pictures that they show
// and judge by.
func (a *attached) start(from *checkpoint.Checkpoint) (err error) {
	a.epoch, _ = a.data.At(int(max(a.trainer.Steps(), 1) - 1))
	a.tellSkipped()
	if a.sheet, err = samples.New(a.trainer, a.data, sampleCount); err != nil {
		return err
	}
	if a.opts.EvalEvery > 0 {
		if err := a.openJudge(); err != nil {
			return err
		}
	}
	// What follows changes files of the run.
	if from != nil {
		if err := a.opts.Checkpoints().ResumeFrom(from); err != nil {
			return err
		}
	}
	if err := a.openFiles(); err != nil {
		return err
	}
	a.findBest()
	a.hooks = []train.Hook{a.save, a.record, a.evaluate, a.show}
	if a.command.profile {
		a.hooks = append(a.hooks, a.profile)
	}
	a.keepWarningsOfData()
	return a.catchUp()
}

// openFiles opens what the run has written so far. A run killed after its
// checkpoint wrote of steps that it makes again.
func (a *attached) openFiles() (err error) {
	dir, step := a.opts.Dir(), a.trainer.Steps()
	if a.log, err = report.OpenLog(filepath.Join(dir, logFile)); err != nil {
		return err
	}
	a.open = append(a.open, a.log)
	if a.evaluations, err = report.OpenEvaluations(filepath.Join(dir, evaluationsFile)); err != nil {
		return err
	}
	a.open = append(a.open, a.evaluations)
	if a.warnings, err = report.OpenWarnings(filepath.Join(dir, warningsFile)); err != nil {
		return err
	}
	a.open = append(a.open, a.warnings)
	if step == 0 {
		step = -1 // nothing of an earlier start stays
	}
	for _, f := range []interface{ TruncateAfter(int64) error }{a.log, a.evaluations, a.warnings} {
		if err := f.TruncateAfter(step); err != nil {
			return err
		}
	}
	if err := a.recall(); err != nil {
		return err
	}
	if a.history, err = report.ReadHistory(filepath.Join(dir, logFile)); err != nil {
		return err
	}
	if a.judged, err = report.ReadEvaluations(filepath.Join(dir, evaluationsFile)); err != nil {
		return err
	}
	a.trained = trainedBefore(a.history)
	if a.events, err = report.OpenEvents(filepath.Join(dir, eventsDir), step); err != nil {
		return err
	}
	a.open = append(a.open, a.events)
	return a.events.Options(a.trainer.Steps(), a.optionRows())
}

// recall tells the watcher what the run has logged, and finds when it began.
func (a *attached) recall() error {
	records, err := report.ReadLog(filepath.Join(a.opts.Dir(), logFile))
	if len(records) > 0 {
		first := records[0]
		took := time.Duration(float64(first.Step) * first.SecondsPerStep * float64(time.Second))
		a.started = first.Time.Add(-took)
	}
	before := int64(0)
	for _, r := range records {
		a.watcher.Losses(r.Step, int(r.Step-before), r.Losses)
		before = r.Step
	}
	return err
}

// trainedBefore adds up the time of the steps that a history tells of.
func trainedBefore(h *report.History) time.Duration {
	seconds, before := 0.0, 0.0
	perStep := h.SecondsPerStep()
	for i, step := range perStep.X {
		seconds += (step - before) * perStep.Y[i]
		before = step
	}
	return time.Duration(seconds * float64(time.Second))
}

// save writes checkpoints. A disk that is full costs no training: what could
// not be written is told, and tried again at the next checkpoint.
func (a *attached) save(p train.Progress) error {
	a.tried("checkpoints", p.Step, a.saver.Hook(p))
	return nil
}

// record shows the progress and writes the log.
func (a *attached) record(p train.Progress) error {
	a.trained += p.Took
	a.epoch = p.Epoch
	a.tellSkipped()
	losses := map[string]float64{}
	for _, t := range p.Losses.Terms() {
		losses[t.Name] = t.Value
	}
	a.warn(a.watcher.Losses(p.Step, 1, losses))
	r, due := a.meter.step(p)
	if !due {
		return nil
	}
	a.history.Add(r)
	a.tried("the log", p.Step, errors.Join(a.log.Append(r), a.events.Record(r)))
	a.updatePage(report.Running, false)
	return nil
}

// show draws every display_freq pictures. A drawing that fails is told and
// costs no training.
func (a *attached) show(p train.Progress) error {
	if p.Crossed(a.opts.DisplayFreq) {
		a.tried("the pictures", p.Step, a.draw())
		a.updatePage(report.Running, true)
	}
	return nil
}

// tried tells a person when something can't be written, once, and when it can
// be again. The training goes on meanwhile.
func (a *attached) tried(what string, step int64, err error) {
	switch {
	case err != nil && !a.failing[what]:
		a.failing[what] = true
		a.meter.say(fmt.Sprintf("step %d: could not write %s: %v; the training goes on, and tries again", step, what, err))
	case err == nil && a.failing[what]:
		// Whether it can be written again is known when something was due.
		if what != "checkpoints" || a.saver.Saved() >= step-1 {
			delete(a.failing, what)
			a.meter.say(fmt.Sprintf("step %d: %s could be written again", step, what))
		}
	}
}

// draw makes the sample sheet and the loss plot of the present step.
func (a *attached) draw() error {
	step := a.trainer.Steps()
	if a.drawn == step {
		return nil
	}
	sheet, err := a.sheet.Draw(a.trainer, fmt.Sprintf("%s, step %d", a.opts.Name, step))
	if err != nil {
		return err
	}
	dir := filepath.Join(a.opts.Dir(), samplesDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of samples: %w", err)
	}
	var png bytes.Buffer
	if err := pixels.Encode(&png, sheet, pixels.SaveOptions{Format: "png"}); err != nil {
		return err
	}
	for _, path := range []string{
		filepath.Join(dir, fmt.Sprintf("step_%09d.png", step)),
		filepath.Join(a.opts.Dir(), latestSamples),
	} {
		err := atomicfile.Write(path, func(w io.Writer) error { _, err := w.Write(png.Bytes()); return err })
		if err != nil {
			return fmt.Errorf("write %q: %w", path, err)
		}
	}
	a.drawn = step
	plot := report.LossPlot{Title: a.opts.Name, Series: a.history.Losses()}
	return errors.Join(
		plot.Save(filepath.Join(a.opts.Dir(), lossPlot)),
		a.events.Image(step, "samples", png.Bytes()))
}

// tellSkipped names pictures that turned out not to be readable, once each
// and up to a number that leaves room for other messages.
func (a *attached) tellSkipped() {
	const most = 20
	for _, skip := range a.data.Skipped() {
		if a.told[skip.Name] {
			continue
		}
		a.told[skip.Name] = true
		switch n := len(a.told); {
		case n <= most:
			a.meter.say(fmt.Sprintf("skipped %s: %v", skip.Name, skip.Err))
		case n == most+1:
			a.meter.say("skipped more; the end tells how many")
		}
	}
}

// close lets go of what was opened.
func (a *attached) close() {
	for _, f := range a.open {
		_ = f.Close()
	}
}
