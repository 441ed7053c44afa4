// Package evaluate scores the generators of a run on held-out images. An [Evaluator] keeps images
// of both domains and computes, for the generators as they are now, the scores of package metric
// and the signals of package watch.
//
//	e, err := evaluate.New(ctx, data, shapeA, shapeB, evaluate.Options{Count: 50})
//	result, err := e.Evaluate(ctx, trainer.Translate)
package evaluate

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

// Options say which images are used and how they are compared.
type Options struct {
	// Count is the largest number of images of each domain.
	Count int
	// Features is the path of an ONNX feature extractor for KID and FID, or features.EfficientNet;
	// "" or features.None for none.
	Features string
	// Extractor has what the extractor's file does not say.
	Extractor features.Options
}

// Translate runs n images [n, H, W, C] in [-1, 1] through the generator "G_AB" or "G_BA" and
// returns [n, H', W', C'], as Translate of train.Trainer does.
type Translate func(generator string, images []float32, n int, shape graph.Shape) ([]float32, error)

// Result is the outcome of one evaluation.
type Result struct {
	Scores  []metric.Score
	Signals []watch.Signals // of G_AB and G_BA
}

// Evaluator holds images at the size of training, and what does not depend on the generators. It is
// not safe for concurrent use.
type Evaluator struct {
	ab, ba    *direction
	extractor *features.Extractor
	data      *dataset.Dataset
	untouched []metric.Score // of the images themselves, which a translation should beat
}

// direction is what one generator is evaluated with: images of its source and target domains.
type direction struct {
	suffix, generator, back string // "AB", "G_AB", "G_BA"
	cycle                   string // "cycle_A_", the prefix of the scores of reconstructions
	from, to                graph.Shape
	sources                 []*image.NRGBA
	likeTargets             []*image.NRGBA // the sources with the channels of the target domain
	truths                  []*image.NRGBA // the sources in the target domain; nil if unknown
	swd                     *metric.SWD
	targets                 *metric.SWDSet
	target                  *metric.Features // of the targets; nil without an extractor
}

// minSide is the shortest side that SWD and SSIM accept, in pixels.
const minSide = 16

// New reads up to Count images of each domain, spread evenly over the test set, or over the
// training set if there is no test set. It resizes them to the shapes of training.
func New(ctx context.Context, data *dataset.Dataset, shapeA, shapeB graph.Shape, o Options) (*Evaluator, error) {
	if min(shapeA.H, shapeA.W, shapeB.H, shapeB.W) < minSide {
		return nil, fmt.Errorf("evaluate images of %dx%d and %dx%d: the shortest side must be at least %d\nFix: turn evaluation off with -eval_every 0",
			shapeA.W, shapeA.H, shapeB.W, shapeB.H, minSide)
	}
	if o.Features == features.None {
		o.Features = ""
	}
	atLeast := 1
	if o.Features != "" {
		atLeast = 2 // the statistics of features need two
	}
	e := &Evaluator{data: data}
	e.ab = &direction{suffix: "AB", generator: "G_AB", back: "G_BA", cycle: "cycle_A_", from: shapeA, to: graph.Shape{H: shapeA.H, W: shapeA.W, C: shapeB.C}}
	e.ba = &direction{suffix: "BA", generator: "G_BA", back: "G_AB", cycle: "cycle_B_", from: shapeB, to: graph.Shape{H: shapeB.H, W: shapeB.W, C: shapeA.C}}
	if err := e.ab.choose(ctx, data.TestA(), o.Count, atLeast); err != nil {
		return nil, fmt.Errorf("choose images of domain A for evaluation: %w", err)
	}
	if err := e.ba.choose(ctx, data.TestB(), o.Count, atLeast); err != nil {
		return nil, fmt.Errorf("choose images of domain B for evaluation: %w", err)
	}
	var err error
	if o.Features != "" {
		if e.extractor, err = features.Open(o.Features, &o.Extractor); err != nil {
			return nil, fmt.Errorf("open the feature extractor: %w", err)
		}
	}
	if err = e.prepare(ctx, e.ab, e.ba.sources); err == nil {
		err = e.prepare(ctx, e.ba, e.ab.sources)
	}
	if err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// Close frees the feature extractor. It may be called twice.
func (e *Evaluator) Close() error {
	if e.extractor == nil {
		return nil
	}
	return e.extractor.Close()
}

// Split names the set that the images come from: "test", "train" if the dataset has no test images,
// or both if only one domain has them.
func (e *Evaluator) Split() string {
	switch a, b := e.data.TestA().FromTrain, e.data.TestB().FromTrain; {
	case a && b:
		return "train"
	case a:
		return "train (A), test (B)"
	case b:
		return "test (A), train (B)"
	}
	return "test"
}

// Extractor names the feature extractor by its file name and the beginning of its SHA-256, "" for
// none.
func (e *Evaluator) Extractor() string {
	if e.extractor == nil {
		return ""
	}
	info := e.extractor.Info()
	return fmt.Sprintf("%s %.12s", info.Name, info.SHA256)
}

// How describes everything but the generators that the scores depend on. Scores with different
// descriptions cannot be compared.
func (e *Evaluator) How() string {
	text := fmt.Sprintf("%s, %d and %d images, %s", e.Split(), len(e.ab.sources), len(e.ba.sources), e.Resize())
	if name := e.Extractor(); name != "" {
		text += ", features by " + name
	}
	return text
}

// Resize describes how the images were resized.
func (e *Evaluator) Resize() string {
	text := fmt.Sprintf("%dx%d", e.ab.from.W, e.ab.from.H)
	if e.ba.from.W != e.ab.from.W || e.ba.from.H != e.ab.from.H {
		text += fmt.Sprintf(" and %dx%d", e.ba.from.W, e.ba.from.H)
	}
	return text + ", bicubic"
}

// choose reads at least atLeast images, spread evenly over a set, with their counterparts if all
// have one. It replaces an unreadable image by the next one.
func (d *direction) choose(ctx context.Context, set *dataset.Set, count, atLeast int) error {
	n := min(count, set.Len())
	for i := range n {
		for at := i * set.Len() / n; at < (i+1)*set.Len()/n; at++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			img, err := set.Image(at, d.from.W, d.from.H)
			if err != nil {
				continue
			}
			d.sources = append(d.sources, img)
			if truth, ok := set.Counterpart(at, d.from.W, d.from.H); ok {
				d.truths = append(d.truths, truth)
			}
			break
		}
	}
	if len(d.sources) < atLeast {
		return fmt.Errorf("readable images: %d of %d, at least %d needed\nFix: add images to the test set, or turn evaluation off with -eval_every 0",
			len(d.sources), set.Len(), atLeast)
	}
	if len(d.truths) != len(d.sources) {
		d.truths = nil
	}
	return nil
}

