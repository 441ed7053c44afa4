//go:build tensorflow

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cyclegan/graph"
	"cyclegan/train"
	"cyclegan/train/checkpoint"
	"cyclegan/train/evaluate"
	"cyclegan/train/metric"
	"cyclegan/train/metric/features"
	"cyclegan/train/report"
)

// openJudge chooses the held-out pictures.
func (a *attached) openJudge() (err error) {
	extractor := features.Options{Output: a.opts.FeaturesOutput, Layout: a.opts.FeaturesLayout, BGR: a.opts.FeaturesBGR}
	if a.opts.FeaturesRange != "" {
		if err = extractor.Range.UnmarshalText([]byte(a.opts.FeaturesRange)); err != nil {
			return fmt.Errorf("-features_range: %w", err)
		}
	}
	shapeA, shapeB := a.trainer.Shapes()
	a.judge, err = evaluate.New(a.ctx, a.data, shapeA, shapeB, evaluate.Options{Count: a.opts.EvalCount, Features: a.opts.Features, Extractor: extractor})
	if errors.Is(err, features.ErrNoRange) {
		err = fmt.Errorf("%w; give them as -features_range", err)
	}
	if err != nil {
		return err
	}
	a.open = append(a.open, a.judge)
	return nil
}

// findBest looks up the best checkpoint, to compare with. One that can't be
// used is put aside, and the next judging is the first to compare with.
func (a *attached) findBest() {
	best, err := a.opts.Checkpoints().Best()
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil || best.Best == nil:
		a.meter.say(fmt.Sprintf("the best checkpoint can't be used and is put aside: %v", err))
		a.tried("the best checkpoint", a.trainer.Steps(), a.opts.Checkpoints().SupersedeBest())
	default:
		best.Tensors = nil
		a.best = best
	}
}

// evaluate judges the generators every eval_every pictures and at the end.
func (a *attached) evaluate(p train.Progress) error {
	if a.judge == nil || !p.Crossed(a.opts.EvalEvery) && p.Step != p.Steps {
		return nil
	}
	return a.judgeNow()
}

// catchUp makes up for a judging that a run was stopped in.
func (a *attached) catchUp() error {
	step, batch, every := a.trainer.Steps(), int64(a.opts.BatchSize), int64(a.opts.EvalEvery)
	if a.judge == nil || step == 0 {
		return nil
	}
	if step*batch/every == (step-1)*batch/every && step != a.opts.StepsOf(a.data.Batches()) {
		return nil
	}
	made := 0
	for _, e := range a.judged {
		if e.Step == step {
			made++
		}
	}
	if made >= len(a.opts.Weights()) {
		return nil
	}
	// What there is of it is made again.
	if err := a.evaluations.TruncateAfter(step - 1); err != nil {
		return err
	}
	a.judged = slices.DeleteFunc(a.judged, func(e report.Evaluation) bool { return e.Step == step })
	if a.best != nil && a.best.Step == step {
		a.best = nil
	}
	return a.judgeNow()
}

// judgeNow judges all weights that the run keeps, tells the result, and saves
// the state if it is the best so far. Only the end of the context ends the
// training: a judging that fails is told, and tried again when the next is due.
func (a *attached) judgeNow() error {
	step := a.trainer.Steps()
	made, err := a.judgeAll(step)
	if a.ctx.Err() != nil {
		return a.ctx.Err()
	}
	a.tried("the scores (-eval_every 0 turns them off)", step, err)
	if err != nil {
		return nil
	}
	best := a.chooseBest(made)
	if best != nil {
		// Before it is told of: a run that is killed in between judges again.
		a.tried("the best checkpoint", step, a.saver.SaveBest(*best))
		a.best = &checkpoint.Checkpoint{Step: step, Best: best}
	}
	for _, e := range made {
		e.Best = best != nil && best.Weights == e.Weights
		a.judged = append(a.judged, e)
		a.tried("the evaluations", step, a.evaluations.Append(e))
		a.tried("the events", step, a.events.Evaluation(e))
	}
	a.meter.say(judgedLine(made, best))
	a.updatePage(report.Running, false)
	return nil
}

// judgeAll judges each kind of weights.
func (a *attached) judgeAll(step int64) ([]report.Evaluation, error) {
	var made []report.Evaluation
	for i, weights := range a.opts.Weights() {
		begin := time.Now()
		verdict, err := a.judge.Evaluate(a.ctx, func(generator string, pictures []float32, n int, shape graph.Shape) ([]float32, error) {
			return a.trainer.TranslateWith(weights, generator, pictures, n, shape)
		})
		if err != nil {
			return nil, err
		}
		made = append(made, report.Evaluation{
			Step: step, Epoch: a.epoch, Time: time.Now(), Seconds: time.Since(begin).Seconds(),
			Weights: weights, Split: a.judge.Split(), Resize: a.judge.Resize(), Features: a.judge.Extractor(), Scores: verdict.Scores,
		})
		if i == 0 { // those that will be used
			for _, s := range verdict.Signals {
				a.warn(a.watcher.Evaluated(step, s))
			}
		}
	}
	return made, nil
}

