//go:build tensorflow

package train

import (
	"context"
	"fmt"
	"time"

	"cyclegan/train/dataset"
)

// Progress is what a hook sees after a step.
type Progress struct {
	Trainer *Trainer
	Data    *dataset.Dataset
	// Step counts from 1 over all resumes; Steps is where the run will end.
	Step, Steps int64
	// Epoch counts from 1, Batch from 1 within it, to Batches.
	Epoch, Batch, Batches int
	Losses                Losses
	RateG, RateD          float64       // learning rates
	Took                  time.Duration // the step, waiting for its data included
}

// Seen is the number of pictures of each domain that the run has used.
func (p Progress) Seen() int64 { return p.Step * int64(p.Trainer.opts.BatchSize) }

// Crossed reports whether this step brought Seen to or over a multiple of n,
// for a hook that acts every n pictures.
func (p Progress) Crossed(n int) bool {
	batch := int64(p.Trainer.opts.BatchSize)
	return p.Seen()/int64(n) > (p.Seen()-batch)/int64(n)
}

// EpochEnd reports whether this was the last step of its epoch.
func (p Progress) EpochEnd() bool { return p.Batch == p.Batches }

// A Hook is called after each step, on the training goroutine. An error ends
// the run.
type Hook func(Progress) error

// Run trains from where the trainer stands to the end of the schedule, or to
// max_steps. When ctx ends it stops after the step at hand and returns the
// context's error; the trainer is then as good as after any other step.
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
