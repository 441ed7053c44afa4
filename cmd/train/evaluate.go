//go:build tensorflow

package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"cyclegan/graph"
	"cyclegan/train"
	"cyclegan/train/judge"
	"cyclegan/train/metric"
	"cyclegan/train/report"
)

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
	if a.judge == nil || step == 0 || step*batch/every == (step-1)*batch/every {
		return nil
	}
	if n := len(a.judged); n > 0 && a.judged[n-1].Step == step {
		return nil
	}
	return a.judgeNow()
}

// judgeNow judges all weights that the run keeps, tells the result, and saves
// the state if it is the best so far.
func (a *attached) judgeNow() error {
	step := a.trainer.Steps()
	var made []report.Evaluation
	var best *train.Best
	for i, weights := range a.opts.Weights() {
		begin := time.Now()
		verdict, err := a.judge.Judge(a.ctx, func(generator string, pictures []float32, n int, shape graph.Shape) ([]float32, error) {
			return a.trainer.TranslateWith(weights, generator, pictures, n, shape)
		})
		if err != nil {
			return err
		}
		e := report.Evaluation{
			Step: step, Epoch: a.epoch, Time: time.Now(), Seconds: time.Since(begin).Seconds(),
			Weights: weights, Split: a.judge.Split(), Resize: a.judge.Resize(), Scores: verdict.Scores,
		}
		by, value, higher := judge.Overall(e.Scores, a.opts.BestBy)
		if a.better(value, higher, made) {
			best = &train.Best{Weights: weights, By: by, Value: value}
			for j := range made {
				made[j].Best = false
			}
			e.Best = true
		}
		made = append(made, e)
		if i == 0 { // those that will be used
			for _, s := range verdict.Signals {
				a.warn(a.watcher.Judged(step, s))
			}
		}
	}
	for _, e := range made {
		a.judged = append(a.judged, e)
		a.tried("the judgings", step, a.evaluations.Append(e))
		a.tried("the events", step, a.events.Evaluation(e))
	}
	a.meter.say(judgedLine(made, best))
	if best != nil {
		a.tried("the best checkpoint", step, a.saver.SaveBest(*best))
	}
	a.updatePage(report.Running, false)
	return nil
}

// better reports whether no judging was as good, neither one of this step nor
// an earlier one.
func (a *attached) better(value float64, higher bool, now []report.Evaluation) bool {
	if math.IsNaN(value) {
		return false
	}
	for _, e := range append(now, a.judged...) {
		_, other, _ := judge.Overall(e.Scores, a.opts.BestBy)
		if higher && other >= value || !higher && other <= value {
			return false
		}
	}
	return true
}

// judgedLine tells a judging in a line.
func judgedLine(made []report.Evaluation, best *train.Best) string {
	e := made[0]
	show := func(label, ab, ba string) string {
		a, okA := judge.Find(e.Scores, ab)
		b, okB := judge.Find(e.Scores, ba)
		if !okA || !okB {
			return ""
		}
		return fmt.Sprintf("  %s %.3g/%.3g", label, a.Value, b.Value)
	}
	n := 0
	if s, ok := judge.Find(e.Scores, "SWD_AB"); ok {
		n = s.N
	}
	text := fmt.Sprintf("judged at step %d, %d %s pictures, %s weights:", e.Step, n, e.Split, e.Weights) +
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
			fmt.Sprintf("judged at step %d by held-out pictures (split %s, resized to %s, %s weights):", e.Step, e.Split, e.Resize, e.Weights),
			margin(e.Scores, "AB", nameA, nameB), margin(e.Scores, "BA", nameB, nameA))
		break
	}
	for i := len(a.judged) - 1; i >= 0; i-- {
		if e := a.judged[i]; e.Best {
			by, value, _ := judge.Overall(e.Scores, a.opts.BestBy)
			return append(lines, fmt.Sprintf("best: step %d, %s weights, by %s %.4g; exported to %s", e.Step, e.Weights, by, value, filepath.Join(a.opts.Dir(), bestDir)))
		}
	}
	return lines
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
	made, ok := judge.Find(scores, "true_"+way+"_PSNR")
	before, _ := judge.Find(scores, "untouched_"+way+"_PSNR")
	if ok {
		return fmt.Sprintf("%s to %s, n = %d: the translated picture has %.2f dB PSNR to the true %s, the untouched %s has %.2f: %s",
			from, to, made.N, made.Value, to, from, before.Value, nearer(made.Value-before.Value, "dB"))
	}
	made, _ = judge.Find(scores, "SWD_"+way)
	before, _ = judge.Find(scores, "untouched_"+way+"_SWD")
	return fmt.Sprintf("%s to %s, n = %d against %d: the translations are at SWD %.1f from real %s, the untouched %s pictures at %.1f: %s",
		from, to, made.N, made.NReal, made.Value, to, from, before.Value, nearer(before.Value-made.Value, ""))
}

func nearer(by float64, unit string) string {
	text := strings.TrimSpace(fmt.Sprintf("%.2f %s", math.Abs(by), unit))
	if by > 0 {
		return text + " nearer"
	}
	return text + " FARTHER: the training has not learnt this direction"
}
