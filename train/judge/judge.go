// Package judge tells how good the generators of a training are, by held-out
// pictures: a [Judge] keeps pictures of both domains and gives for the
// generators as they are now the scores of package metric and the signals of
// package watch.
//
//	j, err := judge.New(ctx, data, shapeA, shapeB, judge.Options{Count: 50})
//	verdict, err := j.Judge(ctx, trainer.Translate)
package judge

import (
	"context"
	"fmt"
	"image"

	"cyclegan/graph"
	"cyclegan/infer/pixels"
	"cyclegan/train/dataset"
	"cyclegan/train/metric"
	"cyclegan/train/metric/features"
	"cyclegan/train/watch"
)

// Options say what is judged, and by what.
type Options struct {
	// Count is the most pictures of each domain; fewer are taken where there are fewer.
	Count int
	// Features is the path of an ONNX feature extractor for KID and FID; "" for none.
	Features string
	// Extractor says what the extractor doesn't say of itself.
	Extractor features.Options
}

// Translate runs n pictures [n, H, W, C] in [-1, 1] through the generator
// "G_AB" or "G_BA" and returns [n, H', W', C'], as train.Trainer's does.
type Translate func(generator string, pictures []float32, n int, shape graph.Shape) ([]float32, error)

// A Judge has held-out pictures at the size of training, and what is known of
// them. It is not safe for concurrent use.
type Judge struct {
	ab, ba    *direction
	extractor *features.Extractor
	split     string
	// untouched are the scores of the pictures as they are, which a translation should beat.
	untouched []metric.Score
}

// direction is what one generator is judged by: pictures of the domain that it
// translates from, and of the domain that it translates to.
type direction struct {
	suffix, generator, back string // "AB", "G_AB", "G_BA"
	cycle                   string // "cycle_A_": what the way there and back is called
	from, to                graph.Shape
	sources                 []*image.NRGBA
	likeTargets             []*image.NRGBA // the sources with the channels of the domain that they go to
	truths                  []*image.NRGBA // what each source is in the other domain; nil where not known
	swd                     *metric.SWD
	targets                 *metric.SWDSet
	target                  *metric.Features // of the targets; nil without an extractor
}

// A Verdict is what one judging found.
type Verdict struct {
	Scores  []metric.Score
	Signals []watch.Signals // of G_AB and G_BA
}

// New reads up to Count pictures of each domain, spread evenly over the test
// set (or the training set where there is none), resized to the shapes of
// training.
func New(ctx context.Context, data *dataset.Dataset, shapeA, shapeB graph.Shape, o Options) (*Judge, error) {
	if min(shapeA.H, shapeA.W, shapeB.H, shapeB.W) < leastSide {
		return nil, fmt.Errorf("pictures of %dx%d and %dx%d are too small to be judged, %d is the least side: turn judging off with -eval_every 0", shapeA.W, shapeA.H, shapeB.W, shapeB.H, leastSide)
	}
	j := &Judge{split: split(data)}
	least := 1
	if o.Features != "" {
		least = 2 // what the statistics of features need
	}
	a, truthA, err := choose(ctx, data.TestA(), o.Count, least, shapeA)
	if err != nil {
		return nil, fmt.Errorf("choose pictures of domain A to judge by: %w", err)
	}
	b, truthB, err := choose(ctx, data.TestB(), o.Count, least, shapeB)
	if err != nil {
		return nil, fmt.Errorf("choose pictures of domain B to judge by: %w", err)
	}
	if o.Features != "" {
		if j.extractor, err = features.Open(o.Features, &o.Extractor); err != nil {
			return nil, fmt.Errorf("open the feature extractor: %w", err)
		}
	}
	for _, d := range []struct {
		into             **direction
		way              direction
		sources, targets []*image.NRGBA
		truths           []*image.NRGBA
	}{
		{&j.ab, direction{suffix: "AB", generator: "G_AB", back: "G_BA", cycle: "cycle_A_", from: shapeA, to: graph.Shape{H: shapeA.H, W: shapeA.W, C: shapeB.C}}, a, b, truthA},
		{&j.ba, direction{suffix: "BA", generator: "G_BA", back: "G_AB", cycle: "cycle_B_", from: shapeB, to: graph.Shape{H: shapeB.H, W: shapeB.W, C: shapeA.C}}, b, a, truthB},
	} {
		*d.into = &d.way
		d.way.sources, d.way.truths = d.sources, d.truths
		if err := j.prepare(ctx, &d.way, d.targets); err != nil {
			j.Close()
			return nil, err
		}
	}
	return j, nil
}

// leastSide is the shortest that SWD and SSIM take, in pixels.
const leastSide = 16

// split names what the judged pictures are: "test", or "train" where a domain
// has no test pictures.
func split(data *dataset.Dataset) string {
	switch a, b := data.TestA().FromTrain, data.TestB().FromTrain; {
	case a && b:
		return "train"
	case a:
		return "train (A), test (B)"
	case b:
		return "test (A), train (B)"
	}
	return "test"
}

// Close frees the feature extractor. It may be called twice.
func (j *Judge) Close() error {
	if j.extractor == nil {
		return nil
	}
	return j.extractor.Close()
}

