//go:build tensorflow

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"cyclegan/cmd/internal/cli"
	"cyclegan/graph/tfgraph"
	"cyclegan/infer/pixels"
	"cyclegan/train"
	"cyclegan/train/checkpoint"
	"cyclegan/train/dataset"
	"cyclegan/train/export"
	"cyclegan/train/inspect"
	"cyclegan/train/report"
	"cyclegan/train/scenes"
	"cyclegan/train/watch"
	"cyclegan/train/worker"
)

func main() {
	c, status, ok := start(os.Args[1:], os.Stderr)
	if !ok {
		os.Exit(status)
	}
	if c.check {
		os.Exit(c.checkOnly(os.Stdout, os.Stderr))
	}
	// A closed terminal is a Ctrl-C from far away. A second one ends the
	// program at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	run := c.run
	if c.worker != "" {
		run = c.serve
	}
	err := run(ctx)
	switch {
	case err == nil:
		os.Exit(cli.Done)
	case errors.Is(err, context.Canceled):
		os.Exit(cli.Interrupted)
	}
	fmt.Fprintf(os.Stderr, "train: %v\n", err)
	os.Exit(cli.Failed)
}

// run is the whole training: open, train, save, export.
func (c *command) run(ctx context.Context) error {
	for _, note := range c.notes {
		fmt.Fprintln(os.Stderr, "note: "+note)
	}
	release, err := c.opts.Claim()
	if err != nil {
		return err
	}
	defer release()
	data, err := dataset.Open(c.opts.Dataset())
	if err != nil {
		return err
	}
	defer data.Close()
	found, err := c.inspect(ctx, data, os.Stdout)
	if err != nil {
		return err
	}

	if err := c.awaitWorkers(ctx); err != nil {
		return err
	}
	trainer, from, err := c.trainer(data)
	if err != nil {
		return err
	}
	defer trainer.Close()
	c.printPlan(trainer, data)
	if c.verbose {
		if err := trainer.Describe(os.Stdout); err != nil {
			return err
		}
	}
	attached, err := c.attach(ctx, trainer, data, found, from)
	if err != nil {
		return err
	}
	defer attached.close()
	// Only now: what can't be begun leaves no run behind, and no mistake in one.
	if err := c.opts.Save(filepath.Join(c.opts.Dir(), train.OptionsFile)); err != nil {
		return err
	}
	if err := c.train(ctx, trainer, data, attached); err != nil {
		return err
	}
	// What follows takes seconds, and ends a training that may have taken
	// days: it isn't interrupted.
	return c.finish(context.WithoutCancel(ctx), attached)
}

// inspect is the quick look that every training begins with: it decodes
// nothing, and reads only files that may be identical to others.
func (c *command) inspect(ctx context.Context, data *dataset.Dataset, out io.Writer) (*inspect.Result, error) {
	found, err := inspect.Dataset(ctx, data, inspect.Options{})
	if err != nil {
		return nil, err
	}
	if found.BuiltIn {
		fmt.Fprintln(out, data)
	} else if err := found.Fprint(out, false); err != nil {
		return nil, err
	}
	return found, found.Err()
}

// printPlan says what is going to be trained, and how far.
func (c *command) printPlan(t *train.Trainer, data *dataset.Dataset) {
	for _, change := range c.opts.Changed(c.saved) {
		if c.resume {
			fmt.Println("changed since the run was saved: " + change)
		}
	}
	steps := c.opts.StepsOf(data.Batches())
	end := fmt.Sprintf("%d epochs", c.opts.Epochs())
	if steps == c.opts.MaxSteps {
		end = "-max_steps"
	}
	if t.Steps() >= steps {
		fmt.Printf("run %s: all %d steps are made (%s), nothing is left to train; raise -max_steps or -n_epochs to go on\n", c.opts.Dir(), t.Steps(), end)
		return
	}
	fmt.Printf("run %s: preset %s, %s, %s; steps %d to %d (%s)\n", c.opts.Dir(), c.opts.Preset, t.Device(), c.opts.Precision, t.Steps()+1, steps, end)
}

// train runs the loop. However it ends, short of divergence, the state is
// saved and the person told how to go on.
func (c *command) train(ctx context.Context, t *train.Trainer, data *dataset.Dataset, a *attached) error {
	err := train.Run(ctx, t, data, a.hooks...)
	a.meter.stop()
	if err == nil {
		a.missedProfile()
		return nil
	}
	var diverged *train.NotFiniteError
	if errors.As(err, &diverged) {
		err = c.afterDivergence(err)
		a.warn([]watch.Warning{{Step: diverged.Step, Title: watch.Diverging, Text: err.Error()}})
		a.updatePage(report.Diverged, true)
		return err
	}
	var lost *worker.UnreachableError
	if errors.As(err, &lost) {
		a.updatePage(report.Failed, true)
		return c.afterLoss(errors.Join(err, a.saver.Flush()), lost)
	}
	what, status := "interrupted", report.Interrupted
	if !errors.Is(err, context.Canceled) {
		what, status = "stopped by an error", report.Failed
	}
	checkpoint, saveErr := a.saver.Save()
	a.updatePage(status, true)
	if saveErr != nil {
		return fmt.Errorf("%s (%v), and the state after step %d can't be saved: %w\nthe newest checkpoint is of step %d", what, err, t.Steps(), saveErr, a.saver.Saved())
	}
	fmt.Printf("%s after step %d, which is saved; to go on:\n  go run ./cmd/train %s\nto convert pictures with what is learnt so far, first:\n  go run ./cmd/export %s\n",
		what, checkpoint.Step, c.nameFlags()+" -continue_train", c.nameFlags())
	if a.best != nil {
		fmt.Printf("or with the best, of step %d:\n  go run ./cmd/export %s -epoch best\n", a.best.Step, c.nameFlags())
	}
	return err
}

