package report

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cyclegan/train/metric"
)

func evaluation(step int64) Evaluation {
	return Evaluation{
		Step: step, Epoch: 3, Time: noon, Seconds: 12.5, Weights: "ema", Split: "test", Resize: "128x128, bicubic", Best: true,
		Scores: []metric.Score{{Name: "KID_AB", Value: 0.0625, Std: 0.5, N: 238, NReal: 309}, {Name: "cycle_A_PSNR", Value: math.Inf(1), N: 309, Higher: true}},
	}
}

func TestEvaluationLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "evaluations.jsonl")
	e, err := OpenEvaluations(path)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.Append(evaluation(100)); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, part := range []string{
		`"step":100`, `"epoch":3`, `"time":"2026-01-31T12:00:00.123Z"`, `"seconds":12.5`, `"weights":"ema"`, `"split":"test"`, `"resize":"128x128, bicubic"`, `"best":true`,
		`"name":"KID_AB"`, `"value":0.0625`, `"std":0.5`, `"n":238`, `"n_real":309`, `"higher":false`, `"name":"cycle_A_PSNR"`, `"value":null`, `"n":309`, `"higher":true`,
	} {
		want[part] = true
		if !strings.Contains(content(t, path), part) {
			t.Errorf("the line lacks %s:\n%s", part, content(t, path))
		}
	}
	if got := strings.Count(content(t, path), `":`) - 1; got != len(want) { // "scores" itself
		t.Errorf("the line has %d fields, want %d:\n%s", got, len(want), content(t, path))
	}
	all, err := ReadEvaluations(path)
	if err != nil || len(all) != 1 {
		t.Fatalf("read %d, %v", len(all), err)
	}
	got := all[0]
	if !math.IsNaN(got.Scores[1].Value) {
		t.Errorf("read null as %v", got.Scores[1].Value)
	}
	got.Scores[1].Value, got.Time = math.Inf(1), noon
	if fmt.Sprint(got) != fmt.Sprint(evaluation(100)) {
		t.Errorf("read %+v\nwrote %+v", got, evaluation(100))
	}
}

// Evaluations share Lines with the log, which has its own tests. This test checks that they use it.
func TestEvaluationsAfterAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "evaluations.jsonl")
	if err := os.WriteFile(path, []byte(`{"step":1,"scores":[]}`+"\n"+`{"step":2,"sc`), 0o666); err != nil {
		t.Fatal(err)
	}
	e, err := OpenEvaluations(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []int64{100, 100, 200} {
		if err := e.Append(evaluation(step)); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.TruncateAfter(100); err != nil {
		t.Fatal(err)
	}
	if err := e.Append(evaluation(150)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	all, err := ReadEvaluations(path)
	if err != nil {
		t.Fatal(err)
	}
	var steps []int64
	for _, v := range all {
		steps = append(steps, v.Step)
	}
	if got := fmt.Sprint(steps); got != "[1 100 100 150]" {
		t.Errorf("steps are %s", got)
	}
	if err := os.WriteFile(path, []byte("{}\n{}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenEvaluations(path); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("evaluations: %q", path)) || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a damaged file: %v", err)
	}
}

// If a step has two evaluations, the later one counts.
func TestScoreSeriesTakesTheLaterEvaluation(t *testing.T) {
	var all []Evaluation
	for i, step := range []int64{10, 20, 30, 20, 40} {
		all = append(all, Evaluation{Step: step, Scores: []metric.Score{{Name: "FID", Value: float64(i)}}})
	}
	s := scoreSeriesOf(all)[0]
	var got []float64
	for _, v := range s.scores {
		got = append(got, v.Value)
	}
	if fmt.Sprint(got) != "[0 3 4]" || s.best() != 0 {
		t.Errorf("scores are %v, best index %d", got, s.best())
	}
}

func TestBestScore(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, test := range []struct {
		values []float64
		higher bool
		want   int
	}{
		{[]float64{3, 1, 2}, false, 1}, {[]float64{3, 1, 3}, true, 0}, {[]float64{1, 1}, false, 0},
		{[]float64{nan, 2, inf}, true, 1}, {[]float64{nan, inf}, false, -1}, {nil, true, -1},
	} {
		var s scoreSeries
		for i, v := range test.values {
			s.add(Evaluation{Step: int64(i)}, metric.Score{Value: v, Higher: test.higher})
		}
		if got := s.best(); got != test.want {
			t.Errorf("best of %v, higher %v: %d, want %d", test.values, test.higher, got, test.want)
		}
	}
}

// A baseline appears once, in the chart and the table row of the score to compare it with, and is
// never the best.
func TestBaselinesAreNextToTheirScores(t *testing.T) {
	var all []Evaluation
	for _, step := range []int64{10, 20} {
		for _, weights := range []string{"latest", "ema"} {
			all = append(all, Evaluation{Step: step, Weights: weights, Scores: []metric.Score{
				{Name: "untouched_AB_SWD", Value: 90}, {Name: "SWD_AB", Value: 40}, {Name: "true_AB_PSNR", Value: 20, Higher: true}, {Name: "untouched_AB_PSNR", Value: 15, Higher: true},
			}})
		}
	}
	charts := scoreCharts(all)
	if len(charts) != 2 || charts[0].Title != "Sliced Wasserstein distance (SWD)" || charts[1].Title != "Against the true counterpart, PSNR in dB" {
		t.Fatalf("charts are %+v", charts)
	}
	for _, c := range charts {
		var names []string
		for _, l := range c.Lines {
			names = append(names, l.Name)
			if baseline := strings.HasPrefix(l.Name, "untouched"); l.Dotted != baseline || (l.Best == nil) != baseline || len(l.X) != 2 {
				t.Errorf("%s: line %+v", c.Title, l)
			}
		}
		if len(names) != 3 {
			t.Errorf("%s: lines are %q", c.Title, names)
		}
	}
	table := newScoreTable(all)
	var rows []string
	for _, row := range table.Rows {
		rows = append(rows, row.Name+" "+row.Cells[0].Value+" "+row.Cells[1].Value+" "+row.Untouched)
	}
	if got := strings.Join(rows, ", "); !table.Baseline || got != "SWD_AB 40 40 90, true_AB_PSNR 20 20 15" {
		t.Errorf("table rows are %s", got)
	}
}