// prepare computes what does not depend on the generators.
func (e *Evaluator) prepare(ctx context.Context, d *direction, targets []*image.NRGBA) (err error) {
	if size := targets[0].Rect.Size(); size != image.Pt(d.to.W, d.to.H) {
		targets = mapped(targets, func(img *image.NRGBA) *image.NRGBA { return pixels.Resize(img, d.to.W, d.to.H) })
	}
	if d.swd, err = metric.NewSWD(d.to.W, d.to.H, nil); err != nil {
		return err
	}
	if d.targets, err = d.gather(targets); err != nil {
		return err
	}
	d.likeTargets = d.sources
	if d.to.C == 1 && d.from.C != 1 {
		d.likeTargets = mapped(d.sources, gray)
	}
	score, err := d.distance(ctx, d.likeTargets, "untouched_"+d.suffix+"_SWD")
	if err != nil {
		return err
	}
	truths, err := compare(d.likeTargets, d.truths, "untouched_"+d.suffix+"_")
	if err != nil {
		return err
	}
	e.untouched = append(append(e.untouched, score), truths...)
	if e.extractor == nil {
		return nil
	}
	if d.target, err = e.features(ctx, targets); err != nil {
		return err
	}
	scores, err := e.featureScores(ctx, d, d.likeTargets, "untouched_"+d.suffix+"_KID", "untouched_"+d.suffix+"_FID")
	e.untouched = append(e.untouched, scores...)
	return err
}

// features returns the feature vectors of images.
func (e *Evaluator) features(ctx context.Context, images []*image.NRGBA) (*metric.Features, error) {
	values, err := e.extractor.Extract(ctx, images)
	if err != nil {
		return nil, err
	}
	f, err := metric.NewFeatures(len(values) / len(images))
	if err != nil {
		return nil, err
	}
	return f, f.Add(values)
}

func mapped(images []*image.NRGBA, f func(*image.NRGBA) *image.NRGBA) []*image.NRGBA {
	out := make([]*image.NRGBA, len(images))
	for i, img := range images {
		out[i] = f(img)
	}
	return out
}

func (d *direction) gather(images []*image.NRGBA) (*metric.SWDSet, error) {
	set := d.swd.NewSet()
	for _, img := range images {
		if err := set.Add(img); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// distance returns the SWD between images and the targets.
func (d *direction) distance(ctx context.Context, images []*image.NRGBA, name string) (metric.Score, error) {
	set, err := d.gather(images)
	if err != nil {
		return metric.Score{}, err
	}
	result, err := d.swd.Distance(ctx, d.targets, set)
	if err != nil {
		return metric.Score{}, err
	}
	return result.Score(name), nil
}

// compare scores images against their truths, which are nil if unknown.
func compare(images, truths []*image.NRGBA, prefix string) ([]metric.Score, error) {
	var pairs metric.Pairs
	for i, truth := range truths {
		p, err := metric.Compare(images[i], truth)
		if err != nil {
			return nil, err
		}
		pairs.Add(p)
	}
	return pairs.Scores(prefix), nil
}