// chooseBest gives the best of the evaluations where it is better than the best
// checkpoint, or can't be compared with it.
func (a *attached) chooseBest(made []report.Evaluation) *checkpoint.Best {
	var best *checkpoint.Best
	if a.best != nil {
		best = a.best.Best
	}
	before := best
	for _, e := range made {
		by, value, higher := evaluate.Overall(e.Scores, a.opts.BestBy)
		if math.IsNaN(value) {
			continue
		}
		if best != nil && (best.By != by || best.How != a.judge.How()) {
			a.meter.say(fmt.Sprintf("the best checkpoint, of step %d, was chosen by %s of %s; now %s of %s counts, and the comparison begins anew",
				a.best.Step, best.By, best.How, by, a.judge.How()))
			best = nil
		}
		if best == nil || higher && value > best.Value || !higher && value < best.Value {
			best = &checkpoint.Best{Weights: e.Weights, By: by, Value: value, How: a.judge.How()}
		}
	}
	if best == before {
		return nil
	}
	return best
}

// judgedLine tells a judging in a line.
func judgedLine(made []report.Evaluation, best *checkpoint.Best) string {
	e := made[0]
	show := func(label, ab, ba string) string {
		a, okA := evaluate.Find(e.Scores, ab)
		b, okB := evaluate.Find(e.Scores, ba)
		if !okA || !okB {
			return ""
		}
		return fmt.Sprintf("  %s %.3g/%.3g", label, a.Value, b.Value)
	}
	swd, _ := evaluate.Find(e.Scores, "SWD_AB")
	text := fmt.Sprintf("judged at step %d by %s pictures, %d of A and %d of B, %s, with the %s weights:", e.Step, e.Split, swd.N, swd.NReal, e.Resize, e.Weights) +
		show("SWD", "SWD_AB", "SWD_BA") +
		show("untouched SWD", "untouched_AB_SWD", "untouched_BA_SWD") +
		show("cycle PSNR", "cycle_A_PSNR", "cycle_B_PSNR") +
		show("KID", "KID_AB", "KID_BA") + show("FID", "FID_AB", "FID_BA") +
		show("PSNR to the truth", "true_AB_PSNR", "true_BA_PSNR")
	if best != nil {
		text += fmt.Sprintf("  best so far (%s)", best.Weights)
	}
	return text
}

// verdict says in lines what the newest judging found: whether the
// translations are nearer to the other domain than the pictures that they were
// made of, and which state of the run is the best.
func (a *attached) verdict() []string {
	var lines []string
	for i := len(a.judged) - 1; i >= 0; i-- {
		e := a.judged[i]
		if e.Weights != a.opts.Weights()[0] {
			continue
		}
		nameA, nameB := a.data.Domains()
		lines = append(lines,
			fmt.Sprintf("judged at step %d by %s pictures, resized to %s, with the %s weights:", e.Step, e.Split, e.Resize, e.Weights),
			margin(e.Scores, "AB", nameA, nameB), margin(e.Scores, "BA", nameB, nameA))
		break
	}
	if a.best == nil {
		return lines
	}
	best := fmt.Sprintf("best: step %d, %s weights, by %s %.4g", a.best.Step, a.best.Best.Weights, a.best.Best.By, a.best.Best.Value)
	if a.exported {
		return append(lines, best+"; exported to "+filepath.Join(a.opts.Dir(), bestDir))
	}
	return append(lines, best+"; to export it: go run ./cmd/export "+a.command.nameFlags()+" -epoch best")
}

// printVerdict prints the verdict, indented under its first line.
func (a *attached) printVerdict() {
	for i, line := range a.verdict() {
		indent := "  "
		if i == 0 {
			indent = "\n"
		}
		fmt.Println(indent + line)
	}
}

// margin compares the translations with the untouched pictures: by PSNR to the
// true counterparts where they are known, by SWD where not.
func margin(scores []metric.Score, way, from, to string) string {
	made, ok := evaluate.Find(scores, "true_"+way+"_PSNR")
	before, _ := evaluate.Find(scores, "untouched_"+way+"_PSNR")
	if ok {
		return fmt.Sprintf("%s to %s, n = %d: the translated picture has %.2f dB PSNR to the true %s, the untouched %s has %.2f: %s",
			from, to, made.N, made.Value, to, from, before.Value, nearer(made.Value-before.Value, "dB"))
	}
	made, _ = evaluate.Find(scores, "SWD_"+way)
	before, _ = evaluate.Find(scores, "untouched_"+way+"_SWD")
	// SWD looks at structure and not at an overall cast, and few pictures make
	// it chance: it is no verdict by itself.
	return fmt.Sprintf("%s to %s, n = %d against %d: the translations are at SWD %.1f from real %s, the untouched %s pictures at %.1f: %s",
		from, to, made.N, made.NReal, made.Value, to, from, before.Value, nearer(before.Value-made.Value, ""))
}

func nearer(by float64, unit string) string {
	text := strings.TrimSpace(fmt.Sprintf("%.2f %s", math.Abs(by), unit))
	switch {
	case by > 0:
		return text + " nearer"
	case by < 0:
		return text + " FARTHER"
	}
	return "no difference"
}
