//go:build tensorflow

package run

import (
	"fmt"
	"time"

	"cyclegan/train"
	"cyclegan/train/checkpoint"
	"cyclegan/train/pace"
	"cyclegan/train/report"
	"cyclegan/train/watch"
)

// timing is the last hook: it measures the run and predicts its end. With -max_minutes it sets the
// pace at which the run goes through its schedule.
type timing struct {
	*run
	forecast *pace.Forecast
	began    time.Time     // this process
	before   time.Duration // that the run took in earlier processes, if it counts its time
	last     time.Time     // the end of the previous step and its hooks
	tasks    time.Duration // since then
	told     bool          // how long the run takes
}

// newTiming begins to measure.
func newTiming(r *run) *timing {
	if r.now == nil {
		r.now = time.Now
	}
	t := &timing{run: r, began: r.now(), forecast: pace.New(r.opts.BatchSize)}
	t.forecast.Expect(pace.Samples, pace.Cost{Every: int64(r.opts.DisplayFreq), Steps: 2, Time: time.Second})
	t.forecast.Expect(pace.Finish, pace.Cost{Steps: 4, Time: 10 * time.Second})
	return t
}

// expectEvaluations takes the time since begin, in which the untouched images were scored, as that
// of scoring translations.
func (t *timing) expectEvaluations(begin time.Time) {
	kinds := len(t.opts.Weights())
	passes := 4 * t.opts.EvalCount // each image of both domains goes through both generators
	// A step is some twelve such passes for each of its images.
	t.forecast.Expect(pace.Evaluation, pace.Cost{
		Every: int64(t.opts.EvalEvery),
		Steps: float64(kinds*passes) / 12 / float64(t.opts.BatchSize), Time: time.Duration(kinds) * t.now().Sub(begin),
	})
}

// limit is the time that the run may take, 0 for any.
func (t *timing) limit() time.Duration {
	return time.Duration(t.opts.MaxMinutes * float64(time.Minute))
}

// spent is the time that the run has taken, over all resumes since it has a limit.
func (t *timing) spent() time.Duration { return t.before + t.now().Sub(t.began) }

// start follows the start of the trainer, from a checkpoint or nil.
func (t *timing) start(from *checkpoint.Checkpoint) {
	if t.limit() > 0 {
		t.trainer.CountTime(t.spent)
	}
	if from == nil {
		return
	}
	t.before = from.Spent
	if t.Resume.Saved.MaxMinutes == t.opts.MaxMinutes {
		return
	}
	// With a later end, or none, the run is less far in its schedule than it was.
	was := t.trainer.Passed()
	t.trainer.SetPassed(0)
	if limit := t.limit(); limit > 0 {
		share := min(1, from.Spent.Seconds()/limit.Seconds())
		batches := t.data.Batches()
		length := float64(t.opts.StepsOf(batches))
		t.trainer.SetPassed(max(0, min(was, t.trainer.Left(batches)-(1-share)*length)))
	}
}

// planned is the last step of the run, as far as it is known.
func (r *run) planned() int64 { return r.trainer.PlannedSteps(r.data.Batches()) }

// did measures a task that began at some time.
func (t *timing) did(task pace.Task, begin time.Time) {
	took := t.now().Sub(begin)
	t.forecast.Did(task, took)
	t.tasks += took
}

// left is the predicted time to the end of the run, 0 if it is unknown.
func (t *timing) left() time.Duration {
	if t.forecast.Measured() == 0 {
		return 0
	}
	return t.forecast.Left(t.trainer.Steps(), t.planned())
}

func (t *timing) step(p train.Progress) error {
	now := t.now()
	t.forecast.Step(now.Sub(t.last) - t.tasks)
	t.last, t.tasks = now, 0
	if limit := t.limit(); limit > 0 && p.Step < p.Steps {
		p.Trainer.SetPace(t.forecast.Pace(p.Step, p.Trainer.Left(p.Batches), limit, t.before+now.Sub(t.began)))
	}
	// Few steps are enough, and fewer if they are slow.
	if n := t.forecast.Measured(); !t.told && p.Step < p.Steps && (n >= 3 || n >= 1 && now.Sub(t.began) > 30*time.Second) {
		t.told = true
		t.tell(p)
	}
	return nil
}

// foretell says roughly how long a long run takes, before its first steps can be measured.
func (t *timing) foretell() {
	rough := t.trainer.RoughStep()
	took := time.Duration(min(float64(t.planned()-t.trainer.Steps())*float64(rough), 1e18))
	if took < time.Hour || t.limit() > 0 {
		return
	}
	text := fmt.Sprintf("%s on this %s: roughly %s, by the size of the networks", t.opts.Preset, t.trainer.Device(), report.Duration(took))
	if took > longRun {
		text += t.shorten()
	}
	t.Display.Say(text)
}

// longRun is the time above which a run is likely a mistake.
const longRun = 24 * time.Hour

// shorten is the remedy for a long run.
func (t *timing) shorten() string {
	fast := "-preset fast, or "
	if t.opts.Preset == "fast" {
		fast = ""
	}
	return "; try " + fast + "-max_minutes 60"
}

// tell says how much time and memory the run needs, and warns of too much.
func (t *timing) tell(p train.Progress) {
	left, perStep := t.left(), t.forecast.PerStep()
	text := fmt.Sprintf("about %s left for %d steps (%.2g s each), evaluations and export", report.Duration(left), t.planned()-p.Step, perStep.Seconds())
	if steps := p.Step + int64(t.trainer.Left(p.Batches)+t.trainer.Passed()); t.planned() < steps {
		text += fmt.Sprintf("; without -max_minutes %g, the run has %d steps", t.opts.MaxMinutes, steps)
	}
	peak, memory := memoryPeak(), machineMemory()
	if peak > 0 {
		text += fmt.Sprintf("; memory: %.1f GiB", gib(peak))
	}
	if memory > 0 {
		text += fmt.Sprintf(" of %.1f GiB", gib(memory))
	}
	t.Display.Say(text)
	if left > longRun {
		t.journal.warn([]watch.Warning{{Step: p.Step, Title: "long run", Text: fmt.Sprintf(
			"%s on this %s: about %s%s", t.opts.Preset, t.trainer.Device(), report.Duration(left), t.shorten())}})
	}
	const mostMemory = 0.8
	if memory > 0 && float64(peak) > mostMemory*float64(memory) {
		t.journal.warn([]watch.Warning{{Step: p.Step, Title: "little memory left", Text: fmt.Sprintf(
			"the run uses %.1f of %.1f GiB. Fix: use -precision bf16, a smaller -batch_size or -crop_size, or a smaller -data_memory", gib(peak), gib(memory))}})
	}
}

func gib(bytes int64) float64 { return float64(bytes) / (1 << 30) }
