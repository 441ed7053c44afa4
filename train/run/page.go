//go:build tensorflow

package run

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"cyclegan/train"
	"cyclegan/train/inspect"
	"cyclegan/train/report"
)

// page is the run's report.html.
type page struct {
	*run
	writer   report.PageWriter
	written  time.Time
	exported bool // the run has ended, and its models are written
}

// pagePeriod is the shortest time between two updates during training, except for new samples.
const pagePeriod = 15 * time.Second

// update writes report.html if now is set or the last update is old enough.
func (p *page) update(status report.Status, now bool) {
	if !now && time.Since(p.written) < pagePeriod {
		return
	}
	p.written = time.Now()
	content := p.content(status)
	p.tolerate("the report", content.Step, p.writer.Save(content, filepath.Join(p.opts.Dir(), reportFile)))
}

func (p *page) content(status report.Status) *report.Page {
	step, steps := p.trainer.Steps(), p.planned()
	epochs, _ := p.data.At(int(max(p.trainer.Used()+steps-step, 1) - 1))
	seconds := 0.0
	if perStep := p.journal.history.SecondsPerStep; len(perStep.Y) > 0 {
		seconds = perStep.Y[len(perStep.Y)-1]
	}
	c := &report.Page{
		Name: p.opts.Name, Status: status, Refresh: 2 * pagePeriod,
		Step: step, Steps: steps, Epoch: p.epoch, Epochs: epochs,
		Started: p.journal.started, Updated: time.Now(), Elapsed: p.journal.trained,
		Remaining: p.timing.left(), SecondsPerStep: seconds,
		MemoryPeak: memoryPeak(), Device: p.trainer.Device(), Precision: p.opts.Precision, Version: exporter.Writer,
		Data: p.dataLines(), History: p.journal.history, Options: p.optionRows(), Commands: p.commands(),
	}
	if p.evaluation != nil {
		c.Evaluations = p.evaluation.list
	}
	if status != report.Running {
		c.Result = p.result(p.exported)
	}
	var err error
	c.Warnings, err = report.ReadWarnings(filepath.Join(p.opts.Dir(), warningsFile))
	p.tolerate("the warnings", step, err)
	dir := filepath.Join(p.opts.Dir(), samplesDir)
	files, _ := os.ReadDir(dir) // sorted by name
	for _, f := range files {
		sheet := report.Sheet{Path: filepath.Join(dir, f.Name())}
		if _, err := fmt.Sscanf(f.Name(), sampleFile, &sheet.Step); err == nil && sheet.Step <= step {
			c.Sheets = append(c.Sheets, sheet)
		}
	}
	return c
}

// dataLines describe the dataset.
func (p *page) dataLines() []string {
	lines := []string{p.data.String()}
	for _, f := range p.found.Findings {
		if f.Severity != inspect.Warning { // those are among the warnings
			lines = append(lines, fmt.Sprintf("%s: %s", f.Severity, f.Title))
		}
	}
	return lines
}

// optionRows lists the options with the defaults of the preset.
func (r *run) optionRows() []report.Option {
	preset, err := train.Preset(r.opts.Preset)
	if err != nil {
		return nil
	}
	var rows []report.Option
	defaults := preset.List()
	for i, o := range r.opts.List() {
		rows = append(rows, report.Option{
			Name: o.Name, Value: o.Value, Default: defaults[i].Value, Usage: o.Usage, Changed: o.Value != defaults[i].Value,
		})
	}
	return rows
}
