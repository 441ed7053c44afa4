package pace

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

const second = time.Second

func TestLeft(t *testing.T) {
	f := New(4)
	f.Expect(Evaluation, Cost{Every: 40, Steps: 5, Time: 3 * second})
	f.Expect(Finish, Cost{Time: 7 * second})
	f.Step(time.Hour) // TensorFlow's preparations
	if f.PerStep() != 0 || f.Measured() != 0 {
		t.Error("the first step counts")
	}
	f.Step(2 * second)
	// Evaluations cost 3 s and 5 steps. They are due every 10 steps and at the end.
	for _, c := range []struct {
		from, to int64
		want     time.Duration
	}{
		{0, 5, 10*second + 13*second + 7*second},
		{0, 20, 40*second + 2*13*second + 7*second}, // the one after step 20 is that of the end
		{9, 21, 24*second + 3*13*second + 7*second},
		{10, 21, 22*second + 2*13*second + 7*second},
		{20, 20, 13*second + 7*second},
	} {
		if got := f.Left(c.from, c.to); got != c.want {
			t.Errorf("steps %d to %d take %v, want %v", c.from, c.to, got, c.want)
		}
	}
	f.Did(Evaluation, second)
	if got, want := f.Left(0, 20), 40*second+2*second+7*second; got != want {
		t.Errorf("after an evaluation: %v, want %v", got, want)
	}
	if got := f.Left(0, 1<<60); got != math.MaxInt64 {
		t.Errorf("a run without an end takes %v", got)
	}
}

// A machine that slept for an hour does not slow the forecast down.
func TestOutlier(t *testing.T) {
	f := New(1)
	for i := range 21 {
		f.Step(second)
		if i == 15 {
			f.Step(time.Hour)
		}
	}
	if got := f.PerStep(); got < second || got > 1100*time.Millisecond {
		t.Errorf("%v per step, want 1 s and a little", got)
	}
}

// machine simulates a run with a clock of its own.
type machine struct {
	steps, perEvaluation int64
	step                 func(i int64) time.Duration
	evaluation, finish   time.Duration
}

// train returns the steps made, the steps of the schedule they went through, and the time taken.
func (m machine) train(limit time.Duration) (made int64, scheduled float64, clock time.Duration) {
	f := New(1)
	f.Expect(Evaluation, Cost{Every: m.perEvaluation, Steps: 10})
	f.Expect(Finish, Cost{Time: 5 * second})
	pace := 1.0
	for scheduled < float64(m.steps)-1e-6 {
		took := m.step(made)
		clock += took
		f.Step(took)
		made++
		scheduled += pace
		if last := scheduled > float64(m.steps)-1e-6; last || made%m.perEvaluation == 0 {
			clock += m.evaluation
			f.Did(Evaluation, m.evaluation)
		}
		pace = f.Pace(made, float64(m.steps)-scheduled, limit, clock)
	}
	return made, scheduled, clock + m.finish
}

// Whatever the machine does, a run goes through the whole schedule, ends in time, and leaves little
// of its time unused.
func TestPaceEndsInTime(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	steady := func(int64) time.Duration { return second }
	for name, m := range map[string]machine{
		"steady":          {10000, 100, steady, 20 * second, 5 * second},
		"no evaluation":   {10000, 1 << 40, steady, 8 * second, 5 * second},
		"slow evaluation": {10000, 200, steady, 100 * second, 5 * second},
		"slow export":     {10000, 100, steady, 10 * second, 20 * second},
		"slow start": {10000, 100, func(i int64) time.Duration {
			if i == 0 {
				return 40 * second
			}
			return second
		}, 10 * second, 5 * second},
		"noisy": {10000, 100, func(int64) time.Duration {
			return time.Duration(random.ExpFloat64() * float64(second))
		}, 10 * second, 5 * second},
		"slower and slower": {10000, 100, func(i int64) time.Duration { return second + time.Duration(i)*2*time.Millisecond }, 10 * second, 5 * second},
		"faster": {10000, 100, func(i int64) time.Duration {
			return time.Duration(float64(second) / (1 + float64(i)/300))
		}, 10 * second, 5 * second},
		"sleeps": {10000, 100, func(i int64) time.Duration {
			if i == 300 {
				return 200 * second
			}
			return second
		}, 10 * second, 5 * second},
		"warm-up": {10000, 100, func(i int64) time.Duration {
			if i < 150 {
				return second / 10
			}
			return second
		}, 10 * second, 5 * second},
		"few steps": {10000, 1 << 40, func(int64) time.Duration { return 50 * second }, 450 * second, 5 * second},
	} {
		t.Run(name, func(t *testing.T) {
			const limit = 20 * time.Minute
			made, scheduled, took := m.train(limit)
			if took > limit {
				t.Errorf("took %v, longer than %v", took, limit)
			}
			least := 0.93
			if m.step(made) > 10*second || m.evaluation > 60*second {
				least = 0.85 // a whole step or evaluation may not have fitted
			}
			if used := took.Seconds() / limit.Seconds(); used < least {
				t.Errorf("used only %.2f of the limit", used)
			}
			if math.Abs(scheduled-float64(m.steps)) > 1e-3 {
				t.Errorf("ended at %g of %d scheduled steps", scheduled, m.steps)
			}
			t.Logf("%d steps in %v", made, took)
		})
	}
}

// A schedule that fits is not changed at all.
func TestPaceOfAFittingSchedule(t *testing.T) {
	m := machine{300, 50, func(i int64) time.Duration { return second + time.Duration(i%7)*100*time.Millisecond }, 10 * second, 5 * second}
	made, scheduled, took := m.train(20 * time.Minute)
	if made != 300 || scheduled != 300 {
		t.Errorf("%d steps went through %g of the schedule in %v, want 300", made, scheduled, took)
	}
}

// No time left still means one step, at the end of the schedule.
func TestPaceOfAnEndedLimit(t *testing.T) {
	f := New(1)
	f.Step(second)
	if got := f.Pace(1, 99, time.Minute, time.Hour); got != 1 {
		t.Errorf("pace %g before anything is measured", got)
	}
	f.Step(second)
	if got := f.Pace(2, 98, time.Minute, time.Hour); got != 98 {
		t.Errorf("pace %g, want all 98 steps at once", got)
	}
}

func ExampleForecast() {
	f := New(1)
	f.Expect(Finish, Cost{Time: 10 * time.Second})
	for range 5 {
		f.Step(2 * time.Second)
	}
	fmt.Println(f.Left(5, 1000))
	fmt.Printf("%.2f\n", f.Pace(5, 995, 20*time.Minute, 10*time.Second))
	// Output:
	// 33m20s
	// 1.72
}
