//go:build tensorflow

package run

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"cyclegan/infer/onnx"
	"cyclegan/train"
	"cyclegan/train/checkpoint"
	"cyclegan/train/metric"
	"cyclegan/train/report"
)

func scores(pairs map[string]float64, higher bool) []metric.Score {
	var all []metric.Score
	for name, v := range pairs {
		all = append(all, metric.Score{Name: name, Value: v, Higher: higher, N: 5, NReal: 4})
	}
	return all
}

func TestChooseBest(t *testing.T) {
	psnr := func(v float64) []metric.Score {
		return scores(map[string]float64{"true_AB_PSNR": v - 1, "true_BA_PSNR": v + 1}, true)
	}
	swd := func(v float64) []metric.Score { return scores(map[string]float64{"SWD_AB": v, "SWD_BA": v}, false) }
	before := &checkpoint.Best{Weights: "ema", By: "true_PSNR", Value: 20, How: "test"}
	for name, c := range map[string]struct {
		before   *checkpoint.Best
		scores   [][]metric.Score
		by, how  string
		weights  string // of the best, "" for none
		value    float64
		replaced bool
	}{
		"first":           {nil, [][]metric.Score{psnr(10), psnr(12)}, "", "test", "latest", 12, false},
		"better":          {before, [][]metric.Score{psnr(21), psnr(12)}, "", "test", "ema", 21, false},
		"worse":           {before, [][]metric.Score{psnr(19), psnr(20)}, "", "test", "", 0, false},
		"lower is better": {&checkpoint.Best{By: "SWD", Value: 5, How: "test"}, [][]metric.Score{swd(6), swd(4)}, "SWD", "test", "latest", 4, false},
		"other score":     {before, [][]metric.Score{swd(6), swd(7)}, "SWD", "test", "ema", 6, true},
		"other images":    {before, [][]metric.Score{psnr(10), psnr(9)}, "", "more images", "ema", 10, true},
		"no scores":       {before, [][]metric.Score{nil, nil}, "", "test", "", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			made := []report.Evaluation{{Weights: "ema", Scores: c.scores[0]}, {Weights: "latest", Scores: c.scores[1]}}
			best, replaced := chooseBest(c.before, made, c.by, c.how)
			if (replaced != "") != c.replaced {
				t.Errorf("replaced because %q", replaced)
			}
			if c.weights == "" {
				if best != nil {
					t.Errorf("best %+v, want none", best)
				}
			} else if best == nil || best.Weights != c.weights || best.Value != c.value || best.How != c.how {
				t.Errorf("best %+v, want %s with %g", best, c.weights, c.value)
			}
		})
	}
}

func TestAverages(t *testing.T) {
	var a averages
	add := func(v float64, due bool) (Means, bool) {
		return a.add(map[string]float64{"D_A": v}, time.Duration(v)*time.Second, due)
	}
	for i, c := range []struct {
		value   float64
		due     bool
		mean    float64
		seconds float64
		fresh   bool
	}{
		{1, false, 1, 1, true},  // the first step has means
		{3, false, 1, 1, false}, // which stay
		{5, true, 3, 4, true},   // until a record is due, whose time is without the first step's
		{9, false, 3, 4, false},
		{7, true, 8, 8, true},
	} {
		m, fresh := add(c.value, c.due)
		if m.Losses["D_A"] != c.mean || m.Step != time.Duration(c.seconds*float64(time.Second)) || fresh != c.fresh {
			t.Errorf("step %d: means %+v, fresh %v; want %g, %g s, %v", i, m, fresh, c.mean, c.seconds, c.fresh)
		}
	}
	a.made = a.made.Add(-freshness)
	if m, fresh := add(2, false); !fresh || m.Losses["D_A"] != 2 {
		t.Errorf("old means were not renewed: %+v", m)
	}
	if m, _ := add(4, true); m.Losses["D_A"] != 3 {
		t.Errorf("a record of means that were renewed meanwhile has %g, want 3", m.Losses["D_A"])
	}
}

