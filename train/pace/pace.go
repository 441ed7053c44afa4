// Package pace predicts how long a run takes and how many steps fit into a time limit. A [Forecast]
// learns from a run what its work takes.
package pace

import (
	"math"
	"slices"
	"sort"
	"time"
)

// A Task is work that a run does besides training steps.
type Task int

// The tasks. Every one is done once more at the end of a run.
const (
	Evaluation Task = iota
	Samples
	Finish // export and report, only at the end
	tasks
)

// A Cost says how often a run does a task, and what the task takes until a run has done it: a
// number of training steps and a time.
type Cost struct {
	Every int64 // images of each domain; 0 for only at the end, negative for never
	Steps float64
	Time  time.Duration
}

// A Forecast predicts the time of a run. It measures this process only, since the next one may be
// on another machine.
type Forecast struct {
	batch int64
	costs [tasks]Cost
	first bool // the first step is over
	steps window
	did   [tasks]window
}

// New returns a forecast of a run with this many images of each domain in a step, which does no
// task yet.
func New(batch int) *Forecast {
	f := &Forecast{batch: int64(batch)}
	for t := range f.costs {
		f.costs[t].Every = -1
	}
	return f
}

// Expect adds a task to the run.
func (f *Forecast) Expect(t Task, c Cost) { f.costs[t] = c }

// Step adds what a step took, with its data and everything that is no task. It ignores the first
// one, which includes TensorFlow's preparations.
func (f *Forecast) Step(took time.Duration) {
	if f.first {
		f.steps.add(took)
	}
	f.first = true
}

// Did adds what a task took.
func (f *Forecast) Did(t Task, took time.Duration) { f.did[t].add(took) }

// Measured returns the number of steps that the forecast is based on.
func (f *Forecast) Measured() int { return f.steps.count }

// PerStep returns the mean time of the latest steps, 0 if it is unknown.
func (f *Forecast) PerStep() time.Duration { return duration(f.steps.mean()) }

// Left returns the time that a run takes from one step to another, and for its end.
func (f *Forecast) Left(from, to int64) time.Duration { return duration(f.left(from, to)) }

func (f *Forecast) left(from, to int64) (seconds float64) {
	perStep := f.steps.mean()
	seconds = float64(max(to-from, 0)) * perStep
	for t, c := range f.costs {
		if c.Every < 0 {
			continue
		}
		cost := f.did[t].mean()
		if f.did[t].count == 0 {
			cost = c.Time.Seconds() + c.Steps*perStep
		}
		times := int64(1) // at the end
		if c.Every > 0 && to > from {
			times += (to-1)*f.batch/c.Every - from*f.batch/c.Every // before the last step
		}
		seconds += float64(times) * cost
	}
	return seconds
}

// margin is the part of a limit that stays free, for what the forecast does not know.
const margin = 0.02

// Pace returns how many steps of the schedule each step has to count as from now on, so that the
// run ends within limit: 1 if the rest of the schedule fits. Step is the newest step, scheduled is
// the rest of the schedule in steps, and spent is the time that the run has taken.
func (f *Forecast) Pace(step int64, scheduled float64, limit, spent time.Duration) float64 {
	if scheduled <= 1 || f.steps.count == 0 {
		return 1
	}
	left := limit.Seconds()*(1-margin) - spent.Seconds()
	fit := sort.Search(int(math.Ceil(scheduled)), func(n int) bool { return f.left(step, step+int64(n)+1) > left })
	return max(1, scheduled/float64(max(1, fit)))
}

// duration converts seconds, up to the longest duration.
func duration(seconds float64) time.Duration {
	if d := seconds * float64(time.Second); d < math.MaxInt64 {
		return time.Duration(d)
	}
	return math.MaxInt64
}

// A window holds the latest measurements of something, in seconds.
type window struct {
	values [20]float64
	count  int // of all measurements
}

func (w *window) add(took time.Duration) {
	w.values[w.count%len(w.values)] = took.Seconds()
	w.count++
}

// mean returns the mean. A measurement counts as at most three times the median: a machine that
// slept does not make all later steps slow.
func (w *window) mean() float64 {
	values := slices.Sorted(slices.Values(w.values[:min(w.count, len(w.values))]))
	if len(values) == 0 {
		return 0
	}
	sum, most := 0.0, 3*values[len(values)/2]
	for _, v := range values {
		sum += min(v, most)
	}
	return sum / float64(len(values))
}
