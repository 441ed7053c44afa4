//go:build tensorflow

package run

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"cyclegan/infer/atomicfile"
	"cyclegan/infer/pixels"
	"cyclegan/train"
	"cyclegan/train/pace"
	"cyclegan/train/report"
	"cyclegan/train/samples"
)

// sampler is the hook that draws sample sheets and the loss plot every display_freq images.
type sampler struct {
	*run
	sheet *samples.Sheet
	drawn int64 // step of the newest sheet
}

const (
	sampleCount = 4               // images of each domain on a sheet
	sampleFile  = "step_%09d.png" // in samplesDir
)

func newSampler(r *run) (*sampler, error) {
	sheet, err := samples.New(r.trainer, r.data, sampleCount)
	return &sampler{run: r, sheet: sheet, drawn: -1}, err
}

func (s *sampler) step(p train.Progress) error {
	if p.Crossed(s.opts.DisplayFreq) {
		s.tolerate("the samples", p.Step, s.draw())
		s.page.update(report.Running, true)
	}
	return nil
}

// draw draws the sheet and the loss plot of the current step.
func (s *sampler) draw() error {
	step := s.trainer.Steps()
	if s.drawn == step {
		return nil
	}
	begin := s.timing.now()
	sheet, err := s.sheet.Draw(s.trainer, fmt.Sprintf("%s, step %d", s.opts.Name, step))
	if err != nil {
		return err
	}
	dir, err := s.createDir(samplesDir)
	if err != nil {
		return err
	}
	var png bytes.Buffer
	if err := pixels.Encode(&png, sheet, pixels.SaveOptions{Format: "png"}); err != nil {
		return err
	}
	for _, path := range []string{
		filepath.Join(dir, fmt.Sprintf(sampleFile, step)),
		filepath.Join(s.opts.Dir(), latestSamples),
	} {
		if err := atomicfile.Write(path, func(w io.Writer) error { _, err := w.Write(png.Bytes()); return err }); err != nil {
			return fmt.Errorf("write a sample sheet: %w", err)
		}
	}
	s.drawn = step
	s.timing.did(pace.Samples, begin)
	plot := report.LossPlot{Title: s.opts.Name, Series: s.journal.history.Losses()}
	return errors.Join(
		plot.Save(filepath.Join(s.opts.Dir(), lossPlot)),
		s.journal.events.Image(step, "samples", png.Bytes()))
}

// profiler is the hook that has TensorFlow record a step and writes the record.
type profiler struct {
	*run
	made int // steps of this process
}

// profileAfter is the number of steps before the recorded one: TensorFlow prepares itself in the
// first, and its memory settles in the others.
const profileAfter = 3

func (s *profiler) step(p train.Progress) error {
	switch s.made++; s.made {
	case profileAfter:
		p.Trainer.TraceNext()
	case profileAfter + 1:
		s.tolerate("the profile", p.Step, s.write())
	}
	return nil
}

func (s *profiler) write() error {
	step := s.trainer.Trace()
	path := filepath.Join(s.opts.Dir(), profileFile)
	if err := atomicfile.Write(path, step.WriteTrace); err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	s.Display.Say("profile: open " + path + " in ui.perfetto.dev or chrome://tracing")
	return step.Fprint(s.Out)
}

// missed reports that the run ended before the step to record.
func (s *profiler) missed() {
	if s.made <= profileAfter {
		at := s.trainer.Steps() + int64(profileAfter+1-s.made)
		s.Display.Say(fmt.Sprintf("profile: no step recorded, because the run ended before step %d", at))
	}
}
