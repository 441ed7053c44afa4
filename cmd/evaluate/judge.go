package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"cyclegan/cmd/internal/cli"
	"cyclegan/train/metric"
)

// judge fills the report and gives the exit status; the error is what there is to say beside the pictures' own errors.
func judge(ctx context.Context, cfg *config, rep *report, stderr io.Writer) (int, error) {
	begin := time.Now()
	defer func() { rep.Seconds = time.Since(begin).Seconds() }()
	rep.warned = func(text string) { fmt.Fprintln(stderr, "warning:", text) }
	real, fake, err := folders(cfg)
	if err != nil {
		return cli.Failed, err
	}
	rep.folders(real, fake)
	show := newProgress(stderr)
	defer show.end()
	r := &reader{cfg: cfg, show: show}
	if cfg.features != "" {
		if r.extractor, err = openExtractor(ctx, cfg, stderr); err != nil {
			return cli.Failed, err
		}
		defer r.extractor.Close()
		rep.extractor(r.extractor.Info())
	}
	if err := survey(ctx, show, real, fake); err != nil {
		return cli.Failed, err
	}
	if err := r.prepare(rep, real, fake); err != nil {
		return cli.Status(err), err
	}
	a, b := &side{folder: real}, &side{folder: fake}
	err = r.sets(ctx, rep, a, b)
	rep.folders(real, fake)
	if err == nil {
		err = r.compare(ctx, rep, a, b)
	}
	if err == nil && cfg.paired {
		err = r.pairs(ctx, rep, real, fake)
	}
	if err != nil {
		return cli.Failed, err
	}
	rep.folders(real, fake)
	if len(real.failed)+len(fake.failed)+len(rep.PairsFailed) > 0 {
		return cli.SomeFailed, nil
	}
	return cli.Done, nil
}

func folders(cfg *config) (real, fake *folder, err error) {
	real, err = listFolder("real", cfg.real, cfg.most, cfg.swd.Seed)
	if err != nil {
		return nil, nil, err
	}
	fake, err = listFolder("fake", cfg.fake, cfg.most, cfg.swd.Seed)
	return real, fake, err
}

// survey reads the headers of both folders and names what can't be read.
func survey(ctx context.Context, show *progress, folders ...*folder) error {
	for _, f := range folders {
		err := f.survey(ctx)
		for _, failed := range f.failed {
			show.failed(errors.New(failed.Error))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prepare decides the size at which pictures are judged, and warns of what makes numbers other than they seem.
func (r *reader) prepare(rep *report, real, fake *folder) error {
	cfg := r.cfg
	words, w, h := sizes(real, fake)
	rep.Resize = "none, " + words
	if cfg.width > 0 {
		w, h = cfg.width, cfg.height
		rep.Resize = fmt.Sprintf("%dx%d, bicubic", w, h)
	}
	var err error
	if w == 0 {
		err = fmt.Errorf("pictures of %s can't be compared by SWD, which needs one size: add -resize WxH", words)
	} else {
		r.swd, err = metric.NewSWD(w, h, &cfg.swd)
	}
	if err != nil {
		if r.extractor == nil && !cfg.paired {
			return cli.Usage(err)
		}
		rep.warn("no SWD: %v", err)
	}
	if r.swd != nil {
		if most := r.swd.Options().MaxPictures; max(len(real.files), len(fake.files)) > most {
			rep.warn("SWD is of a random %d pictures of each folder that has more; -swd_pictures takes more", most)
		}
	}
	if i, err := os.Stat(real.dir); err == nil {
		if j, err := os.Stat(fake.dir); err == nil && os.SameFile(i, j) {
			rep.warn("-real and -fake are one folder: every distance is 0")
		}
	}
	return nil
}

// sets reads both sides, the real one from the cache as far as it is there.
func (r *reader) sets(ctx context.Context, rep *report, real, fake *side) error {
	c, err := newCache(r.cfg, real.folder, r.swd, r.extractor, rep.warn)
	if err != nil {
		return err
	}
	if len(real.failed) == 0 {
		c.load(real, r.swd)
	}
	if r.swd == nil && r.extractor == nil {
		return nil
	}
	set, vectors := real.set != nil, real.features != nil
	rep.Real.Cached = cached(set, vectors)
	whole := (set || r.swd == nil) && (vectors || r.extractor == nil)
	steps := len(fake.files)
	if !whole {
		steps += len(real.files)
	}
	r.show.begin(steps, "pictures to read")
	if err := r.read(ctx, real); err != nil {
		return err
	}
	if !whole {
		c.save(real, !set && r.swd != nil, !vectors && r.extractor != nil)
	}
	return r.read(ctx, fake)
}

// compare computes the scores of sets.
func (r *reader) compare(ctx context.Context, rep *report, real, fake *side) error {
	if r.swd != nil {
		d, err := r.swd.Distance(ctx, real.set, fake.set)
		if err != nil {
			return err
		}
		rep.add(d.Score("SWD"))
		for _, l := range d.Levels {
			rep.add(metric.Score{Name: fmt.Sprintf("SWD_%dx%d", l.Width, l.Height), Value: l.Value, N: d.N, NReal: d.NReal})
		}
	}
	if r.extractor == nil {
		return nil
	}
	kid, err := metric.KID(ctx, real.features, fake.features, &r.cfg.kid)
	if err != nil {
		return err
	}
	rep.add(kid.Score("KID"))
	fid, err := metric.FID(real.statistics, fake.statistics)
	if err != nil {
		return err
	}
	n, nReal := fake.statistics.N(), real.statistics.N()
	rep.add(metric.Score{Name: "FID", Value: fid, N: n, NReal: nReal})
	if min(n, nReal) < metric.LeastFID {
		rep.warn("FID of %d and %d pictures is too high, as it is for fewer than %d: compare it with one of the same numbers, and look at KID, which has no such bias", nReal, n, metric.LeastFID)
	}
	return nil
}
