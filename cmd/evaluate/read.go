package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"image"
	"runtime"
	"slices"

	"cyclegan/cmd/internal/progress"
	"cyclegan/infer/pixels"
	"cyclegan/train/metric"
	"cyclegan/train/metric/features"
)

// side is a folder with what the scores of sets need.
type side struct {
	*folder
	set      *metric.SWDSet   // nil without SWD
	features *metric.Features // nil without an extractor
}

type reader struct {
	cfg       *config
	swd       *metric.SWD         // nil for none
	extractor *features.Extractor // nil for none
}

// image loads an image without transparency and applies -resize. If the file has a sum, its content
// must still have it: statistics are cached by the sum.
func (c *config) image(f file) (*image.NRGBA, error) {
	pic, err := decode(f)
	if err != nil {
		return nil, err
	}
	var img image.Image = pic.Image
	if pic.Deep != nil {
		img, _ = c.window.Stretch(pic.Deep)
	}
	if c.width > 0 {
		img = pixels.Scale(pixels.Colors(img), c.width, c.height)
	}
	return pixels.Opaque(img), nil
}

// chooseWindow finds the window that suits the real images unless one is given. If these have 8
// bits, the others decide. Without 16-bit images there is none.
func (c *config) chooseWindow(ctx context.Context, folders ...*folder) error {
	given := c.window
	c.window = pixels.Window{}
	for _, f := range folders {
		files := slices.DeleteFunc(slices.Clone(f.files), func(f file) bool { return !f.deep })
		if len(files) == 0 {
			continue
		}
		if given != (pixels.Window{}) {
			c.window = given
			return nil
		}
		var values pixels.Values
		err := inOrder(ctx, files, decode, func(_ file, pic *pixels.Picture, err error) error {
			if err == nil && pic.Deep != nil { // damaged images fail when they are scored
				values.Add(pic.Deep)
			}
			return nil
		})
		c.window = values.Window()
		return err
	}
	return nil
}

func decode(f file) (*pixels.Picture, error) {
	data, err := pixels.ReadFile(f.path, pixels.Limits{})
	if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	if f.sum != [sha256.Size]byte{} && f.sum != sha256.Sum256(data) {
		return nil, fmt.Errorf("read image %q: it was changed during the evaluation", f.path)
	}
	pic, err := pixels.Decode(data, pixels.Limits{})
	if err != nil {
		return nil, fmt.Errorf("read image %q: %w", f.path, err)
	}
	return pic, nil
}

func (r *reader) needsSet(s *side) bool      { return r.swd != nil && s.set == nil }
func (r *reader) needsFeatures(s *side) bool { return r.extractor != nil && s.features == nil }

// read reads what the side lacks: the set for SWD, and the features.
func (r *reader) read(ctx context.Context, s *side, bar *progress.Bar) error {
	needSet, needFeatures := r.needsSet(s), r.needsFeatures(s)
	if !needSet && !needFeatures {
		return nil
	}
	if needSet {
		s.set = r.swd.NewSet()
	}
	var batch []*image.NRGBA
	n := 0
	err := inOrder(ctx, s.files, func(f file) (*image.NRGBA, error) {
		img, err := r.cfg.image(f)
		if err == nil && needSet && img.Rect.Size() != r.swd.Size() {
			err = fmt.Errorf("read image %q: its size %dx%d differs from its header", f.path, img.Rect.Dx(), img.Rect.Dy())
		}
		return img, err
	}, func(f file, img *image.NRGBA, err error) error {
		bar.Step()
		if err != nil {
			s.fail(f.path, err)
			bar.Printf("failed: %v\n", err)
			return nil
		}
		n++
		if needSet {
			if err := s.set.Add(img); err != nil {
				return err
			}
		}
		if !needFeatures {
			return nil
		}
		if batch = append(batch, img); len(batch) < r.extractor.Info().Batch {
			return nil
		}
		err = s.extract(ctx, r.extractor, batch)
		batch = batch[:0]
		return err
	})
	if err == nil && len(batch) > 0 {
		err = s.extract(ctx, r.extractor, batch)
	}
	if err == nil && n == 0 {
		err = fmt.Errorf("no image in %q can be read: %w", s.dir, s.firstFailure())
	}
	return err
}

func (s *side) extract(ctx context.Context, e *features.Extractor, batch []*image.NRGBA) error {
	vectors, err := e.Extract(ctx, batch)
	if err != nil {
		return err
	}
	if s.features == nil {
		if s.features, err = metric.NewFeatures(e.Dim()); err != nil {
			return fmt.Errorf("extractor %q: %w", e.Info().Path, err)
		}
	}
	return s.features.Add(vectors)
}

// inOrder calls do for each item on all processors, and use with the results one after the other in
// the order of the items. At most one result per processor waits. It stops at the first error of
// use, or when ctx ends.
func inOrder[T, R any](ctx context.Context, items []T, do func(T) (R, error), use func(T, R, error) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan chan func() error, max(1, runtime.GOMAXPROCS(0)-1))
	go func() {
		defer close(queue)
		for _, item := range items {
			done := make(chan func() error, 1)
			select {
			case queue <- done:
			case <-ctx.Done():
				return
			}
			go func() {
				value, err := do(item)
				done <- func() error { return use(item, value, err) }
			}()
		}
	}()
	for done := range queue {
		use := <-done
		if ctx.Err() != nil {
			break
		}
		if err := use(); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}