// Split says what the judged pictures are: "test", "train" where the dataset
// has no test pictures, or both where one domain has none.
func (j *Judge) Split() string { return j.split }

// Extractor names the feature extractor by file name and the beginning of its
// SHA-256; "" for none.
func (j *Judge) Extractor() string {
	if j.extractor == nil {
		return ""
	}
	info := j.extractor.Info()
	return fmt.Sprintf("%s %.12s", info.Name, info.SHA256)
}

// How says all that scores depend on beside the generators, so that those taken
// otherwise are not compared.
func (j *Judge) How() string {
	text := fmt.Sprintf("%s, %d and %d pictures, %s", j.split, len(j.ab.sources), len(j.ba.sources), j.Resize())
	if name := j.Extractor(); name != "" {
		text += ", features by " + name
	}
	return text
}

// Resize says in words how the pictures were brought to size.
func (j *Judge) Resize() string {
	text := fmt.Sprintf("%dx%d", j.ab.from.W, j.ab.from.H)
	if j.ba.from.W != j.ab.from.W || j.ba.from.H != j.ab.from.H {
		text += fmt.Sprintf(" and %dx%d", j.ba.from.W, j.ba.from.H)
	}
	return text + ", bicubic"
}

// choose reads pictures spread evenly over a set, no fewer than least, with
// their counterparts where these are known. One that can't be read makes room
// for the next.
func choose(ctx context.Context, set *dataset.Set, count, least int, shape graph.Shape) (pictures, truths []*image.NRGBA, err error) {
	n := min(count, set.Len())
	for i := range n {
		for at := i * set.Len() / n; at < (i+1)*set.Len()/n; at++ {
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			img, err := set.Image(at, shape.W, shape.H)
			if err != nil {
				continue
			}
			pictures = append(pictures, img)
			if truth, ok := set.Counterpart(at, shape.W, shape.H); ok {
				truths = append(truths, truth)
			}
			break
		}
	}
	if len(pictures) < least {
		return nil, nil, fmt.Errorf("%d of the %d pictures can be read, %d must be: add pictures to the test set, or turn judging off with -eval_every 0", len(pictures), set.Len(), least)
	}
	if len(truths) != len(pictures) {
		truths = nil
	}
	return pictures, truths, nil
}

// prepare measures what doesn't change while the generators do.
func (j *Judge) prepare(ctx context.Context, d *direction, targets []*image.NRGBA) error {
	var err error
	// The targets are compared at the size of the translations, which is that
	// of their sources.
	targets = sized(targets, d.to)
	if d.swd, err = metric.NewSWD(d.to.W, d.to.H, nil); err != nil {
		return fmt.Errorf("measure SWD: %w", err)
	}
	if d.targets, err = gather(d.swd, targets); err != nil {
		return err
	}
	d.likeTargets = d.sources
	if d.to.C == 1 && d.from.C != 1 {
		d.likeTargets = make([]*image.NRGBA, len(d.sources))
		for i, source := range d.sources {
			d.likeTargets[i] = gray(source)
		}
	}
	untouched, err := gather(d.swd, d.likeTargets)
	if err != nil {
		return err
	}
	score, err := j.distance(ctx, d, untouched)
	if err != nil {
		return err
	}
	score.Name = "untouched_" + d.suffix + "_SWD"
	j.untouched = append(j.untouched, score)
	if d.truths != nil {
		var pairs metric.Pairs
		for i, source := range d.likeTargets {
			p, err := metric.Compare(source, d.truths[i])
			if err != nil {
				return err
			}
			pairs.Add(p)
		}
		j.untouched = append(j.untouched, pairs.Scores("untouched_"+d.suffix+"_")...)
	}
	if j.extractor != nil {
		if d.target, err = j.features(ctx, targets); err != nil {
			return err
		}
	}
	return nil
}

// features gives the feature vectors of pictures.
func (j *Judge) features(ctx context.Context, pictures []*image.NRGBA) (*metric.Features, error) {
	values, err := j.extractor.Extract(ctx, pictures)
	if err != nil {
		return nil, err
	}
	f, err := metric.NewFeatures(len(values) / len(pictures))
	if err != nil {
		return nil, err
	}
	return f, f.Add(values)
}

// sized brings pictures to another size where theirs differs.
func sized(pictures []*image.NRGBA, shape graph.Shape) []*image.NRGBA {
	if len(pictures) == 0 || pictures[0].Rect.Dx() == shape.W && pictures[0].Rect.Dy() == shape.H {
		return pictures
	}
	out := make([]*image.NRGBA, len(pictures))
	for i, p := range pictures {
		out[i] = pixels.Resize(p, shape.W, shape.H)
	}
	return out
}

func gather(swd *metric.SWD, pictures []*image.NRGBA) (*metric.SWDSet, error) {
	set := swd.NewSet()
	for _, p := range pictures {
		if err := set.Add(p); err != nil {
			return nil, fmt.Errorf("measure SWD: %w", err)
		}
	}
	return set, nil
}

func (j *Judge) distance(ctx context.Context, d *direction, set *metric.SWDSet) (metric.Score, error) {
	result, err := d.swd.Distance(ctx, d.targets, set)
	if err != nil {
		return metric.Score{}, fmt.Errorf("measure SWD: %w", err)
	}
	return result.Score("SWD_" + d.suffix), nil
}
