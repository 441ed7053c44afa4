//go:build tensorflow

package train

import (
	"context"
	"fmt"
	"time"

	"cyclegan/train/dataset"
)

// Progress is the state of a run after a step, for hooks.
type Progress struct {
	Trainer *Trainer
	Data    *dataset.Dataset
	// Step counts from 1 over all resumes. Steps is the last step of the run.
	Step, Steps int64
	// Epoch counts from 1, and Batch from 1 to Batches within it.
	Epoch, Batch, Batches int
	Losses                Losses
	RateG, RateD          float64       // learning rates
	Took                  time.Duration // the step took, including the wait for its data
}

// Seen returns the number of images of each domain that the run has used.
func (p Progress) Seen() int64 { return p.Step * int64(p.Trainer.opts.BatchSize) }

// Crossed reports whether Seen reached a multiple of n in this step, for a hook that acts every n images.
func (p Progress) Crossed(n int) bool {
	batch := int64(p.Trainer.opts.BatchSize)
	return p.Seen()/int64(n) > (p.Seen()-batch)/int64(n)
}

// EpochEnd reports whether this was the last step of its epoch.
func (p Progress) EpochEnd() bool { return p.Batch == p.Batches }

// A Hook is called after each step in the training goroutine. An error ends the run.
type Hook func(Progress) error

// Run trains from the trainer's current step to the end of the schedule or to max_steps. When ctx
// ends, it stops after the current step and returns the context's error; the trainer can be used
// further.
func Run(ctx context.Context, t *Trainer, data *dataset.Dataset, hooks ...Hook) error {
	batches := data.Batches()
	steps := t.opts.StepsOf(batches)
	if t.step >= steps {
		return nil
	}
	next := data.Prefetch(ctx, int(t.step))
	defer next.Close()
	for t.step < steps {
		start := time.Now()
		if err := ctx.Err(); err != nil {
			return err
		}
		batch, err := next.Next()
		if err != nil {
			return fmt.Errorf("step %d: %w", t.step+1, err)
		}
		losses, err := t.Step(batch)
		p := Progress{
			Trainer: t, Data: data, Step: t.step, Steps: steps,
			Epoch: batch.Epoch, Batch: batch.Index + 1, Batches: batches,
			Losses: losses, Took: time.Since(start),
		}
		batch.Release()
		if err != nil {
			return err
		}
		p.RateG, p.RateD = t.opts.LearningRates(p.Epoch)
		for _, hook := range hooks {
			if err := hook(p); err != nil {
				return err
			}
		}
	}
	return nil
}
