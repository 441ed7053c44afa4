package batch

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/semaphore"

	"cyclegan/infer"
	"cyclegan/infer/pixels"
)

// A Converter makes of one picture file what a Batch makes of it, for those who keep their pictures elsewhere than in folders. It may be used from
// several goroutines at once.
type Converter struct {
	batch   *Batch
	workers int
	inModel *semaphore.Weighted
}

// arenaPixels is the size of an image up to which two go through the model at once.
const arenaPixels = 512 * 512

// defaultWorkers is Batch.Workers where it is 0.
const defaultWorkers = 2

// Converter gives what Run does to each picture, by Model, Quality, Limits, Size, Workers and Files; the rest of the batch does not matter.
func (b *Batch) Converter() (*Converter, error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	return newConverter(b), nil
}

func newConverter(b *Batch) *Converter {
	workers := b.Workers
	if workers == 0 {
		workers = defaultWorkers
	}
	return &Converter{b, workers, semaphore.NewWeighted(int64(workers))}
}

// Places is how many pictures Run has in memory at once at most: those in the model, and those that are read and written beside them.
func (c *Converter) Places() int { return c.workers + 2*c.batch.files() }

// Convert makes the content of j.Output, in the format that its name ends in, of that of j.Input. It touches neither, and has the names for errors
// and notes alone. While Workers pictures are in the model it waits. Result.Read and Write are the times for decoding and encoding.
func (c *Converter) Convert(ctx context.Context, j Job, file []byte) ([]byte, Result) {
	w := &work{Result: Result{Job: j}}
	begin := time.Now()
	pic, err := pixels.Decode(file, c.batch.Limits)
	w.Read = time.Since(begin)
	if err != nil {
		w.Err = fmt.Errorf("read picture %q: %w", j.Input, err)
		return nil, w.Result
	}
	if !c.take(w, pic) {
		return nil, w.Result
	}
	leave, err := c.enter(ctx, w)
	if err != nil {
		w.Err = fmt.Errorf("convert %q: %w", j.Input, err)
		return nil, w.Result
	}
	done := c.run(ctx, w)
	leave()
	if !done {
		return nil, w.Result
	}
	begin = time.Now()
	var out bytes.Buffer
	err = pixels.Encode(&out, w.img, pixels.SaveOptions{Format: filepath.Ext(j.Output), Quality: c.batch.Quality, Profile: w.profile})
	w.Write = time.Since(begin)
	if err != nil {
		w.Err = fmt.Errorf("write picture %q: %w", j.Output, err)
		return nil, w.Result
	}
	return out.Bytes(), w.Result
}

// enter waits until there is room in the model for the picture.
func (c *Converter) enter(ctx context.Context, w *work) (leave func(), err error) {
	share := int64(1)
	if b := w.img.Bounds(); c.batch.Workers == 0 && b.Dx() > arenaPixels/b.Dy() {
		share = int64(c.workers)
	}
	if err := c.inModel.Acquire(ctx, share); err != nil {
		return nil, err
	}
	return func() { c.inModel.Release(share) }, nil
}

// take prepares a picture that was read; the answer is no, with w.Err, where that makes it one that cannot be converted.
func (c *Converter) take(w *work, pic *pixels.Picture) bool {
	w.img, w.profile, w.Notes = pic.Image, pic.Profile, pic.Notes
	w.Width, w.Height = pic.Image.Rect.Dx(), pic.Image.Rect.Dy()
	w.Notes = append(w.Notes, lost(pic, filepath.Ext(w.Output))...)
	if c.batch.Size == nil {
		return true
	}
	width, height := c.batch.Size(w.Width, w.Height)
	if err := c.batch.Limits.Check(width, height); err != nil {
		w.Err = fmt.Errorf("resize %q: %w", w.Input, err)
		return false
	}
	w.img = pixels.Resize(pic.Image, width, height)
	return true
}

// lost says what a picture has that the format does not hold.
func lost(pic *pixels.Picture, format string) []string {
	var notes []string
	if !pic.Profile.SRGB() && !pixels.KeepsProfile(format) {
		notes = append(notes, fmt.Sprintf("its ICC profile %q has no place in %s", pic.Profile.Name(), canonical(format)))
	}
	if pic.Alpha && canonical(format) == "jpg" {
		notes = append(notes, "its transparency is laid on white, since jpg has none")
	}
	return notes
}

func (c *Converter) run(ctx context.Context, w *work) bool {
	begin := time.Now()
	if m, ok := c.batch.Model.(interface{ Tiling(w, h int) infer.Tiling }); ok {
		b := w.img.Bounds()
		if w.Tiling = m.Tiling(b.Dx(), b.Dy()); w.Tiling.Blended {
			w.Notes = append(w.Notes, "converted in tiles that are faded into each other, since "+w.Tiling.Reason)
		}
	}
	img, err := c.batch.Model.Translate(ctx, w.img)
	w.Run = time.Since(begin)
	if err != nil {
		w.Err = fmt.Errorf("convert %q: %w", w.Input, err)
		return false
	}
	w.img = img
	return true
}
