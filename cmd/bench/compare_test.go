package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// A fake takes turns of given lengths, and burns processor time in those of others.
type fake struct {
	name    string
	seconds []float64
	memory  int64
	fails   int // the round that fails, counted from 1; 0 for none
	burns   float64
	asked   int
	turns   *[]string
}

func (f *fake) round(context.Context) (float64, error) {
	*f.turns = append(*f.turns, f.name)
	f.asked++
	if f.asked == f.fails {
		return 0, errors.New("it broke")
	}
	return f.seconds[f.asked-1], nil
}

func (f *fake) cpu() float64 { return f.burns * float64(len(*f.turns)) }
func (f *fake) peak() int64  { return f.memory }
func (f *fake) close()       {}

func TestAlternate(t *testing.T) {
	var turns []string
	us := &fake{name: "ours", seconds: []float64{2, 8, 4}, memory: 100, turns: &turns}
	fast := &fake{name: "fast", seconds: []float64{1, 1, 1}, memory: 150, burns: 1, turns: &turns}
	slow := &fake{name: "slow", seconds: []float64{10, 10, 16}, memory: 300, turns: &turns}
	broken := &fake{name: "broken", seconds: []float64{9}, fails: 2, turns: &turns}
	results := []*result{{Name: "ours"}, {Name: "fast", family: "F"}, {Name: "slow", family: "F"}, {Name: "broken", family: "F"}, {Name: "absent", Left: "not installed"}}
	var said int
	err := alternate(t.Context(), []player{us, fast, slow, broken, nil}, results, 3, 2, func(round int, r *result) { said++ })
	if err != nil {
		t.Fatal(err)
	}
	if want := "ours fast slow broken ours fast slow broken ours fast slow"; strings.Join(turns, " ") != want || said != 10 {
		t.Errorf("turns %v, %d of them told; want %s", turns, said, want)
	}
	if r := results[0]; r.spread != (spread{2, 1, 4}) || r.Ratio != 1 || r.MemoryRatio != 1 || !slices.Equal(r.Samples, []float64{1, 4, 2}) {
		t.Errorf("ours: %+v", r)
	}
	if r := results[1]; r.Ratio != 0.25 || r.PeakBytes != 150 || r.MemoryRatio != 1.5 || r.IdleCPU <= busyIdle {
		t.Errorf("fast: %+v", r)
	}
	if r := results[2]; r.Ratio != 2.5 || r.IdleCPU != 0 {
		t.Errorf("slow: %+v", r)
	}
	if r := results[3]; r.Left != "it broke" || r.Samples != nil || r.Ratio != 0 {
		t.Errorf("broken: %+v", r)
	}
	if b := best(results, "F"); b != results[1] {
		t.Errorf("the best is %+v", b)
	}
	if b := best(results, "G"); b != nil {
		t.Errorf("the best of none is %+v", b)
	}
}

func TestAlternateWithoutOurs(t *testing.T) {
	var turns []string
	us := &fake{name: "ours", fails: 1, turns: &turns}
	err := alternate(t.Context(), []player{us}, []*result{{Name: "ours"}}, 1, 1, func(int, *result) {})
	if err == nil || !strings.Contains(err.Error(), "it broke") {
		t.Errorf("error %v", err)
	}
}

func TestAlternateInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var turns []string
	us := &fake{name: "ours", seconds: []float64{1, 1}, turns: &turns}
	err := alternate(ctx, []player{us}, []*result{{Name: "ours"}}, 2, 1, func(int, *result) { cancel() })
	if !errors.Is(err, context.Canceled) || len(turns) != 1 {
		t.Errorf("error %v after %d turns", err, len(turns))
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		want    spread
	}{
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{4, 1}, spread{2.5, 1, 4}},
		{[]float64{9, 1, 2}, spread{2, 1, 9}},
		{[]float64{4, 3, 2, 100}, spread{3.5, 2, 100}},
	} {
		before := slices.Clone(c.samples)
		if got := spreadOf(c.samples); got != c.want || !slices.Equal(before, c.samples) {
			t.Errorf("spread of %v is %v, want %v", before, got, c.want)
		}
	}
}

func TestLossDifference(t *testing.T) {
	us := [][]float64{{1, 2}, {4, 8}}
	for _, c := range []struct {
		theirs    [][]float64
		precision string
		left      string // part of why it is not timed
		want      float64
	}{
		{[][]float64{{1, 2}, {4, 8}}, "f32", "", 0},
		{[][]float64{{1, 2.01}, {4, 8}}, "f32", "", 0.005},
		{[][]float64{{1, 2}, {3.8, 8}}, "f32", "differs from ours by 5 %", 0.05},
		{[][]float64{{1, 2}, {3.8, 8}}, "bf16", "", 0.05},
		{[][]float64{{1, 2}, {3, 8}}, "bf16", "differs from ours by 25 %", 0.25},
		{[][]float64{{1, 2}, {math.NaN(), 8}}, "bf16", "NaN", -1},
		{[][]float64{{1, 2}}, "f32", "1 steps, ours 2", -1},
		{[][]float64{{1, 2}, {4}}, "f32", "1 losses", -1},
	} {
		r := &result{}
		agreeLosses(r, us, c.theirs, c.precision)
		if c.left == "" && r.Left != "" || !strings.Contains(r.Left, c.left) {
			t.Errorf("%v: left out for %q, want %q", c.theirs, r.Left, c.left)
		}
		switch {
		case c.want < 0:
			if r.Difference != nil {
				t.Errorf("%v: difference %v, want none", c.theirs, *r.Difference)
			}
		case r.Difference == nil || math.Abs(*r.Difference-c.want) > 1e-9 || r.Of != ofLosses:
			t.Errorf("%v: %+v, want a difference of %g", c.theirs, r, c.want)
		}
	}
}
