//go:build tensorflow

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"cyclegan/infer/pixels"
	"cyclegan/train"
	"cyclegan/train/dataset"
	"cyclegan/train/report"
	"cyclegan/train/samples"
)

// Files of a run, beside its options and checkpoints.
const (
	logFile       = "log.jsonl"
	lossPlot      = "losses.png"
	samplesDir    = "samples"
	latestSamples = "samples.png"
)

// sampleCount is how many pictures of each domain a sample sheet shows.
const sampleCount = 4

// attached is everything that looks on while the loop runs.
type attached struct {
	hooks   []train.Hook
	opts    train.Options
	trainer *train.Trainer
	data    *dataset.Dataset
	saver   *train.Saver
	log     *report.Log
	meter   *meter
	sheet   *samples.Sheet
	drawn   int64           // step of the newest sheet
	told    map[string]bool // unreadable pictures that are known
}

// attach makes what is called after each step. The saver comes first: what
// fails after it costs no training.
func (c *command) attach(t *train.Trainer, data *dataset.Dataset) (*attached, error) {
	a := &attached{
		opts: c.opts, trainer: t, data: data, drawn: -1, told: map[string]bool{},
		saver: train.NewSaver(t, data), meter: newMeter(os.Stderr, c.opts.PrintFreq),
	}
	a.tellSkipped()
	var err error
	if a.sheet, err = samples.New(t, data, sampleCount); err != nil {
		return nil, err
	}
	if a.log, err = report.OpenLog(filepath.Join(c.opts.Dir(), logFile)); err != nil {
		return nil, err
	}
	// A run killed after its checkpoint logged steps that it makes again.
	if err := a.log.TruncateAfter(t.Steps()); err != nil {
		a.log.Close()
		return nil, err
	}
	a.hooks = []train.Hook{a.saver.Hook, a.record, a.show}
	return a, nil
}

// record shows the progress and writes the log.
func (a *attached) record(p train.Progress) error {
	a.tellSkipped()
	r, due := a.meter.step(p)
	if !due {
		return nil
	}
	return a.log.Append(r)
}

// show draws every display_freq pictures. A drawing that fails is told and
// costs no training.
func (a *attached) show(p train.Progress) error {
	if !p.Crossed(a.opts.DisplayFreq) {
		return nil
	}
	if err := a.draw(); err != nil {
		a.meter.say(fmt.Sprintf("could not draw at step %d: %v", p.Step, err))
	}
	return nil
}

// draw makes the sample sheet and the loss plot of the present step.
func (a *attached) draw() error {
	step := a.trainer.Steps()
	if a.drawn == step {
		return nil
	}
	a.drawn = step
	sheet, err := a.sheet.Draw(a.trainer, fmt.Sprintf("%s, step %d", a.opts.Name, step))
	if err != nil {
		return err
	}
	dir := filepath.Join(a.opts.Dir(), samplesDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of samples: %w", err)
	}
	for _, path := range []string{
		filepath.Join(dir, fmt.Sprintf("step_%09d.png", step)),
		filepath.Join(a.opts.Dir(), latestSamples),
	} {
		if err := pixels.Save(path, sheet, pixels.SaveOptions{}); err != nil {
			return err
		}
	}
	series, err := report.ReadLosses(filepath.Join(a.opts.Dir(), logFile))
	if err != nil {
		return err
	}
	plot := report.LossPlot{Title: a.opts.Name, Series: series}
	return plot.Save(filepath.Join(a.opts.Dir(), lossPlot))
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

func (a *attached) close() { a.log.Close() }
