package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"cyclegan/train/metric"
)

// A scoreSeries is one score of one kind of weights over the steps.
type scoreSeries struct {
	name, weights string
	baseline      bool         // of the untouched pictures: no weights have a part in it
	at            []Evaluation // which evaluations have it
	scores        []metric.Score
}

// measureOf takes domain and direction out of a score's name: cycle_A_PSNR
// and cycle_B_PSNR are both cycle_PSNR.
func measureOf(name string) string {
	s := side(name)
	if s == "" {
		return name
	}
	parts := strings.Split(name, "_")
	at := slices.Index(parts, s)
	if m := strings.Join(slices.Delete(parts, at, at+1), "_"); m != "" {
		return m
	}
	return name
}

// untouched begins the names of what the pictures score as they are, which a
// translation should beat.
const untouched = "untouched_"

// chartOf names the chart that a score stands in: its measure, and for a
// baseline the measure that it is the baseline of.
func chartOf(name string) string {
	m := measureOf(name)
	of, ok := strings.CutPrefix(m, untouched)
	switch {
	case !ok:
		return m
	case of == "PSNR" || of == "SSIM" || of == "L1":
		return "true_" + of
	}
	return of
}

// scoreSeriesOf returns the scores in the order in which they first appear.
// Where a step was judged twice, as after a resume, the later counts.
func scoreSeriesOf(evaluations []Evaluation) []*scoreSeries {
	type key struct{ name, weights string }
	byKey := make(map[key]*scoreSeries)
	var all []*scoreSeries
	for _, e := range evaluations {
		for _, score := range e.Scores {
			baseline := strings.HasPrefix(score.Name, untouched)
			k := key{score.Name, e.Weights}
			if baseline {
				k.weights = ""
			}
			s := byKey[k]
			if s == nil {
				s = &scoreSeries{name: score.Name, weights: e.Weights, baseline: baseline}
				byKey[k] = s
				all = append(all, s)
			}
			s.add(e, score)
		}
	}
	return all
}

func (s *scoreSeries) add(e Evaluation, score metric.Score) {
	for n := len(s.at); n > 0 && s.at[n-1].Step >= e.Step; n-- {
		s.at, s.scores = s.at[:n-1], s.scores[:n-1]
	}
	s.at, s.scores = append(s.at, e), append(s.scores, score)
}

// best is the index of the best finite score, -1 for none and for a baseline.
func (s *scoreSeries) best() int {
	best := -1
	if s.baseline {
		return best
	}
	for i, v := range s.scores {
		if !drawable(v.Value, maxY) {
			continue
		}
		if best < 0 || (v.Value > s.scores[best].Value) == v.Higher && v.Value != s.scores[best].Value {
			best = i
		}
	}
	return best
}

func (s *scoreSeries) last() (Evaluation, metric.Score) {
	return s.at[len(s.at)-1], s.scores[len(s.scores)-1]
}

// how says what a score was taken from: n, split, resize.
func how(e Evaluation, s metric.Score) string {
	parts := []string{fmt.Sprintf("n = %d", s.N)}
	if s.NReal > 0 {
		parts[0] += fmt.Sprintf(" against %d real", s.NReal)
	}
	if e.Split != "" {
		parts = append(parts, e.Split+" pictures")
	}
	if e.Resize != "" {
		parts = append(parts, e.Resize)
	}
	return strings.Join(parts, " · ")
}

// scoreCharts makes a chart of each measure.
func scoreCharts(evaluations []Evaluation) []chart {
	var order []string
	byMeasure := make(map[string][]*scoreSeries)
	for _, s := range scoreSeriesOf(evaluations) {
		m := chartOf(s.name)
		if byMeasure[m] == nil {
			order = append(order, m)
		}
		byMeasure[m] = append(byMeasure[m], s)
	}
	best := int64(0)
	if e := bestEvaluation(evaluations); e != nil {
		best = e.Step
	}
	charts := make([]chart, 0, len(order))
	for _, m := range order {
		c := scoreChartOf(m, byMeasure[m])
		c.Best = best
		charts = append(charts, c)
	}
	return charts
}

