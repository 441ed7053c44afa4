package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
	"cyclegan/cmd/internal/progress"
	"cyclegan/train/metric"
	"cyclegan/train/metric/features"
)

// score fills the report. Its error is about more than single images, whose failures are in the
// report.
func score(ctx context.Context, cfg *config, rep *report, stderr io.Writer) error {
	begin := time.Now()
	defer func() { rep.Seconds = time.Since(begin).Seconds() }()
	rep.warned = func(text string) { fmt.Fprintln(stderr, "warning:", text) }
	real, err := listFolder("real", cfg.real, cfg.maxImages, cfg.swd.Seed)
	if err != nil {
		return err
	}
	fake, err := listFolder("fake", cfg.fake, cfg.maxImages, cfg.swd.Seed)
	if err != nil {
		return err
	}
	for _, f := range []*folder{real, fake} {
		if len(f.others) > 0 {
			rep.warn("%s: skipped %s", f.dir, modelcli.Unsupported(f.others))
		}
	}
	defer rep.folders(real, fake)
	r := &reader{cfg: cfg}
	if cfg.features != features.None {
		r.extractor, err = openExtractor(ctx, cfg, stderr)
		switch {
		case err == nil:
			defer r.extractor.Close()
			rep.extractor(r.extractor.Info())
		case cfg.chosen || ctx.Err() != nil:
			return err
		default:
			rep.warn("no KID and FID: %v", err)
		}
	}
	for _, f := range []*folder{real, fake} {
		err := f.survey(ctx)
		for _, failed := range f.failed {
			fmt.Fprintf(stderr, "failed: %s\n", failed.Error)
		}
		if err != nil {
			return err
		}
	}
	if err := cfg.chooseWindow(ctx, real, fake); err != nil {
		return err
	}
	if rep.Window = cfg.window.String(); rep.Window != "" {
		fmt.Fprintf(stderr, "16-bit values: %d to %d\n", cfg.window.Lo, cfg.window.Hi)
	}
	if err := r.prepare(rep, real, fake); err != nil {
		return err
	}
	if r.swd != nil || r.extractor != nil {
		a, b := &side{folder: real}, &side{folder: fake}
		if err := r.sets(ctx, rep, a, b, stderr); err != nil {
			return err
		}
		if err := r.compare(ctx, rep, a, b); err != nil {
			return err
		}
	}
	if cfg.paired {
		return r.pairs(ctx, rep, real, fake, stderr)
	}
	if len(rep.Scores) == 0 {
		return errors.New("no score can be computed; the warnings say why")
	}
	return nil
}

// prepare chooses the size for SWD, and warns about what makes scores misleading.
func (r *reader) prepare(rep *report, real, fake *folder) error {
	cfg := r.cfg
	list, w, h := sizes(real, fake)
	rep.Resize = "none, " + list
	if cfg.width > 0 {
		w, h = cfg.width, cfg.height
		rep.Resize = fmt.Sprintf("%dx%d, bicubic", w, h)
	}
	var err error
	if w == 0 {
		err = fmt.Errorf("SWD needs images of one size, not %s\nFix: add -resize WxH", list)
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
		if limit := r.swd.Options().MaxImages; max(len(real.files), len(fake.files)) > limit {
			rep.warn("SWD uses %d random images of each larger folder; -swd_images changes that", limit)
		}
	}
	if i, err := os.Stat(real.dir); err == nil {
		if j, err := os.Stat(fake.dir); err == nil && os.SameFile(i, j) {
			rep.warn("-real and -fake are the same folder: every distance is 0")
		}
	}
	return nil
}

// sets reads both sides. As much as possible of the real one comes from the cache.
func (r *reader) sets(ctx context.Context, rep *report, real, fake *side, stderr io.Writer) error {
	c, err := newCache(ctx, r.cfg, real.folder, r.swd, r.extractor, rep.warn)
	if err != nil {
		return err
	}
	if len(real.failed) == 0 {
		rep.Real.Cached = c.load(real, r.swd)
	}
	steps := len(fake.files)
	if r.needsSet(real) || r.needsFeatures(real) {
		steps += len(real.files)
	}
	fmt.Fprintf(stderr, "%s to read\n", cli.Count(steps, "image"))
	bar := progress.New(stderr, steps, "images")
	defer bar.Finish()
	if err := r.read(ctx, real, bar); err != nil {
		return err
	}
	if len(real.failed) == 0 {
		c.save(real)
	}
	return r.read(ctx, fake, bar)
}

