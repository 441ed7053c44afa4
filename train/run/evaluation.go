//go:build tensorflow

package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"time"

	"cyclegan/graph"
	"cyclegan/infer/session"
	"cyclegan/third_party/native"
	"cyclegan/train"
	"cyclegan/train/checkpoint"
	"cyclegan/train/evaluate"
	"cyclegan/train/metric/features"
	"cyclegan/train/pace"
	"cyclegan/train/report"
)

// evaluation is the hook that scores the generators on held-out images and keeps the best state.
type evaluation struct {
	*run
	ctx       context.Context
	evaluator *evaluate.Evaluator
	file      *report.Evaluations
	list      []report.Evaluation
}

// newEvaluation chooses the held-out images.
func newEvaluation(ctx context.Context, r *run) (e *evaluation, err error) {
	extractor := features.Options{Output: r.opts.FeaturesOutput, Layout: r.opts.FeaturesLayout, BGR: r.opts.FeaturesBGR}
	if r.opts.FeaturesRange != "" {
		if err = extractor.Range.UnmarshalText([]byte(r.opts.FeaturesRange)); err != nil {
			return nil, fmt.Errorf("-features_range: %w", err)
		}
	}
	e = &evaluation{run: r, ctx: ctx}
	begin := r.timing.now()
	shapeA, shapeB := r.trainer.Shapes()
	o := evaluate.Options{Count: r.opts.EvalCount, Features: r.opts.Features, Extractor: extractor}
	if o.Features == features.EfficientNet && min(r.data.TestA().Len(), r.data.TestB().Len()) < 2 {
		o.Features = features.None // they need two images
	}
	e.evaluator, err = evaluate.New(ctx, r.data, shapeA, shapeB, o)
	needed := r.opts.BestBy == "KID" || r.opts.BestBy == "FID"
	if o.Features == features.EfficientNet && !needed && unavailable(err) {
		r.Display.Say("the scores are without KID and FID, because the weights of EfficientNet-Lite0 or ONNX Runtime are not installed; to install them: go run ./third_party install")
		o.Features = features.None
		e.evaluator, err = evaluate.New(ctx, r.data, shapeA, shapeB, o)
	}
	if errors.Is(err, features.ErrNoRange) {
		err = fmt.Errorf("%w\nFix: add -features_range LO,HI", err)
	}
	if err != nil {
		return nil, err
	}
	r.timing.expectEvaluations(begin)
	r.open = append(r.open, e.evaluator)
	return e, nil
}

// unavailable reports whether an extractor cannot be opened because of what is not installed.
func unavailable(err error) bool {
	var runtime *session.NotFoundError
	return errors.Is(err, native.ErrNotFound) || errors.Is(err, session.ErrNoCgo) || errors.As(err, &runtime)
}

// findBest reads which state is the best so far.
func (r *run) findBest() {
	best, err := r.opts.Checkpoints().Best()
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil || best.Best == nil:
		r.Display.Say(fmt.Sprintf("moving the best checkpoint to the superseded ones, because it cannot be used: %v", err))
		r.tolerate("the best checkpoint", r.trainer.Steps(), r.opts.Checkpoints().SupersedeBest())
	default:
		best.Tensors = nil
		r.best = best
	}
}

// resume reads the evaluations so far. It repeats that of the current step if the run was stopped
// during it.
func (e *evaluation) resume() (err error) {
	path := filepath.Join(e.opts.Dir(), evaluationsFile)
	if e.file, err = report.OpenEvaluations(path); err != nil {
		return err
	}
	e.open = append(e.open, e.file)
	if err := e.file.TruncateAfter(e.keptStep()); err != nil {
		return err
	}
	if e.list, err = report.ReadEvaluations(path); err != nil {
		return err
	}
	step, seen, every := e.trainer.Steps(), e.trainer.Seen(), int64(e.opts.EvalEvery)
	due := seen/every != (seen-int64(e.opts.BatchSize))/every || step == e.planned()
	before := slices.DeleteFunc(slices.Clone(e.list), func(v report.Evaluation) bool { return v.Step == step })
	if step == 0 || !due || len(e.list)-len(before) >= len(e.opts.Weights()) {
		return nil
	}
	if err := e.file.TruncateAfter(step - 1); err != nil {
		return err
	}
	e.list = before
	if e.best != nil && e.best.Step == step {
		e.best = nil
	}
	return e.evaluate()
}

