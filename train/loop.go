//go:build tensorflow

package train

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cyclegan/train/dataset"
)

// Progress is the state of a run after a step, for hooks.
type Progress struct {
	Trainer *Trainer
	Data    *dataset.Dataset
	// Step counts from 1 over all resumes. Steps is the last step of the run, which changes with
	// the trainer's pace.
	Step, Steps int64
	// Epoch counts from 1, and Batch from 1 to Batches within it.
	Epoch, Batch, Batches int
	Losses                Losses
	RateG, RateD          float64       // learning rates
	Took                  time.Duration // the step took, including the wait for its data
}

// Seen returns the number of images of each domain that the run has used.
func (p Progress) Seen() int64 { return p.Trainer.Seen() }

// Crossed reports whether Seen reached a multiple of n in this step, for a hook that acts every n
// images.
func (p Progress) Crossed(n int) bool {
	batch := int64(p.Trainer.opts.BatchSize)
	return p.Seen()/int64(n) > (p.Seen()-batch)/int64(n)
}

// EpochEnd reports whether this was the last step of its epoch.
func (p Progress) EpochEnd() bool { return p.Batch == p.Batches }

// A Hook is called after each step in the training goroutine. An error ends the run.
type Hook func(Progress) error

// ErrStop is the error with which a hook ends a run that is complete: the other hooks are still
// called, and Run returns nil.
var ErrStop = errors.New("the run is complete")

// Run trains from the trainer's current step, after what is left of the warm-up, to the end of the
// schedule or to max_steps. When ctx ends, it stops after the current step and returns the
// context's error; the trainer can be used further.
func Run(ctx context.Context, t *Trainer, data *dataset.Dataset, hooks ...Hook) error {
	batches := data.Batches()
	t.SetEpoch(batches)
	if t.Done(batches) {
		return nil
	}
	if err := t.WarmUp(ctx, data, nil); err != nil {
		return err
	}
	next := data.Prefetch(ctx, int(t.used))
	defer next.Close()
	for stopped := false; !stopped && !t.Done(batches); {
		start := time.Now()
		if err := ctx.Err(); err != nil {
			return err
		}
		batch, err := next.Next()
		if err != nil {
			return fmt.Errorf("step %d: %w", t.step+1, err)
		}
		rateG, rateD := t.opts.LearningRates(t.at(t.opts))
		losses, err := t.stepAt(batch, rateG, rateD)
		p := Progress{
			Trainer: t, Data: data, Step: t.step, Steps: t.PlannedSteps(batches),
			Epoch: batch.Epoch, Batch: batch.Index + 1, Batches: batches,
			Losses: losses, RateG: rateG, RateD: rateD, Took: time.Since(start),
		}
		batch.Release()
		if err != nil {
			return err
		}
		for _, hook := range hooks {
			switch err := hook(p); {
			case errors.Is(err, ErrStop):
				stopped = true
			case err != nil:
				return err
			}
		}
	}
	return nil
}
