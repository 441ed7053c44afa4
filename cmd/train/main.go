//go:build tensorflow

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"cyclegan/graph"
	"cyclegan/infer/pixels"
	"cyclegan/train"
	"cyclegan/train/dataset"
)

func main() {
	c, status, ok := start(os.Args[1:], os.Stderr)
	if !ok {
		os.Exit(status)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the program at once.
	context.AfterFunc(ctx, stop)
	err := c.run(ctx)
	switch {
	case err == nil:
		os.Exit(exitDone)
	case errors.Is(err, context.Canceled):
		os.Exit(exitInterrupted)
	}
	fmt.Fprintf(os.Stderr, "train: %v\n", err)
	var diverged *train.NotFiniteError
	if errors.As(err, &diverged) {
		fmt.Fprintf(os.Stderr, "the checkpoints in %s are from before; go on from the newest with a lower rate:\n  go run ./cmd/train %s -lr %g\n",
			filepath.Join(c.opts.Dir(), "checkpoints"), c.continueFlags(), c.opts.LR/2)
	}
	os.Exit(exitFailed)
}

// run is the whole training: open, train, save, export.
func (c *command) run(ctx context.Context) error {
	printNotes(c.notes)
	data, err := dataset.Open(c.opts.Dataset())
	if err != nil {
		return err
	}
	defer data.Close()
	fmt.Println(data)
	for i, skip := range data.Skipped() {
		if i == 5 {
			fmt.Printf("  ... and %d more\n", len(data.Skipped())-i)
			break
		}
		fmt.Printf("  skipped %s: %v\n", skip.Name, skip.Err)
	}

	trainer, err := c.trainer(data)
	if err != nil {
		return err
	}
	defer trainer.Close()
	if err := os.MkdirAll(c.opts.Dir(), 0o755); err != nil {
		return fmt.Errorf("make the run's folder: %w", err)
	}
	if err := c.opts.Save(filepath.Join(c.opts.Dir(), train.OptionsFile)); err != nil {
		return err
	}
	steps := c.opts.StepsOf(data.Batches())
	fmt.Printf("run %s: preset %s, %s, %s; steps %d to %d\n", c.opts.Dir(), c.opts.Preset, trainer.Device(), c.opts.Precision, trainer.Steps()+1, steps)
	if trainer.Steps() >= steps {
		fmt.Println("nothing is left to train; raise -max_steps or -n_epochs to go on")
	}

	if c.verbose {
		if err := trainer.Describe(os.Stdout); err != nil {
			return err
		}
	}
	attached, err := c.attach(trainer, data)
	if err != nil {
		return err
	}
	defer attached.close()
	err = train.Run(ctx, trainer, data, attached.hooks...)
	attached.pause()
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	checkpoint, saveErr := trainer.SaveCheckpoint(data)
	if saveErr != nil {
		return saveErr
	}
	if err != nil {
		fmt.Printf("\ninterrupted after step %d, which is saved; to go on:\n  go run ./cmd/train %s\n", checkpoint.Step, c.continueFlags())
		return err
	}
	if err := attached.finish(); err != nil {
		return err
	}
	models, err := train.ExportGenerators(ctx, checkpoint, c.opts, c.opts.Dir(), writer)
	if err != nil {
		return err
	}
	return c.printNext(models, data)
}

// trainer builds the networks, and takes up a checkpoint to go on from.
func (c *command) trainer(data *dataset.Dataset) (*train.Trainer, error) {
	first, err := data.Batch(1, 0)
	if err != nil {
		return nil, err
	}
	shapeA := graph.Shape{H: first.HA, W: first.WA, C: first.CA}
	shapeB := graph.Shape{H: first.HB, W: first.WB, C: first.CB}
	first.Release()
	t, err := train.NewTrainer(c.opts, shapeA, shapeB)
	if err != nil {
		return nil, err
	}
	if err := c.begin(t, data); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// begin gives the networks the weights that they start or go on from.
func (c *command) begin(t *train.Trainer, data *dataset.Dataset) error {
	if c.resume {
		err := c.restore(t, data)
		if !errors.Is(err, errNoCheckpoint) {
			return err
		}
		fmt.Printf("run %s was stopped before its first checkpoint; it starts again\n", c.opts.Dir())
	}
	taken, err := t.LoadInitial()
	for _, line := range taken {
		fmt.Println(line)
	}
	return err
}

func (c *command) restore(t *train.Trainer, data *dataset.Dataset) error {
	checkpoint, err := c.checkpoint()
	if err != nil {
		return err
	}
	if err := t.Restore(checkpoint); err != nil {
		return err
	}
	epoch, _ := data.At(int(checkpoint.Step))
	if c.explicit["epoch_count"] && c.epochCount != epoch {
		return fmt.Errorf("-epoch_count %d: the checkpoint goes on in epoch %d; leave the option out", c.epochCount, epoch)
	}
	fmt.Printf("going on after step %d, in epoch %d\n", checkpoint.Step, epoch)
	if checkpoint.Device != t.Device() {
		fmt.Printf("note: the run was on %s, this is %s: it goes on, but not bit for bit as it would have\n", checkpoint.Device, t.Device())
	}
	if checkpoint.Batches != data.Batches() {
		fmt.Printf("note: an epoch had %d batches and has %d now: the pictures have changed, so their order has too\n", checkpoint.Batches, data.Batches())
	}
	return c.opts.SupersedeAfter(checkpoint.Step)
}

var errNoCheckpoint = errors.New("no checkpoint")

// checkpoint loads the one that -epoch and -load_iter ask for.
func (c *command) checkpoint() (*train.Checkpoint, error) {
	if c.loadIter > 0 {
		return c.opts.IterCheckpoint(c.loadIter)
	}
	if c.epoch != "latest" {
		epoch, err := strconv.Atoi(c.epoch)
		if err != nil || epoch < 1 {
			return nil, fmt.Errorf("-epoch %q is neither latest nor the number of an epoch", c.epoch)
		}
		return c.opts.EpochCheckpoint(epoch)
	}
	checkpoint, damaged, err := c.opts.LatestCheckpoint()
	for _, d := range damaged {
		fmt.Fprintf(os.Stderr, "%v; taking the one before it\n", d)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoCheckpoint
	}
	return checkpoint, err
}

// continueFlags are what names this run on a command line.
func (c *command) continueFlags() string {
	flags := []string{"-name", quote(c.opts.Name), "-continue_train"}
	if c.explicit["checkpoints_dir"] {
		flags = append(flags, "-checkpoints_dir", quote(c.opts.CheckpointsDir))
	}
	return strings.Join(flags, " ")
}

// printNext says what has been made and what to type next.
func (c *command) printNext(models []string, data *dataset.Dataset) error {
	fmt.Printf("\ndone. Look at %s and %s, then convert pictures:\n", filepath.Join(c.opts.Dir(), latestSamples), filepath.Join(c.opts.Dir(), lossPlot))
	a, b := data.Domains()
	dirA, dirB := c.opts.DirA, c.opts.DirB
	if c.opts.Direction == "BtoA" {
		dirA, dirB = dirB, dirA
	}
	for _, m := range []struct {
		model, from, to, folder, given string
		set                            *dataset.Set
	}{
		{models[0], a, b, "testA", dirA, data.TestA()},
		{models[1], b, a, "testB", dirB, data.TestB()},
	} {
		in, err := c.pictures(m.folder, m.given, m.set)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(filepath.Base(m.model), ".onnx")
		fmt.Printf("  %s to %s:\n    go run ./cmd/infer -model %s -in %s -out %s\n", m.from, m.to, quote(m.model), quote(in), quote(filepath.Join("results", c.opts.Name, name)))
	}
	return nil
}

// pictures names a folder to try a generator on: the data's own test pictures,
// or, where the data was drawn, some drawings that it hasn't seen.
func (c *command) pictures(folder, given string, set *dataset.Set) (string, error) {
	if given != "" {
		return given, nil
	}
	if c.opts.Dataroot != "" {
		if c.opts.Direction == "BtoA" {
			folder = map[string]string{"testA": "testB", "testB": "testA"}[folder]
		}
		path := filepath.Join(c.opts.Dataroot, folder)
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return path, nil
		}
		return "FOLDER_OF_PICTURES", nil
	}
	dir := filepath.Join(c.opts.Dir(), folder)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make a folder of scenes: %w", err)
	}
	const scenes, scale = 8, 2
	for i := range min(scenes, set.Len()) {
		size := scale * c.opts.CropSize
		img, err := set.Image(i, size, size)
		if err != nil {
			return "", err
		}
		if err := pixels.Save(filepath.Join(dir, fmt.Sprintf("scene_%02d.png", i+1)), img, pixels.SaveOptions{}); err != nil {
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

// writer names this program in the files that it writes.
const writer = "cyclegan train"