// afterDivergence adds to the error what a person can do.
func (c *command) afterDivergence(err error) error {
	lower := fmt.Sprintf("-lr %g", c.opts.LR/2)
	if c.opts.LRD > 0 {
		lower += fmt.Sprintf(" -lr_D %g", c.opts.LRD/2)
	}
	checkpoint, _, loadErr := c.opts.Checkpoints().Latest()
	if loadErr != nil {
		return fmt.Errorf("%w; there is no checkpoint from before, so start again with a lower rate, such as %s", err, lower)
	}
	return fmt.Errorf("%w; the checkpoint of step %d is from before, so go on from it with a lower rate:\n  go run ./cmd/train %s -continue_train %s", err, checkpoint.Step, c.nameFlags(), lower)
}

// finish saves, draws and exports what was learnt.
func (c *command) finish(ctx context.Context, a *attached) (err error) {
	defer func() {
		if err != nil {
			a.updatePage(report.Failed, true)
		}
	}()
	checkpoint, err := a.saver.Save()
	if err != nil {
		return err
	}
	if err := a.draw(); err != nil {
		fmt.Fprintf(os.Stderr, "could not draw: %v\n", err)
	}
	models, err := exporter.WriteCheckpoint(ctx, c.opts.Dir(), checkpoint, c.opts.Weights()[0], c.opts.Generator)
	if err == nil {
		err = c.exportOthers(ctx, checkpoint)
	}
	if err != nil {
		return fmt.Errorf("%w\nthe training is saved; to export it again: go run ./cmd/export %s", err, c.nameFlags())
	}
	a.exported = true
	a.updatePage(report.Done, true)
	if n := len(a.data.Skipped()); n > 0 {
		fmt.Printf("\nleft out because they can't be read or are too small: %d of the pictures\n", n)
	}
	a.printVerdict()
	return c.printNext(models, a.data)
}

// exportOthers exports what is kept beside the newest generators: those that
// were judged best, and with -ema those without averaging.
func (c *command) exportOthers(ctx context.Context, newest *checkpoint.Checkpoint) error {
	if c.opts.EMA > 0 {
		if err := c.exportTo(ctx, newest, train.WeightsLatest, latestDir); err != nil {
			return err
		}
	}
	best, err := c.opts.Checkpoints().Best()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // never judged
	case err != nil:
		fmt.Fprintf(os.Stderr, "%v; the best generators are not exported\n", err)
		return nil
	}
	return c.exportTo(ctx, best, best.Best.Weights, bestDir)
}

func (c *command) exportTo(ctx context.Context, checkpoint *checkpoint.Checkpoint, weights, folder string) error {
	dir := filepath.Join(c.opts.Dir(), folder)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make a folder for models: %w", err)
	}
	_, err := exporter.WriteCheckpoint(ctx, dir, checkpoint, weights, c.opts.Generator)
	return err
}

// nameFlags are what names this run on a command line.
func (c *command) nameFlags() string {
	flags := "-name " + quote(c.opts.Name)
	if c.explicit["checkpoints_dir"] {
		flags += " -checkpoints_dir " + quote(c.opts.CheckpointsDir)
	}
	return flags
}

// printNext says what has been made and what to type next.
func (c *command) printNext(models []string, data *dataset.Dataset) error {
	fmt.Printf("\ndone. Open %s in a browser, then convert pictures:\n", filepath.Join(c.opts.Dir(), reportFile))
	a, b := data.Domains()
	for _, m := range []struct {
		model, from, to, folder string
		set                     *dataset.Set
	}{
		{models[0], a, b, "testA", data.TestA()},
		{models[1], b, a, "testB", data.TestB()},
	} {
		in, err := c.pictures(m.folder, m.set)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(filepath.Base(m.model), ".onnx")
		fmt.Printf("  %s to %s:\n    go run ./cmd/infer -model %s -in %s -out %s\n", m.from, m.to, quote(m.model), quote(in), quote(filepath.Join("results", c.opts.Name, name)))
	}
	return nil
}

// pictures names a folder to try a generator on: the one that the set's
// pictures lie in, or a new one with some of them where they lie in none.
func (c *command) pictures(folder string, set *dataset.Set) (string, error) {
	if dir := set.Dir(); dir != "" {
		return dir, nil
	}
	dir := filepath.Join(c.opts.Dir(), folder)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make a folder of pictures: %w", err)
	}
	const count = 8
	for i := range min(count, set.Len()) {
		size := 0 // its own
		if c.opts.Dataroot == "" {
			size = min(2*c.opts.CropSize, scenes.MaxSide)
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

// quote makes a word safe to paste into a shell.
func quote(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+=:,@%") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// exporter writes the run's generators.
var exporter = export.Exporter{Reference: tfgraph.Evaluate, Writer: "cyclegan train"}
