//go:build tensorflow

package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"cyclegan/train"
	"cyclegan/train/inspect"
	"cyclegan/train/report"
)

// page is the run's report.html.
type page struct {
	writer  report.PageWriter
	written time.Time
}

// pageEvery is how often the page of a running training is written at most,
// but for new pictures.
const pageEvery = 15 * time.Second

// updatePage writes report.html, now or when the last one is old enough. A
// page that can't be written is told and costs no training.
func (a *attached) updatePage(status report.Status, now bool) {
	if !now && time.Since(a.page.written) < pageEvery {
		return
	}
	a.page.written = time.Now()
	p := a.report(status)
	a.tried("the report", p.Step, a.page.writer.Save(p, filepath.Join(a.opts.Dir(), reportFile)))
}

// report is what the page shows.
func (a *attached) report(status report.Status) *report.Page {
	step, steps := a.trainer.Steps(), a.opts.StepsOf(a.data.Batches())
	seconds := 0.0
	if perStep := a.history.SecondsPerStep(); len(perStep.Y) > 0 {
		seconds = perStep.Y[len(perStep.Y)-1]
	}
	p := &report.Page{
		Name: a.opts.Name, Status: status, Refresh: 2 * pageEvery,
		Step: step, Steps: steps, Epoch: a.epoch, Epochs: a.opts.Epochs(),
		Started: a.started, Updated: time.Now(), Elapsed: a.trained,
		Remaining: time.Duration(float64(steps-step) * seconds * float64(time.Second)), SecondsPerStep: seconds,
		MemoryPeak: memoryPeak(), Device: a.trainer.Device(), Precision: a.opts.Precision, Version: exporter.Writer,
		Data: a.dataLines(), History: a.history, Evaluations: a.judged, Options: a.optionRows(), Commands: a.commands(),
	}
	if status != report.Running {
		p.Result = a.verdict()
	}
	warnings, err := report.ReadWarnings(filepath.Join(a.opts.Dir(), warningsFile))
	a.tried("the warnings", step, err)
	p.Warnings = warnings
	paths, err := filepath.Glob(filepath.Join(escapeGlob(a.opts.Dir()), samplesDir, "step_*.png"))
	if err == nil {
		slices.Sort(paths)
		for _, path := range paths {
			number := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "step_"), ".png")
			if of, err := strconv.ParseInt(number, 10, 64); err == nil && of <= step {
				p.Sheets = append(p.Sheets, report.Sheet{Step: of, Path: path})
			}
		}
	}
	return p
}

// escapeGlob makes a path match itself in filepath.Glob.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// dataLines say what is trained on, and what was noticed about it.
func (a *attached) dataLines() []string {
	lines := []string{a.data.String()}
	for _, p := range a.found.Findings {
		if p.Severity != inspect.Warning { // those stand with the warnings
			lines = append(lines, fmt.Sprintf("%s: %s", p.Severity, p.Title))
		}
	}
	return lines
}

// optionRows lists the options beside the preset's.
func (a *attached) optionRows() []report.Option {
	preset, err := train.Preset(a.opts.Preset)
	if err != nil {
		return nil
	}
	var rows []report.Option
	defaults := preset.List()
	for i, o := range a.opts.List() {
		rows = append(rows, report.Option{
			Name: o.Name, Value: o.Value, Default: defaults[i].Value, Usage: o.Usage, Changed: o.Value != defaults[i].Value,
		})
	}
	return rows
}

// goOn is how to train further: a run that is done has to be given more steps.
func (a *attached) goOn() report.Command {
	line := "go run ./cmd/train " + a.command.nameFlags() + " -continue_train"
	steps := a.opts.StepsOf(a.data.Batches())
	switch {
	case a.trainer.Steps() < steps:
		return report.Command{What: "go on with the training", Line: line}
	case steps == a.opts.MaxSteps:
		line += fmt.Sprintf(" -max_steps %d", 2*steps)
	default:
		line += fmt.Sprintf(" -n_epochs %d", a.opts.NEpochs+a.opts.Epochs())
	}
	return report.Command{What: "train as long again", Line: line}
}

// commands are what to type next.
func (a *attached) commands() []report.Command {
	c, dir := a.command, a.opts.Dir()
	nameA, nameB := a.data.Domains()
	list := []report.Command{
		a.goOn(),
		{What: "export what is learnt so far", Line: "go run ./cmd/export " + c.nameFlags()},
	}
	if slices.ContainsFunc(a.found.Findings, func(p inspect.Finding) bool { return len(p.Files) > 0 }) {
		list = append(list, report.Command{What: "look at the pictures closely, and list all that the warnings are about", Line: "go run ./cmd/train " + c.nameFlags() + " -continue_train -check -verbose"})
	}
	for _, m := range []struct{ model, from, to, in string }{
		{"G_AB.onnx", nameA, nameB, a.data.TestA().Dir()}, {"G_BA.onnx", nameB, nameA, a.data.TestB().Dir()},
	} {
		in := m.in
		if in == "" {
			in = filepath.Join(dir, "test"+m.model[2:3])
		}
		list = append(list, report.Command{
			What: "convert pictures, " + m.from + " to " + m.to,
			Line: fmt.Sprintf("go run ./cmd/infer -model %s -in %s -out %s", quote(filepath.Join(dir, m.model)), quote(in), quote(filepath.Join("results", a.opts.Name, strings.TrimSuffix(m.model, ".onnx")))),
		})
	}
	return append(list, report.Command{What: "look at it in TensorBoard", Line: "tensorboard --logdir " + quote(filepath.Join(dir, eventsDir))})
}