func TestMargin(t *testing.T) {
	known := scores(map[string]float64{"true_AB_PSNR": 17.454, "untouched_AB_PSNR": 9.17, "SWD_AB": 3}, true)
	if got, want := margin(report.Evaluation{Scores: known}, "AB", "summer", "winter"), "summer to winter, images: 5: PSNR 17.45 dB (untouched input 9.17 dB, +8.28 dB)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	v := report.Evaluation{Features: "tiny 123"}
	v.Scores = scores(map[string]float64{"SWD_BA": 30, "untouched_BA_SWD": 28.5}, false)
	want := "B to A, images: 5 and 4 real ones: SWD 30.0 (untouched input 28.5, +1.5; lower is better)"
	if got := margin(v, "BA", "B", "A"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	v.Scores = append(v.Scores, scores(map[string]float64{"KID_BA": 0.0046, "untouched_BA_KID": 0.0092}, false)...)
	want += "; KID 0.0046 (untouched input 0.0092, -0.0046) by tiny 123"
	if got := margin(v, "BA", "B", "A"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestQuote(t *testing.T) {
	for word, want := range map[string]string{"a-b/c.png": "a-b/c.png", "": "''", "a b": "'a b'", "it's": `'it'\''s'`} {
		if got := quote(word); got != want {
			t.Errorf("%q is quoted as %s, want %s", word, got, want)
		}
	}
}

// silent discards progress but keeps lines.
type silent struct{ lines []string }

func (s *silent) Step(_ train.Progress, m Means, _ bool) {
	if len(m.Losses) == 0 || math.IsNaN(m.Losses["D_A"]) {
		s.lines = append(s.lines, "a step without means")
	}
}
func (s *silent) Say(line string) { s.lines = append(s.lines, line) }
func (s *silent) Stop()           {}

// A run is trained, resumed with twice the images in batches of two, and finished: its second epoch
// is two steps, as its first was. A best checkpoint that does not exist cannot be resumed.
func TestTrain(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds")
	}
	o := small(t)
	o.NEpochs, o.NEpochsDecay, o.MaxSteps = 1, 1, 2
	display := &silent{}
	var out strings.Builder
	c := Config{Options: o, Out: &out, Display: display, Program: func(name string) string { return name }}
	if err := Train(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	c.Resume = &Resume{Saved: o, Epoch: "latest"}
	c.Options.MaxSteps, c.Options.Scenes, c.Options.BatchSize = 0, 4, 2
	if err := Train(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if last, _, err := o.Checkpoints().Latest(); err != nil || last.Step != 4 || last.Used != 4 || last.Seen != 6 || last.ImagesA != 4 {
		t.Errorf("the last checkpoint is %+v, %v", last, err)
	}
	dir := o.Dir()
	for _, text := range []string{
		"resuming after step 2", "summer: 2 -> 4 images, winter: 2 -> 4 images since the checkpoint; continuing at epoch 2 of 2\n",
		"changed since the run was saved: -batch_size 2, was 1", "infer -model " + dir,
	} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("the output does not contain %q:\n%s", text, out.String())
		}
	}
	for _, file := range []string{logFile, reportFile, lossPlot, latestSamples, "G_AB.onnx"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
	if len(display.lines) > 0 {
		t.Errorf("unexpected messages: %q", display.lines)
	}
	c.Out, c.Resume.Epoch = io.Discard, "best"
	if err := Train(t.Context(), c); err == nil || !strings.Contains(err.Error(), "no best checkpoint") {
		t.Errorf("resumed from a missing best checkpoint: %v", err)
	}
}

// small returns the options of a run that trains in seconds.
func small(t *testing.T) train.Options {
	t.Helper()
	o, err := train.Preset("demo")
	if err != nil {
		t.Fatal(err)
	}
	o.CheckpointsDir, o.Name, o.Scenes, o.Threads, o.GPUIDs = t.TempDir(), "run", 2, 1, "-1"
	o.NGF, o.NDF, o.LoadSize, o.CropSize, o.NetD, o.NLayersD, o.EvalEvery = 4, 4, 36, 32, "n_layers", 2, 0
	return o
}

// clock is a clock that a look at it advances.
type clock struct{ time time.Time }

func (c *clock) now() time.Time {
	c.time = c.time.Add(200 * time.Millisecond)
	return c.time
}

// A run of 100,000 steps ends within its limit by a fake clock, with the last learning rates of the
// schedule. Interrupted and resumed, it counts all the time and makes as many steps. With more time
// it trains on.
func TestTimeLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds")
	}
	run := func(o train.Options, resume *Resume, interruptAt int64) (steps int64, took time.Duration, lines []string) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		display := &silent{}
		time := clock{time.Unix(0, 0)}
		begin := time.time
		c := Config{Options: o, Resume: resume, Out: io.Discard, Program: func(name string) string { return name }, now: time.now,
			Display: interrupting{display, func(step int64) {
				if steps = step; step == interruptAt {
					cancel()
				}
			}}}
		if err := Train(ctx, c); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		return steps, time.time.Sub(begin), display.lines
	}
	o := small(t)
	o.NSteps, o.NStepsDecay, o.MaxMinutes, o.PrintFreq, o.SaveLatestFreq = 50000, 50000, 0.4, 1, 10
	limit := 24 * time.Second
	whole, took, lines := run(o, nil, 0)
	if took > limit || took < limit/3 { // ten seconds are kept for an export, which takes none by this clock
		t.Errorf("%d steps took %v", whole, took)
	}
	if len(lines) != 1 || !strings.Contains(lines[0], "without -max_minutes 0.4, the run has 100000 steps") {
		t.Errorf("messages: %q", lines)
	}
	records, err := report.ReadLog(filepath.Join(o.Dir(), logFile))
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != int(whole) || records[0].LR != o.LR || records[whole/4].LR != o.LR {
		t.Errorf("%d records, the first with rates %g and %g", len(records), records[0].LR, records[whole/4].LR)
	}
	if last := records[whole-1].LR / o.LR; last <= 0 || last > 5/float64(whole) {
		t.Errorf("the last rate of %d is %g of the first", whole, last)
	}

	o.CheckpointsDir = t.TempDir()
	resume := &Resume{Saved: o, Epoch: "latest"}
	if steps, _, _ := run(o, nil, 20); steps != 20 {
		t.Fatalf("interrupted after step %d", steps)
	}
	c, _, err := o.Checkpoints().Latest()
	if err != nil {
		t.Fatal(err)
	}
	if c.Step != 20 || c.Passed < 1000 || c.Spent < time.Second || c.Spent > limit {
		t.Errorf("checkpoint of step %d, %g steps skipped, %v spent", c.Step, c.Passed, c.Spent)
	}
	steps, took, _ := run(o, resume, 0)
	if total := c.Spent + took; total > limit || total < limit/3 || math.Abs(float64(steps-whole)) > 10 {
		t.Errorf("resumed, %d steps took %v; %d without an interruption", steps, total, whole)
	}
	o.MaxMinutes = 0.8
	if more, _, _ := run(o, resume, 0); more < steps+20 {
		t.Errorf("twice the time is %d steps, after %d", more, steps)
	}
	records, err = report.ReadLog(filepath.Join(o.Dir(), logFile))
	if err != nil {
		t.Fatal(err)
	}
	if rate := records[steps].LR / o.LR; rate < 0.8 {
		t.Errorf("with twice the time, the rate after half of it is %g of the first", rate)
	}
}