func scoreChartOf(measure string, series []*scoreSeries) chart {
	if i := slices.IndexFunc(series, func(s *scoreSeries) bool { return !s.baseline }); i > 0 { // the chart is named after what it is about
		series[0], series[i] = series[i], series[0]
	}
	e, score := series[0].last()
	c := chart{Title: measureTitle(measure), Note: "lower is better", How: how(e, score), Points: true}
	if score.Higher {
		c.Note = "higher is better"
	}
	if changed(series) {
		c.How += " (not so in all evaluations; point at a dot)"
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for i, s := range series {
		l := chartLine{Name: s.name, Hue: hueOf(s.name, i), Dashed: s.weights == "ema" && !s.baseline, Dotted: s.baseline}
		if s.weights != "" && !s.baseline {
			l.Name += ", " + s.weights
		}
		if best := s.best(); best >= 0 {
			l.Best = &best
		}
		for i, v := range s.scores {
			l.X = append(l.X, float64(s.at[i].Step))
			l.Y = append(l.Y, v.Value)
			if !drawable(v.Value, maxY) {
				l.Y[i] = math.NaN()
				l.Stopped = i == len(s.scores)-1
				continue
			}
			std := v.Std
			if !drawable(std, maxY) {
				std = 0
			}
			lo, hi = min(lo, v.Value-std), max(hi, v.Value+std)
		}
		l.spread(s.scores)
		l.thinDots()
		c.Lines = append(c.Lines, l)
	}
	c.Linear = scoreScale(lo, hi)
	if lo > 0 && !score.Higher {
		c.Log = &[2]rounded{rounded(lo / 1.3), rounded(hi * 1.3)}
	}
	return c
}

// spread makes a band of the standard deviations, where there are some.
func (l *chartLine) spread(scores []metric.Score) {
	if !slices.ContainsFunc(scores, func(s metric.Score) bool { return s.Std > 0 }) {
		return
	}
	for _, s := range scores {
		l.Low, l.High = append(l.Low, s.Value-s.Std), append(l.High, s.Value+s.Std)
	}
}

// thinDots leaves out evaluations where there are too many to draw, but never
// the best or the last.
func (l *chartLine) thinDots() {
	stride := (len(l.X) + maxPoints - 1) / maxPoints
	if stride <= 1 {
		return
	}
	t := *l
	t.X, t.Y, t.Low, t.High, t.Best = nil, nil, nil, nil, nil
	for i := range l.X {
		best := l.Best != nil && *l.Best == i
		if i%stride != 0 && i != len(l.X)-1 && !best {
			continue
		}
		if best {
			at := len(t.X)
			t.Best = &at
		}
		t.X, t.Y = append(t.X, l.X[i]), append(t.Y, l.Y[i])
		if l.Low != nil {
			t.Low, t.High = append(t.Low, l.Low[i]), append(t.High, l.High[i])
		}
	}
	*l = t
}

// scoreScale shows the change, so it begins at zero only if that is near.
func scoreScale(lo, hi float64) [2]rounded {
	s := scale{lo: 0, hi: 1}
	if lo <= hi {
		room := 0.08 * (hi - lo)
		s = scale{lo: lo - room, hi: hi + room}
		if lo >= 0 && (lo < 0.5*(hi-lo) || s.lo < 0) {
			s.lo = 0
		}
		s = s.widened()
	}
	return [2]rounded{rounded(s.lo), rounded(s.hi)}
}

// changed tells whether n, split or resize is not the same throughout.
func changed(series []*scoreSeries) bool {
	e, score := series[0].last()
	said := how(e, score)
	for _, s := range series {
		if s.baseline {
			continue
		}
		for i := range s.at {
			if how(s.at[i], s.scores[i]) != said {
				return true
			}
		}
	}
	return false
}

var measures = map[string]string{
	"L1":   "L1",
	"PSNR": "PSNR in dB",
	"SSIM": "SSIM",
	"SWD":  "Sliced Wasserstein distance (SWD)",
	"KID":  "Kernel inception distance (KID)",
	"FID":  "Fréchet inception distance (FID)",
}

// measureTitle names a measure in words where it is a known one.
func measureTitle(measure string) string {
	family, kind := "", measure
	if at := strings.LastIndex(measure, "_"); at >= 0 {
		family, kind = measure[:at], measure[at+1:]
	}
	title, ok := measures[kind]
	switch {
	case !ok:
		return measure
	case family == "":
		return title
	case family == "cycle":
		return "Cycle reconstruction, " + title
	case family == "true":
		return "To the true counterpart, " + title
	}
	return family + ", " + title
}

// bestEvaluation is the run's best, nil where none was marked.
func bestEvaluation(evaluations []Evaluation) *Evaluation {
	for i := len(evaluations) - 1; i >= 0; i-- {
		if evaluations[i].Best {
			return &evaluations[i]
		}
	}
	return nil
}

// judgingTime is what the evaluations took in all.
func judgingTime(evaluations []Evaluation) time.Duration {
	var seconds float64
	for _, e := range evaluations {
		if e.Seconds > 0 && e.Seconds < 1e9 {
			seconds += e.Seconds
		}
	}
	return time.Duration(seconds * float64(time.Second))
}