func (r *reader) compare(ctx context.Context, rep *report, real, fake *side) error {
	if r.swd != nil {
		d, err := r.swd.Distance(ctx, real.set, fake.set)
		if err != nil {
			return err
		}
		rep.Scores = append(rep.Scores, d.Score("SWD"))
		for _, l := range d.Levels {
			rep.Scores = append(rep.Scores, metric.Score{Name: fmt.Sprintf("SWD_%dx%d", l.Width, l.Height), Value: l.Value, N: d.N, NReal: d.NReal})
		}
	}
	if r.extractor == nil {
		return nil
	}
	if !r.cfg.chosen && min(real.features.N(), fake.features.N()) < 2 {
		rep.warn("no KID and FID: they need two images of each folder")
		return nil
	}
	kid, err := metric.KID(ctx, real.features, fake.features, &r.cfg.kid)
	if err != nil {
		return err
	}
	rep.Scores = append(rep.Scores, kid.Score("KID"))
	fid, err := metric.FID(real.features, fake.features)
	if err != nil {
		return err
	}
	n, nReal := fake.features.N(), real.features.N()
	rep.Scores = append(rep.Scores, metric.Score{Name: "FID", Value: fid, N: n, NReal: nReal})
	if min(n, nReal) < metric.LeastFID {
		rep.warn("FID of %d and %d images is too high, because there are fewer than %d: compare it only with "+
			"FIDs of the same numbers of images, or use KID, which has no such bias", nReal, n, metric.LeastFID)
	}
	return nil
}

// pairs compares images of the same name, whatever their extensions.
func (r *reader) pairs(ctx context.Context, rep *report, real, fake *folder, stderr io.Writer) error {
	matched, unpaired := match(real.good(), fake.good())
	if len(matched) == 0 {
		return errors.New("-paired: the folders have no file name in common")
	}
	if rep.Unpaired = unpaired; unpaired > 0 {
		rep.warn("images without a partner of the same name: %d", unpaired)
	}
	fmt.Fprintf(stderr, "%s to compare\n", cli.Count(len(matched), "pair"))
	bar := progress.New(stderr, len(matched), "pairs")
	defer bar.Finish()
	var all metric.Pairs
	err := inOrder(ctx, matched, func(files [2]file) (metric.Pair, error) {
		a, err := r.cfg.image(files[0])
		if err != nil {
			return metric.Pair{}, err
		}
		b, err := r.cfg.image(files[1])
		if err != nil {
			return metric.Pair{}, err
		}
		return metric.Compare(a, b)
	}, func(files [2]file, p metric.Pair, err error) error {
		bar.Step()
		if err != nil {
			err := fmt.Errorf("compare %q with %q: %w", files[1].path, files[0].path, err)
			rep.PairsFailed = append(rep.PairsFailed, modelcli.Failure{Path: files[1].path, Error: err.Error()})
			bar.Printf("failed: %v\n", err)
			return nil
		}
		all.Add(p)
		return nil
	})
	if err != nil {
		return err
	}
	if all.N() == 0 {
		return errors.New("-paired: no pair can be compared")
	}
	rep.Scores = append(rep.Scores, all.Scores("")...)
	return nil
}

// match returns the pairs in the order of real, and the number of files without a partner. Of files
// that differ only in their extension, the first counts.
func match(real, fake []file) (pairs [][2]file, unpaired int) {
	partners := map[string]file{}
	for _, f := range fake {
		if _, taken := partners[f.stem()]; !taken {
			partners[f.stem()] = f
		}
	}
	for _, f := range real {
		if p, ok := partners[f.stem()]; ok {
			pairs = append(pairs, [2]file{f, p})
			delete(partners, f.stem())
		}
	}
	return pairs, len(real) + len(fake) - 2*len(pairs)
}