// interrupting tells a function the steps.
type interrupting struct {
	*silent
	done func(step int64)
}

func (i interrupting) Step(p train.Progress, m Means, fresh bool) {
	i.silent.Step(p, m, fresh)
	i.done(p.Step)
}

// A run that stops early exports its best generators, and the last ones to a folder of their own.
func TestBestIsExported(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds")
	}
	o := small(t)
	o.NSteps, o.LR, o.EMA, o.EvalEvery, o.EvalCount, o.Patience = 100, 1e-12, 0, 2, 2, 1 // the weights do not change
	display := &silent{}
	var out strings.Builder
	if err := Train(t.Context(), Config{Options: o, Out: &out, Display: display, Program: func(name string) string { return name }}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"G_AB.onnx": "2", "G_BA.onnx": "2", latestDir + "/G_AB.onnx": "4"} {
		data, err := os.ReadFile(filepath.Join(o.Dir(), path))
		if err != nil {
			t.Fatal(err)
		}
		model, err := onnx.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if got := model.Property("cyclegan.step"); got != want {
			t.Errorf("%s is of step %s, want %s", path, got, want)
		}
	}
	for _, text := range []string{
		"stopped early: true_PSNR has not improved for 1 evaluations (best ",
		"best: step 2, latest weights, true_PSNR ", "exported to " + filepath.Join(o.Dir(), "G_AB.onnx") + " and G_BA.onnx\n",
		"last: step 4, latest weights; exported to " + filepath.Join(o.Dir(), latestDir) + "\n",
		"then convert images with the best state:\n",
	} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("the output does not contain %q:\n%s", text, out.String())
		}
	}
	page, err := os.ReadFile(filepath.Join(o.Dir(), reportFile))
	if err != nil || !strings.Contains(string(page), "summer to winter, with the best state") || !strings.Contains(string(page), "last: step 4, latest weights") {
		t.Errorf("the report does not name both states: %v", err)
	}
}

func TestExhausted(t *testing.T) {
	e := &evaluation{run: &run{}}
	e.opts.Patience = 2
	if got := e.exhausted(); got != "" {
		t.Errorf("without a best state: %s", got)
	}
	e.best = &checkpoint.Checkpoint{Step: 300, Best: &checkpoint.Best{By: "KID", Value: 4.6}}
	for _, step := range []int64{200, 300, 400} {
		e.list = append(e.list, report.Evaluation{Step: step, Weights: "ema"}, report.Evaluation{Step: step, Weights: "latest"})
	}
	if got := e.exhausted(); got != "" {
		t.Errorf("after one evaluation: %s", got)
	}
	e.list = append(e.list, report.Evaluation{Step: 500})
	if got, want := e.exhausted(), "stopped early: KID has not improved for 2 evaluations (best 4.6 at step 300); -patience 0 trains on"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	e.opts.Patience = 0
	if got := e.exhausted(); got != "" {
		t.Errorf("without -patience: %s", got)
	}
}

func TestMachineMemory(t *testing.T) {
	meminfo := &fstest.MapFile{Data: []byte("MemTotal:        8000 kB\nMemFree:         1 kB\n")}
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  int64
	}{
		"unknown":      {nil, 0},
		"machine":      {fstest.MapFS{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": {Data: []byte("max\n")}}, 8000 << 10},
		"container":    {fstest.MapFS{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": {Data: []byte("4096000\n")}}, 4096000},
		"no container": {fstest.MapFS{"proc/meminfo": meminfo, "sys/fs/cgroup/memory/memory.limit_in_bytes": {Data: []byte("9223372036854771712\n")}}, 8000 << 10},
	} {
		if got := memoryIn(c.files); got != c.want {
			t.Errorf("%s: %d bytes, want %d", name, got, c.want)
		}
	}
}
