//go:build tensorflow

package train

import (
	"context"
	"fmt"

	"cyclegan/train/dataset"
	"cyclegan/train/step"
)

// WarmUp trains the discriminators for warmup_D steps, or for what is left of them, before the
// first step of the generators. Images of the other domain take the place of translated ones, so
// that the discriminators know what distinguishes the domains before a generator learns from them.
// After each step it calls report, which may be nil, with the steps done, their number, and the
// losses. When ctx ends, it stops after the current step and returns the context's error.
func (t *Trainer) WarmUp(ctx context.Context, data *dataset.Dataset, report func(done, steps int, dA, dB float64)) error {
	steps := int64(t.opts.WarmupD)
	if t.step > 0 || t.warm >= steps {
		return nil
	}
	next := data.Prefetch(ctx, int(t.warm))
	defer next.Close()
	for t.warm < steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := next.Next()
		if err != nil {
			return fmt.Errorf("step %d of the warm-up: %w", t.warm+1, err)
		}
		losses, err := t.warmUpOn(b)
		b.Release()
		if err != nil {
			return fmt.Errorf("step %d of the warm-up: %w", t.warm+1, err)
		}
		t.warm++
		if err := losses.checkFinite(0); err != nil {
			return err
		}
		if report != nil {
			report(int(t.warm), int(steps), losses.DA, losses.DB)
		}
	}
	return nil
}

func (t *Trainer) warmUpOn(b *dataset.Batch) (losses Losses, err error) {
	if err := t.accepts(b); err != nil {
		return losses, err
	}
	_, rate := t.opts.LearningRates(1)
	d, err := t.graph.WarmUpDiscriminators(t.run, step.Images{A: b.A, B: b.B}, t.warm, rate)
	if err != nil {
		return losses, err
	}
	return Losses{DA: d[0], DB: d[1]}, nil
}
