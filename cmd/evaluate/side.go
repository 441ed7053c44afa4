package main

import (
	"context"
	"fmt"
	"image"

	"cyclegan/infer/pixels"
	"cyclegan/train/metric"
	"cyclegan/train/metric/features"
)

// side is a folder with what the scores that compare sets need of it.
type side struct {
	*folder
	set        *metric.SWDSet // nil without SWD
	features   *metric.Features
	statistics *metric.Statistics
	judged     int // pictures that have been read, now or for the cache
}

// reader reads sides.
type reader struct {
	cfg       *config
	swd       *metric.SWD         // nil: none
	extractor *features.Extractor // nil: none
	show      *progress
}

// picture loads a picture, opaque and of the size that was asked for.
func (c *config) picture(path string) (*image.NRGBA, error) {
	pic, err := pixels.Load(path, pixels.Limits{})
	if err != nil {
		return nil, err
	}
	img := pixels.Opaque(pic.Image)
	if c.width > 0 {
		img = pixels.Resize(img, c.width, c.height)
	}
	return img, nil
}

// loaded is a picture that has been read.
type loaded struct {
	file
	img *image.NRGBA
	err error
}

// read fills what the side lacks: the set for SWD, the features with their statistics.
func (r *reader) read(ctx context.Context, s *side) error {
	needSet := r.swd != nil && s.set == nil
	needFeatures := r.extractor != nil && s.features == nil
	if !needSet && !needFeatures {
		return nil
	}
	if needSet {
		s.set = r.swd.NewSet()
	}
	s.judged = 0
	var batch []*image.NRGBA
	err := inOrder(ctx, s.files, func(f file) loaded {
		img, err := r.cfg.picture(f.path)
		return loaded{f, img, err}
	}, func(l loaded) error {
		r.show.step()
		if l.err == nil && needSet && l.img.Rect.Size() != r.swd.Size() {
			l.err = fmt.Errorf("read picture %q: it is of %dx%d, and its header says otherwise", l.path, l.img.Rect.Dx(), l.img.Rect.Dy())
		}
		if l.err != nil {
			s.fail(l.path, l.err)
			r.show.failed(l.err)
			return nil
		}
		s.judged++
		if needSet {
			if err := s.set.Add(l.img); err != nil {
				return err
			}
		}
		if !needFeatures {
			return nil
		}
		if batch = append(batch, l.img); len(batch) < r.extractor.Info().Batch {
			return nil
		}
		err := s.extract(ctx, r.extractor, batch)
		batch = batch[:0]
		return err
	})
	if err == nil && len(batch) > 0 {
		err = s.extract(ctx, r.extractor, batch)
	}
	if err == nil && s.judged == 0 {
		err = fmt.Errorf("no picture of %q could be read: %w", s.dir, s.failure())
	}
	return err
}

// extract adds the features of pictures.
func (s *side) extract(ctx context.Context, e *features.Extractor, batch []*image.NRGBA) error {
	vectors, err := e.Extract(ctx, batch)
	if err != nil {
		return err
	}
	if s.features == nil {
		if s.features, err = metric.NewFeatures(e.Dim()); err != nil {
			return fmt.Errorf("extractor %q: %w", e.Info().Path, err)
		}
		if s.statistics, err = metric.NewStatistics(e.Dim()); err != nil {
			return err
		}
	}
	if err := s.features.Add(vectors); err != nil {
		return err
	}
	return s.statistics.Add(vectors)
}
