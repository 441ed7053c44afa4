package evaluate

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"

	"cyclegan/infer/pixels"
	"cyclegan/train/metric"
	"cyclegan/train/watch"
)

// Evaluate translates the images in both directions and back, and scores the results.
//
// The scores of G_AB, and with the letters exchanged of G_BA, are cycle_A_L1, _PSNR and _SSIM
// between the images of A and their reconstructions; SWD_AB between the translations and real
// images of B; KID_AB and FID_AB with a feature extractor; and on built-in scenes true_AB_L1, _PSNR
// and _SSIM between the translations and the true scenes in B. Scores that begin with untouched_
// compare the images themselves.
func (e *Evaluator) Evaluate(ctx context.Context, translate Translate) (*Result, error) {
	r := &Result{}
	for _, d := range []*direction{e.ab, e.ba} {
		if err := e.evaluate(ctx, d, translate, r); err != nil {
			return nil, fmt.Errorf("evaluate %s: %w", d.generator, err)
		}
	}
	r.Scores = append(r.Scores, e.untouched...)
	return r, nil
}

func (e *Evaluator) evaluate(ctx context.Context, d *direction, translate Translate, r *Result) error {
	var fakes, backs []*image.NRGBA
	for _, source := range d.sources {
		if err := ctx.Err(); err != nil {
			return err
		}
		fake, back, err := d.translate(translate, source)
		if err != nil {
			return err
		}
		fakes, backs = append(fakes, fake), append(backs, back)
	}
	cycles, err := compare(backs, d.sources, d.cycle)
	if err != nil {
		return err
	}
	truths, err := compare(fakes, d.truths, "true_"+d.suffix+"_")
	if err != nil {
		return err
	}
	swd, err := d.distance(ctx, fakes, "SWD_"+d.suffix)
	if err != nil {
		return err
	}
	r.Scores = append(slices.Concat(r.Scores, cycles, truths), swd)
	if e.extractor != nil {
		scores, err := e.featureScores(ctx, d, fakes, "KID_"+d.suffix, "FID_"+d.suffix)
		if err != nil {
			return err
		}
		r.Scores = append(r.Scores, scores...)
	}
	r.Signals = append(r.Signals, signals(d.generator, d.likeTargets, fakes))
	return nil
}

// translate returns the translation and the reconstruction of an image.
func (d *direction) translate(translate Translate, source *image.NRGBA) (fake, back *image.NRGBA, err error) {
	in := pixels.Spec{Layout: pixels.NHWC, Range: pixels.Symmetric, Channels: d.from.C}
	out := pixels.Spec{Layout: pixels.NHWC, Range: pixels.Symmetric, Channels: d.to.C}
	values := make([]float32, in.Len(d.from.W, d.from.H))
	if err := in.Put(values, source); err != nil {
		return nil, nil, err
	}
	translated, err := translate(d.generator, values, 1, d.from)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range translated {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, nil, fmt.Errorf("an output value is %v: the run has diverged", v)
		}
	}
	if fake, err = out.Picture(translated, d.to.W, d.to.H); err != nil {
		return nil, nil, err
	}
	returned, err := translate(d.back, translated, 1, d.to)
	if err != nil {
		return nil, nil, err
	}
	back, err = in.Picture(returned, d.from.W, d.from.H)
	return fake, back, err
}

// featureScores compares the features of images with those of the targets.
func (e *Evaluator) featureScores(ctx context.Context, d *direction, fakes []*image.NRGBA, kidName, fidName string) ([]metric.Score, error) {
	fake, err := e.features(ctx, fakes)
	if err != nil {
		return nil, err
	}
	kid, err := metric.KID(ctx, d.target, fake, nil)
	if err != nil {
		return nil, err
	}
	fid, err := metric.FID(d.target, fake)
	if err != nil {
		return nil, err
	}
	return []metric.Score{
		kid.Score(kidName),
		{Name: fidName, Value: fid, N: fake.N(), NReal: d.target.N()},
	}, nil
}