func (e *evaluation) step(p train.Progress) error {
	if !p.Crossed(e.opts.EvalEvery) && p.Step != p.Steps {
		return nil
	}
	if err := e.evaluate(); err != nil || p.Step == p.Steps {
		return err
	}
	if e.early = e.exhausted(); e.early != "" {
		e.Display.Say(e.early)
		return train.ErrStop
	}
	return nil
}

// exhausted says why the run ends, if -patience does not wait for a better score any longer.
func (e *evaluation) exhausted() string {
	if e.opts.Patience == 0 || e.best == nil {
		return ""
	}
	since := map[int64]bool{}
	for _, v := range e.list {
		if v.Step > e.best.Step {
			since[v.Step] = true
		}
	}
	if len(since) < e.opts.Patience {
		return ""
	}
	return fmt.Sprintf("stopped early: %s has not improved for %d evaluations (best %.4g at step %d); -patience 0 trains on",
		e.best.Best.By, len(since), e.best.Best.Value, e.best.Step)
}

// evaluate scores all weights that the run keeps, and saves the state if it is the best so far. An
// evaluation that fails does not end the run.
func (e *evaluation) evaluate() error {
	begin, step := e.timing.now(), e.trainer.Steps()
	made, err := e.score(step)
	if e.ctx.Err() != nil {
		return e.ctx.Err()
	}
	e.tolerate("the scores (-eval_every 0 turns them off)", step, err)
	if err != nil {
		return nil
	}
	var before *checkpoint.Best
	if e.best != nil {
		before = e.best.Best
	}
	best, replaced := chooseBest(before, made, e.opts.BestBy, e.evaluator.How())
	if replaced != "" {
		e.Display.Say(fmt.Sprintf("the best checkpoint, of step %d, is replaced, because %s", e.best.Step, replaced))
	}
	if best != nil {
		// Before the evaluations are written, so that a run that is killed in between repeats this.
		e.tolerate("the best checkpoint", step, e.saver.SaveBest(*best))
		e.best = &checkpoint.Checkpoint{Step: step, Best: best}
	}
	for _, v := range made {
		v.Best = best != nil && best.Weights == v.Weights
		e.list = append(e.list, v)
		e.tolerate("the evaluations", step, e.file.Append(v))
		e.tolerate("the events", step, e.journal.events.Evaluation(v))
	}
	e.timing.did(pace.Evaluation, begin)
	e.Display.Say(summary(made[0], best))
	e.page.update(report.Running, false)
	return nil
}

// score evaluates each kind of weights.
func (e *evaluation) score(step int64) ([]report.Evaluation, error) {
	var made []report.Evaluation
	for i, weights := range e.opts.Weights() {
		begin := time.Now()
		result, err := e.evaluator.Evaluate(e.ctx, func(generator string, images []float32, n int, shape graph.Shape) ([]float32, error) {
			return e.trainer.TranslateWith(weights, generator, images, n, shape)
		})
		if err != nil {
			return nil, err
		}
		made = append(made, report.Evaluation{
			Step: step, Epoch: e.epoch, Time: time.Now(), Seconds: time.Since(begin).Seconds(), Weights: weights,
			Split: e.evaluator.Split(), Resize: e.evaluator.Resize(), Features: e.evaluator.Extractor(), Scores: result.Scores,
		})
		if i > 0 {
			continue // warnings concern the weights that will be used
		}
		for _, s := range result.Signals {
			e.journal.warn(e.journal.watcher.Evaluated(step, s))
		}
	}
	return made, nil
}

// chooseBest returns the best of the evaluations by a score, nil if none is better than the best so
// far. Scores that were computed in another way cannot be compared; then replaced says why, and the
// best evaluation replaces the best so far.
func chooseBest(before *checkpoint.Best, made []report.Evaluation, by, how string) (best *checkpoint.Best, replaced string) {
	current := before
	for _, v := range made {
		name, value, higher := evaluate.Overall(v.Scores, by)
		if math.IsNaN(value) {
			continue
		}
		if current != nil && (current.By != name || current.How != how) {
			replaced = fmt.Sprintf("it was chosen by %s (%s), and now %s (%s) counts", current.By, current.How, name, how)
			current = nil
		}
		if current == nil || higher && value > current.Value || !higher && value < current.Value {
			current = &checkpoint.Best{Weights: v.Weights, By: name, Value: value, How: how}
		}
	}
	if current == before {
		return nil, replaced
	}
	return current, replaced
}

