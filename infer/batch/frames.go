package batch

import (
	"context"
	"fmt"
	"image"
	"io"
	"iter"
	"time"

	"cyclegan/infer"
	"cyclegan/infer/pixels"
)

// translation is the result of a frame.
type translation struct {
	img    image.Image
	tiling infer.Tiling
	err    error
}

// results translates the frames of an animation or a video. It passes Options.Workers of them to
// the Translator concurrently, like the images of a folder, and yields the results in order. It
// ends with the first error.
func (c *Converter) results(ctx context.Context, frames iter.Seq2[image.Image, error]) iter.Seq[translation] {
	return func(yield func(translation) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		// The buffer bounds the frames in memory: those in the queue, one that waits for a place in
		// it, and the one that is yielded.
		queue := make(chan chan translation, max(c.opt.Workers-1, 0))
		go func() {
			defer close(queue)
			for img, err := range frames {
				result := make(chan translation, 1)
				select {
				case queue <- result:
				case <-ctx.Done():
					return
				}
				if err != nil {
					result <- translation{err: err}
					return
				}
				go func() {
					t := translation{}
					t.img, t.tiling, t.err = c.apply(ctx, img)
					result <- t
				}()
			}
		}()
		// Neither the model nor the iterator of the frames is in use when this one returns.
		defer func() {
			cancel()
			for result := range queue {
				<-result
			}
		}()
		for result := range queue {
			if t := <-result; !yield(t) || t.err != nil {
				return
			}
		}
		if err := context.Cause(ctx); err != nil {
			yield(translation{err: err})
		}
	}
}

// apply passes an image to the Translator, at most Options.Workers at a time.
func (c *Converter) apply(ctx context.Context, img image.Image) (out image.Image, t infer.Tiling, err error) {
	if c.inModel.Acquire(ctx, 1) != nil {
		return nil, t, context.Cause(ctx)
	}
	defer c.inModel.Release(1)
	out, err = c.model.Translate(infer.WithTilingTrace(ctx, func(got infer.Tiling) { t = got }), img)
	return out, t, err
}

// animate translates the frames of an animation and encodes them.
func (c *Converter) animate(ctx context.Context, w *work) error {
	var err error
	if w.frames, err = pixels.NewFrameWriter(w.save, w.animation.Plays); err != nil {
		return err
	}
	// Frames are decoded some way ahead of the results.
	delays := make(chan time.Duration, w.animation.Frames)
	frames := func(yield func(image.Image, error) bool) {
		for f, err := range w.animation.All() {
			delays <- f.Delay
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(w.resize(f.Image), nil) {
				return
			}
		}
	}
	for r := range c.results(ctx, frames) {
		if r.err != nil {
			return fmt.Errorf("frame %d: %w", w.frames.Frames()+1, r.err)
		}
		w.Tiling = r.tiling
		w.img = r.img
		c.fitFormat(w)
		if err := w.frames.Add(w.img, <-delays); err != nil {
			return err
		}
	}
	w.Frames = w.frames.Frames()
	return nil
}

// encode writes what translate has made.
func (w *work) encode(out io.Writer) error {
	if w.frames == nil {
		return pixels.Encode(out, w.img, w.save)
	}
	_, err := w.frames.WriteTo(out)
	return err
}
