//go:build tensorflow

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"cyclegan/graph"
	"cyclegan/train"
	"cyclegan/train/checkpoint"
	"cyclegan/train/dataset"
)

// trainer builds the networks, and takes up a checkpoint to go on from, which it
// returns too; nil for a run that starts.
func (c *command) trainer(data *dataset.Dataset) (*train.Trainer, *checkpoint.Checkpoint, error) {
	first, err := data.Batch(1, 0)
	if err != nil {
		return nil, nil, err
	}
	shapeA := graph.Shape{H: first.HA, W: first.WA, C: first.CA}
	shapeB := graph.Shape{H: first.HB, W: first.WB, C: first.CB}
	first.Release()
	t, err := train.NewTrainer(c.opts, shapeA, shapeB)
	if err != nil {
		return nil, nil, err
	}
	from, err := c.begin(t, data)
	if err != nil {
		t.Close()
		return nil, nil, err
	}
	return t, from, nil
}

// begin gives the networks the weights that they start or go on from.
func (c *command) begin(t *train.Trainer, data *dataset.Dataset) (*checkpoint.Checkpoint, error) {
	if c.resume {
		from, err := c.restore(t, data)
		if !errors.Is(err, errNoCheckpoint) {
			return from, err
		}
		if kept := c.opts.Checkpoints().Kept(); len(kept) > 0 {
			return nil, fmt.Errorf("run %s has no newest checkpoint, but it has kept %s: name one with -epoch or -load_iter", c.opts.Dir(), strings.Join(kept, ", "))
		}
		fmt.Printf("run %s was stopped before its first checkpoint; it starts again\n", c.opts.Dir())
	}
	taken, err := t.LoadInitial()
	for _, line := range taken {
		fmt.Println(line)
	}
	return nil, err
}

func (c *command) restore(t *train.Trainer, data *dataset.Dataset) (*checkpoint.Checkpoint, error) {
	checkpoint, err := c.checkpoint()
	if err != nil {
		return nil, err
	}
	if err := t.Restore(checkpoint); err != nil {
		return nil, err
	}
	epoch, _ := data.At(int(checkpoint.Step))
	if c.explicit["epoch_count"] && c.epochCount != epoch {
		return nil, fmt.Errorf("-epoch_count %d: the checkpoint goes on in epoch %d; leave the option out", c.epochCount, epoch)
	}
	fmt.Printf("going on after step %d, in epoch %d\n", checkpoint.Step, epoch)
	switch {
	case checkpoint.Device != t.Device():
		fmt.Printf("note: the run was on %s, this is %s: it goes on, but not bit for bit as it would have\n", checkpoint.Device, t.Device())
	case t.OnGPU():
		fmt.Println("note: a GPU adds up in no fixed order: the run goes on, but not bit for bit as it would have")
	}
	if checkpoint.Batches != data.Batches() {
		fmt.Printf("note: an epoch had %d batches and has %d now: the pictures have changed, so their order has too\n", checkpoint.Batches, data.Batches())
	}
	return checkpoint, nil
}

var errNoCheckpoint = errors.New("no checkpoint")

// checkpoint loads the one that -epoch and -load_iter ask for.
func (c *command) checkpoint() (*checkpoint.Checkpoint, error) {
	if c.loadIter > 0 {
		return c.opts.Checkpoints().Iteration(c.loadIter)
	}
	if c.epoch == "best" {
		return c.opts.Checkpoints().Best()
	}
	if c.epoch != "latest" {
		epoch, err := strconv.Atoi(c.epoch)
		if err != nil || epoch < 1 {
			return nil, fmt.Errorf("-epoch %q is neither latest nor best nor the number of an epoch", c.epoch)
		}
		return c.opts.Checkpoints().Epoch(epoch)
	}
	checkpoint, damaged, err := c.opts.Checkpoints().Latest()
	if err == nil {
		for _, d := range damaged {
			fmt.Fprintf(os.Stderr, "%v; taking the one before it\n", d)
		}
	} else if kept := c.opts.Checkpoints().Kept(); len(damaged) > 0 && len(kept) > 0 {
		err = fmt.Errorf("%w; the run has kept %s as well: name one with -epoch or -load_iter", err, strings.Join(kept, ", "))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoCheckpoint
	}
	return checkpoint, err
}