// summary describes an evaluation in one line.
func summary(v report.Evaluation, best *checkpoint.Best) string {
	swd, _ := evaluate.Find(v.Scores, "SWD_AB")
	text := fmt.Sprintf("evaluated at step %d on %s images, A: %d, B: %d, %s, %s weights:", v.Step, v.Split, swd.N, swd.NReal, v.Resize, v.Weights)
	for _, s := range []struct{ label, ab, ba string }{
		{"SWD", "SWD_AB", "SWD_BA"}, {"untouched SWD", "untouched_AB_SWD", "untouched_BA_SWD"},
		{"cycle PSNR", "cycle_A_PSNR", "cycle_B_PSNR"},
		{"KID", "KID_AB", "KID_BA"}, {"untouched KID", "untouched_AB_KID", "untouched_BA_KID"}, {"FID", "FID_AB", "FID_BA"},
		{"true PSNR", "true_AB_PSNR", "true_BA_PSNR"},
	} {
		ab, known := evaluate.Find(v.Scores, s.ab)
		if ba, _ := evaluate.Find(v.Scores, s.ba); known {
			text += fmt.Sprintf("  %s %.3g/%.3g", s.label, ab.Value, ba.Value)
		}
	}
	if v.Features != "" {
		text += "  features by " + v.Features
	}
	if best != nil {
		text += fmt.Sprintf("  best so far (%s)", best.Weights)
	}
	return text
}

// result describes the best state of the run in lines, or the newest one before there is a best:
// the scores of its translations and of the untouched images. Exported reports that the models are
// written.
func (r *run) result(exported bool) []string {
	var lines []string
	if r.early != "" {
		lines = append(lines, r.early)
	}
	if r.evaluation != nil {
		for _, v := range slices.Backward(r.evaluation.list) {
			if r.best == nil && v.Weights == r.opts.Weights()[0] || r.best != nil && v.Step == r.best.Step && v.Weights == r.best.Best.Weights {
				nameA, nameB := r.data.Domains()
				lines = append(lines, fmt.Sprintf("evaluated at step %d on %s images, resized to %s, %s weights:", v.Step, v.Split, v.Resize, v.Weights),
					margin(v, "AB", nameA, nameB), margin(v, "BA", nameB, nameA))
				break
			}
		}
	}
	if r.best == nil {
		return lines
	}
	text := fmt.Sprintf("best: step %d, %s weights, %s %.4g; ", r.best.Step, r.best.Best.Weights, r.best.Best.By, r.best.Best.Value)
	if !exported {
		return append(lines, text+"to export it: "+r.exportCommand(""))
	}
	return append(lines, text+"exported to "+filepath.Join(r.opts.Dir(), "G_AB.onnx")+" and G_BA.onnx",
		fmt.Sprintf("last: step %d, %s weights; exported to %s", r.trainer.Steps(), r.opts.Weights()[0], filepath.Join(r.opts.Dir(), latestDir)))
}

// margin compares the translations with the untouched images: by PSNR to the true counterparts if
// they are known, and by KID and SWD if not. SWD compares structure rather than overall color, and
// is noisy for few images.
func margin(v report.Evaluation, way, from, to string) string {
	scores := v.Scores
	made, known := evaluate.Find(scores, "true_"+way+"_PSNR")
	before, _ := evaluate.Find(scores, "untouched_"+way+"_PSNR")
	if known {
		return fmt.Sprintf("%s to %s, images: %d: PSNR %.2f dB (untouched input %.2f dB, %+.2f dB)",
			from, to, made.N, made.Value, before.Value, made.Value-before.Value)
	}
	made, _ = evaluate.Find(scores, "SWD_"+way)
	before, _ = evaluate.Find(scores, "untouched_"+way+"_SWD")
	text := fmt.Sprintf("%s to %s, images: %d and %d real ones: SWD %.1f (untouched input %.1f, %+.1f; lower is better)",
		from, to, made.N, made.NReal, made.Value, before.Value, made.Value-before.Value)
	if made, known = evaluate.Find(scores, "KID_"+way); known {
		before, _ = evaluate.Find(scores, "untouched_"+way+"_KID")
		text += fmt.Sprintf("; KID %.3g (untouched input %.3g, %+.3g) by %s", made.Value, before.Value, made.Value-before.Value, v.Features)
	}
	return text
}