// signals computes what package watch needs to know of a generator.
func signals(generator string, sources, fakes []*image.NRGBA) watch.Signals {
	s := watch.Signals{Generator: generator, N: len(fakes), Spread: 1}
	n := float64(len(fakes))
	// Comparing each image with the next one estimates the mean over all pairs well enough.
	var after, before float64
	for i := range fakes {
		s.Correlation += correlation(sources[i], fakes[i]) / n
		s.Change += difference(sources[i], fakes[i]) / n
		next := (i + 1) % len(fakes)
		after += difference(fakes[i], fakes[next])
		before += difference(sources[i], sources[next])
	}
	if before > 0 { // equal sources tell nothing about their translations
		s.Spread = after / before
	}
	return s
}

// difference is the mean absolute difference of two images of the same size, as a fraction of the
// range from black to white.
func difference(a, b *image.NRGBA) float64 {
	var sum int64
	each(a, b, func(p, q []byte) {
		for c := range 3 {
			d := int64(p[c]) - int64(q[c])
			sum += max(d, -d)
		}
	})
	return float64(sum) / float64(255*3*a.Rect.Dx()*a.Rect.Dy())
}

// correlation is Pearson's correlation between the brightness of two images of the same size, 0 if
// one of them has the same brightness everywhere.
func correlation(a, b *image.NRGBA) float64 {
	var x, y, xx, yy, xy float64
	each(a, b, func(p, q []byte) {
		u, v := float64(pixels.Luma(p[0], p[1], p[2])), float64(pixels.Luma(q[0], q[1], q[2]))
		x, y, xx, yy, xy = x+u, y+v, xx+u*u, yy+v*v, xy+u*v
	})
	n := float64(a.Rect.Dx() * a.Rect.Dy())
	varX, varY := xx/n-x/n*x/n, yy/n-y/n*y/n
	if varX <= 0 || varY <= 0 {
		return 0
	}
	return (xy/n - x/n*y/n) / math.Sqrt(varX*varY)
}

// gray returns an image with its brightness in every channel.
func gray(img *image.NRGBA) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, img.Rect.Dx(), img.Rect.Dy()))
	each(img, out, func(p, q []byte) {
		y := pixels.Luma(p[0], p[1], p[2])
		q[0], q[1], q[2], q[3] = y, y, y, p[3]
	})
	return out
}

// each calls f with the pixels of two images of the same size.
func each(a, b *image.NRGBA, f func(p, q []byte)) {
	for y := range a.Rect.Dy() {
		p := a.Pix[a.PixOffset(a.Rect.Min.X, a.Rect.Min.Y+y):]
		q := b.Pix[b.PixOffset(b.Rect.Min.X, b.Rect.Min.Y+y):]
		for x := range a.Rect.Dx() {
			f(p[4*x:4*x+4], q[4*x:4*x+4])
		}
	}
}

// Overall returns the mean over both directions of the score named by: "true_PSNR", "SWD", "KID" or
// "FID", or for "" the first of true_PSNR, KID and SWD that exists. It also returns the name of
// that score and whether higher is better. The value is NaN if there is no such score.
func Overall(scores []metric.Score, by string) (name string, value float64, higher bool) {
	candidates := []string{by}
	if by == "" {
		candidates = []string{"true_PSNR", "KID", "SWD"}
	}
	for _, name := range candidates {
		ab, ba := name+"_AB", name+"_BA"
		if name == "true_PSNR" {
			ab, ba = "true_AB_PSNR", "true_BA_PSNR"
		}
		a, okA := Find(scores, ab)
		b, okB := Find(scores, ba)
		if okA && okB {
			return name, (a.Value + b.Value) / 2, a.Higher
		}
	}
	return by, math.NaN(), false
}

// Find returns the score with the given name.
func Find(scores []metric.Score, name string) (metric.Score, bool) {
	i := slices.IndexFunc(scores, func(s metric.Score) bool { return s.Name == name })
	if i < 0 {
		return metric.Score{}, false
	}
	return scores[i], true
}
