//go:build tensorflow

package run

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
		value float64
		due   bool
		mean  float64
		fresh bool
	}{
		{1, false, 1, true},  // the first step has means
		{3, false, 1, false}, // which stay
		{5, true, 3, true},   // until a record is due
		{9, false, 3, false},
		{7, true, 8, true},
	} {
		m, fresh := add(c.value, c.due)
		if m.Losses["D_A"] != c.mean || m.Step != time.Duration(c.mean*float64(time.Second)) || fresh != c.fresh {
			t.Errorf("step %d: means %+v, fresh %v; want %g, %v", i, m, fresh, c.mean, c.fresh)
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
	if got, want := margin(known, "AB", "summer", "winter"), "summer to winter, images: 5: PSNR 17.45 dB (untouched input 9.17 dB, +8.28 dB)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	unknown := scores(map[string]float64{"SWD_BA": 30, "untouched_BA_SWD": 28.5}, false)
	if got, want := margin(unknown, "BA", "B", "A"), "B to A, images: 5 and 4 real ones: SWD 30.0 (untouched input 28.5, +1.5; lower is better)"; got != want {
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

// A run is trained, resumed and finished; a best checkpoint that does not exist cannot be resumed.
func TestTrain(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds")
	}
	o, err := train.Preset("demo")
	if err != nil {
		t.Fatal(err)
	}
	o.CheckpointsDir, o.Name, o.MaxSteps, o.Scenes, o.Threads, o.GPUIDs = t.TempDir(), "run", 1, 2, 1, "-1"
	o.NGF, o.NDF, o.LoadSize, o.CropSize, o.NetD, o.NLayersD, o.EvalEvery = 4, 4, 36, 32, "n_layers", 2, 0
	display := &silent{}
	var out strings.Builder
	c := Config{Options: o, Out: &out, Display: display, Program: func(name string) string { return name }}
	if err := Train(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	c.Resume = &Resume{Saved: o, Epoch: "latest"}
	c.Options.MaxSteps = 2
	if err := Train(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	dir := o.Dir()
	for _, text := range []string{"resuming after step 1", "changed since the run was saved: -max_steps 2, was 1", "infer -model " + dir} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("the output does not contain %q:\n%s", text, out.String())
		}
	}
	for _, file := range []string{logFile, reportFile, lossPlot, latestSamples, "G_AB.onnx", latestDir + "/G_BA.onnx"} {
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
