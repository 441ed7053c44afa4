//go:build tensorflow

package main

import (
	"fmt"
	"image"
	"os"
	"path/filepath"

	"cyclegan/graph"
	"cyclegan/infer/pixels"
	"cyclegan/train"
	"cyclegan/train/dataset"
	"cyclegan/train/report"
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
	log     *report.Log
	meter   *meter
	samples *samples
	sampled int64 // step of the newest sheet
}

func (c *command) attach(t *train.Trainer, data *dataset.Dataset) (*attached, error) {
	log, err := report.OpenLog(filepath.Join(c.opts.Dir(), logFile))
	if err != nil {
		return nil, err
	}
	a := &attached{opts: c.opts, trainer: t, log: log, meter: newMeter(os.Stderr, c.opts.PrintFreq), sampled: -1}
	// A run killed after its checkpoint logged steps that it makes again.
	if err := log.TruncateAfter(t.Steps()); err != nil {
		log.Close()
		return nil, err
	}
	if a.samples, err = newSamples(t, data); err != nil {
		log.Close()
		return nil, err
	}
	a.hooks = []train.Hook{a.record, a.show, train.SaveCheckpoints}
	return a, nil
}

// record shows the progress and writes the log.
func (a *attached) record(p train.Progress) error {
	r, due := a.meter.step(p)
	if !due {
		return nil
	}
	return a.log.Append(r)
}

// show draws the sample sheet and the loss plot every display_freq pictures.
func (a *attached) show(p train.Progress) error {
	if !p.Crossed(a.opts.DisplayFreq) {
		return nil
	}
	return a.draw()
}

func (a *attached) draw() error {
	if a.sampled == a.trainer.Steps() {
		return nil
	}
	a.sampled = a.trainer.Steps()
	if err := a.samples.save(a.trainer, a.opts); err != nil {
		return err
	}
	series, err := report.ReadLosses(filepath.Join(a.opts.Dir(), logFile))
	if err != nil {
		return err
	}
	plot := report.LossPlot{Title: a.opts.Name, Series: series}
	return plot.Save(filepath.Join(a.opts.Dir(), lossPlot))
}

// pause ends the progress bar, so that what is printed next has a line.
func (a *attached) pause() { a.meter.stop() }

// finish draws the last sheet and plot.
func (a *attached) finish() error { return a.draw() }

func (a *attached) close() { a.log.Close() }

// samples are the pictures that every sheet shows, so that sheets can be
// compared.
type samples struct {
	title          string
	titleA, titleB string
	a, b           []float32
	n, nB          int
	shapeA, shapeB graph.Shape
}

func newSamples(t *train.Trainer, data *dataset.Dataset) (*samples, error) {
	s := &samples{}
	s.titleA, s.titleB = data.Domains()
	s.shapeA, s.shapeB = t.Shapes()
	for _, d := range []struct {
		set   *dataset.Set
		shape graph.Shape
		into  *[]float32
		n     *int
	}{{data.TestA(), s.shapeA, &s.a, &s.n}, {data.TestB(), s.shapeB, &s.b, &s.nB}} {
		tensor, indices, err := d.set.First(sampleCount, d.shape.W, d.shape.H)
		if err != nil {
			return nil, fmt.Errorf("choose sample pictures: %w", err)
		}
		*d.into, *d.n = tensor, len(indices)
	}
	return s, nil
}

// save translates the pictures both ways and back and draws the sheet.
func (s *samples) save(t *train.Trainer, o train.Options) error {
	there, err := s.rows(t, train.GAB, train.GBA, s.a, s.n, s.shapeA, s.shapeB)
	if err != nil {
		return err
	}
	back, err := s.rows(t, train.GBA, train.GAB, s.b, s.nB, s.shapeB, s.shapeA)
	if err != nil {
		return err
	}
	grid := report.Grid{
		Title: fmt.Sprintf("%s, step %d", o.Name, t.Steps()),
		Columns: []string{
			"A: " + s.titleA, "G_AB(A)\n" + s.titleB, "G_BA(G_AB(A))\nreconstructed",
			"B: " + s.titleB, "G_BA(B)\n" + s.titleA, "G_AB(G_BA(B))\nreconstructed",
		},
		Group: 3,
	}
	for i := range max(len(there), len(back)) {
		row := report.Row{Pictures: make([]image.Image, 6)}
		if i < len(there) {
			copy(row.Pictures, there[i])
		}
		if i < len(back) {
			copy(row.Pictures[3:], back[i])
		}
		grid.Rows = append(grid.Rows, row)
	}
	sheet, err := grid.Image()
	if err != nil {
		return err
	}
	dir := filepath.Join(o.Dir(), samplesDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of samples: %w", err)
	}
	for _, path := range []string{
		filepath.Join(dir, fmt.Sprintf("step_%09d.png", t.Steps())),
		filepath.Join(o.Dir(), latestSamples),
	} {
		if err := pixels.Save(path, sheet, pixels.SaveOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// rows gives for each picture: itself, its translation, its reconstruction.
func (s *samples) rows(t *train.Trainer, forth, back string, in []float32, n int, shape, other graph.Shape) ([][]image.Image, error) {
	size, translatedSize := len(in)/n, shape.H*shape.W*other.C
	translatedShape := graph.Shape{H: shape.H, W: shape.W, C: other.C}
	rows := make([][]image.Image, n)
	for i := range rows {
		picture := in[i*size:][:size]
		translated, err := t.Translate(forth, picture, 1, shape)
		if err != nil {
			return nil, err
		}
		reconstructed, err := t.Translate(back, translated[:translatedSize], 1, translatedShape)
		if err != nil {
			return nil, err
		}
		for _, p := range []struct {
			values []float32
			shape  graph.Shape
		}{{picture, shape}, {translated, translatedShape}, {reconstructed, shape}} {
			spec := pixels.Spec{Layout: pixels.NHWC, Range: pixels.Symmetric, Channels: p.shape.C}
			img, err := spec.Picture(p.values, p.shape.W, p.shape.H)
			if err != nil {
				return nil, err
			}
			rows[i] = append(rows[i], img)
		}
	}
	return rows, nil
}
