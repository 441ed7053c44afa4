//go:build tensorflow

package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"cyclegan/graph/tfgraph"
	"cyclegan/infer/pixels"
	"cyclegan/train"
	"cyclegan/train/checkpoint"
	"cyclegan/train/dataset"
	"cyclegan/train/export"
	"cyclegan/train/inspect"
	"cyclegan/train/report"
	"cyclegan/train/scenes"
)

// exporter writes the run's generators.
var exporter = export.Exporter{Reference: tfgraph.Evaluate, Writer: "cyclegan train"}

// finish saves the last state, draws it and exports the generators.
func (r *run) finish(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			r.page.update(report.Failed, true)
		}
	}()
	last, err := r.saver.Save()
	if err != nil {
		return err
	}
	if err := r.samples.draw(); err != nil {
		r.Display.Say(fmt.Sprintf("could not draw the samples: %v", err))
	}
	models, err := exporter.WriteCheckpoint(ctx, r.opts.Dir(), last, r.opts.Weights()[0], r.opts.Generator)
	if err == nil {
		err = r.exportOthers(ctx, last)
	}
	if err != nil {
		return fmt.Errorf("%w\nThe training is saved. To export it again: %s", err, r.exportCommand(""))
	}
	r.page.exported = true
	r.page.update(report.Done, true)
	if n := len(r.data.Skipped()); n > 0 {
		fmt.Fprintf(r.Out, "\nskipped images that are unreadable or too small: %d\n", n)
	}
	for i, line := range r.evaluation.result(true) {
		indent := "  "
		if i == 0 {
			indent = "\n"
		}
		fmt.Fprintln(r.Out, indent+line)
	}
	return r.printNext(models)
}

// exportOthers exports the best generators and, with -ema, the last ones without averaging.
func (r *run) exportOthers(ctx context.Context, last *checkpoint.Checkpoint) error {
	if r.opts.EMA > 0 {
		if err := r.exportTo(ctx, latestDir, last, train.WeightsLatest); err != nil {
			return err
		}
	}
	best, err := r.opts.Checkpoints().Best()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // never evaluated
	}
	if err != nil {
		r.Display.Say(fmt.Sprintf("%v; the best generators are not exported", err))
		return nil
	}
	return r.exportTo(ctx, bestDir, best, best.Best.Weights)
}

func (r *run) exportTo(ctx context.Context, folder string, c *checkpoint.Checkpoint, weights string) error {
	dir, err := r.createDir(folder)
	if err == nil {
		_, err = exporter.WriteCheckpoint(ctx, dir, c, weights, r.opts.Generator)
	}
	return err
}

// printNext prints the commands that convert images.
func (r *run) printNext(models []string) error {
	fmt.Fprintf(r.Out, "\ndone. Open %s in a browser, then convert images:\n", filepath.Join(r.opts.Dir(), reportFile))
	a, b := r.data.Domains()
	for i, d := range []struct {
		from, to, folder string
		set              *dataset.Set
	}{{a, b, "testA", r.data.TestA()}, {b, a, "testB", r.data.TestB()}} {
		in, err := r.imagesOf(d.folder, d.set)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.Out, "  %s to %s:\n    %s\n", d.from, d.to, r.inferCommand(models[i], in))
	}
	return nil
}

// imagesOf returns a folder to try a generator on: that of the set, or a new one with some of its images
// if the set has none.
func (r *run) imagesOf(folder string, set *dataset.Set) (string, error) {
	if dir := set.Dir(); dir != "" {
		return dir, nil
	}
	dir, err := r.createDir(folder)
	if err != nil {
		return "", err
	}
	const count = 8
	for i := range min(count, set.Len()) {
		size := 0 // its own
		if r.opts.Dataroot == "" {
			size = min(2*r.opts.CropSize, scenes.MaxSide)
		}
		img, err := set.Image(i, size, size)
		if err != nil {
			return "", err
		}
		if err := pixels.Save(filepath.Join(dir, fmt.Sprintf("picture_%02d.png", i+1)), img, pixels.SaveOptions{}); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// commands are the commands to type next, for the report.
func (r *run) commands() []report.Command {
	dir := r.opts.Dir()
	nameA, nameB := r.data.Domains()
	list := []report.Command{
		r.trainLonger(),
		{What: "export the state so far", Line: r.exportCommand("")},
	}
	if slices.ContainsFunc(r.found.Findings, func(f inspect.Finding) bool { return len(f.Files) > 0 }) {
		list = append(list, report.Command{What: "inspect all images and list the files of the warnings", Line: r.resumeCommand(" -check -verbose")})
	}
	for _, m := range []struct{ model, from, to, in, folder string }{
		{"G_AB.onnx", nameA, nameB, r.data.TestA().Dir(), "testA"}, {"G_BA.onnx", nameB, nameA, r.data.TestB().Dir(), "testB"},
	} {
		if m.in == "" {
			m.in = filepath.Join(dir, m.folder)
		}
		list = append(list, report.Command{What: "convert images, " + m.from + " to " + m.to, Line: r.inferCommand(filepath.Join(dir, m.model), m.in)})
	}
	return append(list, report.Command{What: "open in TensorBoard", Line: "tensorboard --logdir " + quote(filepath.Join(dir, eventsDir))})
}

// trainLonger resumes the run, with more steps if it is complete.
func (r *run) trainLonger() report.Command {
	steps := r.opts.StepsOf(r.data.Batches())
	switch {
	case r.trainer.Steps() < steps:
		return report.Command{What: "resume the training", Line: r.resumeCommand("")}
	case steps == r.opts.MaxSteps:
		return report.Command{What: "train as long again", Line: r.resumeCommand(fmt.Sprintf(" -max_steps %d", 2*steps))}
	}
	return report.Command{What: "train as long again", Line: r.resumeCommand(fmt.Sprintf(" -n_epochs %d", r.opts.NEpochs+r.opts.Epochs()))}
}

func (r *run) resumeCommand(options string) string {
	return r.Program("train") + " " + r.nameFlags() + " -continue_train" + options
}

func (r *run) exportCommand(options string) string {
	return r.Program("export") + " " + r.nameFlags() + options
}

func (r *run) inferCommand(model, in string) string {
	out := filepath.Join("results", r.opts.Name, strings.TrimSuffix(filepath.Base(model), ".onnx"))
	return fmt.Sprintf("%s -model %s -in %s -out %s", r.Program("infer"), quote(model), quote(in), quote(out))
}

// nameFlags are the options that name this run.
func (r *run) nameFlags() string {
	flags := "-name " + quote(r.opts.Name)
	if preset, err := train.Preset(r.opts.Preset); err != nil || preset.CheckpointsDir != r.opts.CheckpointsDir {
		flags += " -checkpoints_dir " + quote(r.opts.CheckpointsDir)
	}
	return flags
}

// quote makes a word safe to paste into a shell.
func quote(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+=:,@%") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
