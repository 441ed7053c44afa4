package judge

import (
	"context"
	"fmt"
	"image"
	"math"

	"cyclegan/graph"
	"cyclegan/infer/pixels"
	"cyclegan/train/metric"
	"cyclegan/train/watch"
)

// Judge translates the pictures both ways and back and measures the results.
//
// The scores, for G_AB and in the same way for G_BA: cycle_A_L1, _PSNR and
// _SSIM between the pictures of A and what comes back of them; SWD_AB between
// the translations and real pictures of B, KID_AB and FID_AB with a feature
// extractor; on built-in scenes true_AB_L1, _PSNR and _SSIM between the
// translations and what the scenes really are in B. Those that begin with
// untouched_ are the same of the pictures themselves.
func (j *Judge) Judge(ctx context.Context, translate Translate) (*Verdict, error) {
	v := &Verdict{}
	for _, d := range []*direction{j.ab, j.ba} {
		if err := j.judge(ctx, d, translate, v); err != nil {
			return nil, fmt.Errorf("judge %s: %w", d.generator, err)
		}
	}
	v.Scores = append(v.Scores, j.untouched...)
	return v, nil
}

func (j *Judge) judge(ctx context.Context, d *direction, translate Translate, v *Verdict) error {
	var cycles, truths metric.Pairs
	swd := d.swd.NewSet()
	fakes := make([]*image.NRGBA, len(d.sources))
	for i, source := range d.sources {
		if err := ctx.Err(); err != nil {
			return err
		}
		fake, back, err := there(d, translate, source)
		if err != nil {
			return err
		}
		fakes[i] = fake
		cycle, err := metric.Compare(source, back)
		if err != nil {
			return err
		}
		cycles.Add(cycle)
		if d.truths != nil {
			truth, err := metric.Compare(fake, d.truths[i])
			if err != nil {
				return err
			}
			truths.Add(truth)
		}
		if err := swd.Add(fake); err != nil {
			return err
		}
	}
	v.Scores = append(v.Scores, cycles.Scores(d.cycle)...)
	v.Scores = append(v.Scores, truths.Scores("true_"+d.suffix+"_")...)
	score, err := j.distance(ctx, d, swd)
	if err != nil {
		return err
	}
	v.Scores = append(v.Scores, score)
	if j.extractor != nil {
		scores, err := j.featureScores(ctx, d, fakes)
		if err != nil {
			return err
		}
		v.Scores = append(v.Scores, scores...)
	}
	v.Signals = append(v.Signals, signals(d.generator, d.likeTargets, fakes))
	return nil
}

// there translates a picture, and back.
func there(d *direction, translate Translate, source *image.NRGBA) (fake, back *image.NRGBA, err error) {
	in := pixels.Spec{Layout: pixels.NHWC, Range: pixels.Symmetric, Channels: d.from.C}
	out := pixels.Spec{Layout: pixels.NHWC, Range: pixels.Symmetric, Channels: d.to.C}
	picture := make([]float32, in.Len(d.from.W, d.from.H))
	if err := in.Put(picture, source); err != nil {
		return nil, nil, err
	}
	translated, err := translate(d.generator, picture, 1, d.from)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range translated {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, nil, fmt.Errorf("it gives %v for a picture: the training has diverged", v)
		}
	}
	if fake, err = out.Picture(translated, d.to.W, d.to.H); err != nil {
		return nil, nil, err
	}
	returned, err := translate(d.back, translated, 1, graph.Shape{H: d.to.H, W: d.to.W, C: d.to.C})
	if err != nil {
		return nil, nil, err
	}
	back, err = in.Picture(returned, d.from.W, d.from.H)
	return fake, back, err
}

func (j *Judge) featureScores(ctx context.Context, d *direction, fakes []*image.NRGBA) ([]metric.Score, error) {
	fake, err := j.features(ctx, fakes)
	if err != nil {
		return nil, err
	}
	kid, err := metric.KID(ctx, d.target, fake, nil)
	if err != nil {
		return nil, err
	}
	real, err := d.target.Statistics()
	if err != nil {
		return nil, err
	}
	made, err := fake.Statistics()
	if err != nil {
		return nil, err
	}
	fid, err := metric.FID(real, made)
	if err != nil {
		return nil, err
	}
	return []metric.Score{
		kid.Score("KID_" + d.suffix),
		{Name: "FID_" + d.suffix, Value: fid, N: fake.N(), NReal: d.target.N()},
	}, nil
}

// signals measures what package watch asks of a generator.
func signals(generator string, sources, fakes []*image.NRGBA) watch.Signals {
	s := watch.Signals{Generator: generator, N: len(fakes)}
	for i := range fakes {
		s.Correlation += correlation(sources[i], fakes[i]) / float64(len(fakes))
		s.Change += difference(sources[i], fakes[i]) / float64(len(fakes))
	}
	// Each picture is compared with the next: as good a mean as over all pairs.
	var between, before float64
	for i := range fakes {
		next := (i + 1) % len(fakes)
		between += difference(fakes[i], fakes[next])
		before += difference(sources[i], sources[next])
	}
	s.Spread = 1 // equal sources say nothing of their translations
	if before > 0 {
		s.Spread = between / before
	}
	return s
}
