//go:build tensorflow

package run

import (
	"cmp"
	"context"
	"fmt"
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
		return r.afterUnsaved(err)
	}
	if err := r.samples.draw(); err != nil {
		r.Display.Say(fmt.Sprintf("could not draw the samples: %v", err))
	}
	if err := r.export(ctx, last); err != nil {
		return fmt.Errorf("%w\nThe run is saved. To export it again: %s", err, r.exportCommand(""))
	}
	r.page.exported = true
	r.page.update(report.Done, true)
	if n := len(r.data.Skipped()); n > 0 {
		fmt.Fprintf(r.Out, "\nskipped images that are unreadable or too small: %d\n", n)
	}
	if lines := r.result(true); len(lines) > 0 {
		fmt.Fprintf(r.Out, "\n%s\n", strings.Join(lines, "\n  "))
	}
	return r.printNext()
}

// export writes the best generators to the run's folder and the last ones to a folder of their own.
// A run that was never evaluated has only the last ones, in the run's folder.
func (r *run) export(ctx context.Context, last *checkpoint.Checkpoint) error {
	weights := r.opts.Weights()[0]
	if r.best != nil {
		best, err := r.opts.Checkpoints().Best()
		if err == nil {
			if err := r.exportTo(ctx, r.opts.Dir(), best, best.Best.Weights); err != nil {
				return err
			}
			dir, err := r.createDir(latestDir)
			if err != nil {
				return err
			}
			return r.exportTo(ctx, dir, last, weights)
		}
		r.Display.Say(fmt.Sprintf("%v; exporting the generators of the last step instead", err))
		r.best = nil
	}
	return r.exportTo(ctx, r.opts.Dir(), last, weights)
}

func (r *run) exportTo(ctx context.Context, dir string, c *checkpoint.Checkpoint, weights string) error {
	_, err := exporter.WriteCheckpoint(ctx, dir, c, weights, r.opts.Generator)
	return err
}

// conversion is what to try a generator on.
type conversion struct {
	from, to, model string
	set             *dataset.Set
	folder          string // for images of the set if it has no folder itself
}

func (r *run) conversions() []conversion {
	a, b := r.data.Domains()
	return []conversion{{a, b, "G_AB.onnx", r.data.TestA(), "testA"}, {b, a, "G_BA.onnx", r.data.TestB(), "testB"}}
}

// exported says which state the generators in the run's folder have.
func (r *run) exported() string {
	if r.best == nil {
		return "last"
	}
	return "best"
}

func (r *run) convertCommand(c conversion) string {
	in := cmp.Or(c.set.Dir(), filepath.Join(r.opts.Dir(), c.folder))
	out := filepath.Join("results", r.opts.Name, strings.TrimSuffix(c.model, ".onnx"))
	return fmt.Sprintf("%s -model %s -in %s -out %s", r.Program("infer"), quote(filepath.Join(r.opts.Dir(), c.model)), quote(in), quote(out))
}

// printNext prints the commands that convert images, and writes images to convert for a set without
// a folder.
func (r *run) printNext() error {
	fmt.Fprintf(r.Out, "\ndone in %s, peak memory %.1f GiB. Open %s in a browser, then convert images with the %s state:\n",
		report.Duration(r.timing.now().Sub(r.timing.began)), gib(memoryPeak()), filepath.Join(r.opts.Dir(), reportFile), r.exported())
	for _, c := range r.conversions() {
		if c.set.Dir() == "" {
			if err := r.writeImages(c.folder, c.set); err != nil {
				return err
			}
		}
		fmt.Fprintf(r.Out, "  %s to %s:\n    %s\n", c.from, c.to, r.convertCommand(c))
	}
	if r.data.BuiltIn() {
		fmt.Fprintf(r.Out, "These generators know only drawn scenes. For photographs, use the built-in model:\n    %s -in photos -out winter\n", r.Program("infer"))
	}
	return nil
}

// writeImages writes some images of the set to a folder of the run.
func (r *run) writeImages(folder string, set *dataset.Set) error {
	dir, err := r.createDir(folder)
	if err != nil {
		return err
	}
	size := 0 // their own
	if r.data.BuiltIn() {
		size = min(2*r.opts.CropSize, scenes.MaxSide)
	}
	const count = 8
	for i := range min(count, set.Len()) {
		img, err := set.Image(i, size, size)
		if err == nil {
			err = pixels.Save(filepath.Join(dir, fmt.Sprintf("picture_%02d.png", i+1)), img, pixels.SaveOptions{})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// commands are the commands to type next, for the report.
func (r *run) commands() []report.Command {
	list := []report.Command{
		r.trainLonger(),
		{What: "export the " + r.exported() + " state so far", Line: r.exportCommand("")},
	}
	if slices.ContainsFunc(r.found.Findings, func(f inspect.Finding) bool { return len(f.Files) > 0 }) {
		list = append(list, report.Command{What: "inspect all images and list the files of the warnings", Line: r.resumeCommand(" -check -verbose")})
	}
	for _, c := range r.conversions() {
		list = append(list, report.Command{What: "convert images, " + c.from + " to " + c.to + ", with the " + r.exported() + " state", Line: r.convertCommand(c)})
	}
	return append(list, report.Command{What: "open in TensorBoard", Line: "tensorboard --logdir " + quote(filepath.Join(r.opts.Dir(), eventsDir))})
}

// trainLonger resumes the run, with more steps if it is complete.
func (r *run) trainLonger() report.Command {
	steps := r.planned()
	switch {
	case r.early != "":
		return report.Command{What: "train on", Line: r.resumeCommand(" -patience 0")}
	case r.trainer.Steps() < steps:
		return report.Command{What: "resume the run", Line: r.resumeCommand("")}
	case r.opts.MaxMinutes > 0:
		return report.Command{What: "train as long again", Line: r.resumeCommand(fmt.Sprintf(" -max_minutes %g", 2*r.opts.MaxMinutes))}
	case steps == r.opts.MaxSteps:
		return report.Command{What: "train as long again", Line: r.resumeCommand(fmt.Sprintf(" -max_steps %d", 2*steps))}
	}
	if r.opts.InSteps() {
		return report.Command{What: "train as long again", Line: r.resumeCommand(fmt.Sprintf(" -n_steps %d", r.opts.NSteps+steps))}
	}
	return report.Command{What: "train as long again", Line: r.resumeCommand(fmt.Sprintf(" -n_epochs %d", r.opts.NEpochs+r.opts.Epochs()))}
}

func (r *run) resumeCommand(options string) string {
	return r.Program("train") + " " + r.nameFlags() + " -continue_train" + options
}

func (r *run) exportCommand(options string) string {
	return r.Program("export") + " " + r.nameFlags() + options
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
