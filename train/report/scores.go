package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"cyclegan/train/metric"
)

// A scoreSeries is one score of one kind of weights over the steps.
type scoreSeries struct {
	name, weights string
	baseline      bool         // of the untouched images, which do not depend on weights
	at            []Evaluation // the evaluations that have the score
	scores        []metric.Score
}

// measureOf removes domain and direction from a score's name: cycle_A_PSNR and cycle_B_PSNR are
// both cycle_PSNR.
func measureOf(name string) string {
	parts := strings.Split(name, "_")
	if at := slices.Index(parts, side(name)); at >= 0 && len(parts) > 1 {
		parts = slices.Delete(parts, at, at+1)
	}
	return strings.Join(parts, "_")
}

// untouched is the prefix of the scores of the images as they are, which a translation should beat.
const untouched = "untouched_"

// chartOf returns the chart of a score: its measure, or for a baseline the measure to compare it
// with.
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

// scoreSeriesOf returns the scores in the order in which they first appear. If a step has two
// evaluations, as after a resume, the later one counts.
func scoreSeriesOf(evaluations []Evaluation) []*scoreSeries {
	var all []*scoreSeries
	for _, e := range evaluations {
		for _, score := range e.Scores {
			s := &scoreSeries{name: score.Name, weights: e.Weights, baseline: strings.HasPrefix(score.Name, untouched)}
			if s.baseline {
				s.weights = ""
			}
			i := slices.IndexFunc(all, func(o *scoreSeries) bool { return o.name == s.name && o.weights == s.weights })
			if i < 0 {
				i, all = len(all), append(all, s)
			}
			all[i].add(e, score)
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

// best returns the index of the best finite score, or -1 if there is none, as for a baseline.
func (s *scoreSeries) best() int {
	best := -1
	for i, v := range s.scores {
		if s.baseline || !drawable(v.Value, maxY) {
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

// how describes the images of a score: n, split, resize.
func how(e Evaluation, s metric.Score) string {
	parts := []string{fmt.Sprintf("n = %d", s.N)}
	if s.NReal > 0 {
		parts[0] += fmt.Sprintf(" against %d real", s.NReal)
	}
	if e.Split != "" {
		parts = append(parts, e.Split+" images")
	}
	if e.Resize != "" {
		parts = append(parts, e.Resize)
	}
	if kind := strings.TrimPrefix(measureOf(s.Name), untouched); e.Features != "" && (kind == "KID" || kind == "FID") {
		parts = append(parts, "features by "+e.Features)
	}
	return strings.Join(parts, " · ")
}

func better(higher bool) string {
	if higher {
		return "higher is better"
	}
	return "lower is better"
}

// scoreCharts returns a chart for each measure.
func scoreCharts(evaluations []Evaluation) []*chart {
	var order []string
	byMeasure := make(map[string][]*scoreSeries)
	for _, s := range scoreSeriesOf(evaluations) {
		m := chartOf(s.name)
		if byMeasure[m] == nil {
			order = append(order, m)
		}
		byMeasure[m] = append(byMeasure[m], s)
	}
	var charts []*chart
	for _, m := range order {
		c := newScoreChart(m, byMeasure[m])
		if e := bestEvaluation(evaluations); e != nil {
			c.Best = e.Step
		}
		charts = append(charts, c)
	}
	return charts
}

func newScoreChart(measure string, series []*scoreSeries) *chart {
	// The chart takes its name and notes from the first series that is no baseline.
	if i := slices.IndexFunc(series, func(s *scoreSeries) bool { return !s.baseline }); i > 0 {
		series[0], series[i] = series[i], series[0]
	}
	e, score := series[0].last()
	c := &chart{Title: measureTitle(measure), Note: better(score.Higher), How: how(e, score), Dots: true}
	inf := math.Inf(1)
	lo, hi, from, to := inf, -inf, inf, -inf
	for i, s := range series {
		l := chartLine{Name: s.name, Hue: hueOf(s.name, i), Dashed: s.weights == "ema", Dotted: s.baseline}
		if s.weights != "" {
			l.Name += ", " + s.weights
		}
		if best := s.best(); best >= 0 {
			l.Best = &best
		}
		spread := slices.ContainsFunc(s.scores, func(v metric.Score) bool { return v.Std > 0 })
		for i, v := range s.scores {
			value, std := v.Value, v.Std
			l.Stopped = !drawable(value, maxY)
			if l.Stopped {
				value = math.NaN()
			}
			if !drawable(std, maxY) {
				std = 0
			}
			x := float64(s.at[i].Step)
			from, to = min(from, x), max(to, x)
			l.X, l.Y = append(l.X, x), append(l.Y, value)
			if spread {
				l.Low, l.High = append(l.Low, value-std), append(l.High, value+std)
			}
			if !l.Stopped {
				lo, hi = min(lo, value-std), max(hi, value+std)
			}
		}
		c.Lines = append(c.Lines, l)
	}
	steps := stepScale(from, to)
	c.From, c.To, c.linear = steps.lo, steps.hi, scoreScale(lo, hi)
	if lo > 0 && lo <= hi && !score.Higher {
		c.log = scale{lo: lo / 1.3, hi: hi * 1.3, log: true}
	}
	return c
}

// scoreScale starts at zero only if that is near, because the axis is to show the change.
func scoreScale(lo, hi float64) scale {
	if lo > hi {
		return scale{lo: 0, hi: 1}
	}
	room := 0.08 * (hi - lo)
	s := scale{lo: lo - room, hi: hi + room}
	if lo >= 0 && (lo < 0.5*(hi-lo) || s.lo < 0) {
		s.lo = 0
	}
	return s.widened()
}

var measures = map[string]string{
	"L1":   "L1",
	"PSNR": "PSNR in dB",
	"SSIM": "SSIM",
	"SWD":  "Sliced Wasserstein distance (SWD)",
	"KID":  "Kernel inception distance (KID)",
	"FID":  "Fréchet inception distance (FID)",
}

// families are the parts of a measure's name before the kind of score, in words.
var families = map[string]string{"cycle": "Cycle reconstruction", "true": "Against the true counterpart"}

// measureTitle returns the name of a known measure in words.
func measureTitle(measure string) string {
	at := strings.LastIndex(measure, "_")
	title, ok := measures[measure[at+1:]]
	if !ok {
		return measure
	}
	if at < 0 {
		return title
	}
	return cmp.Or(families[measure[:at]], measure[:at]) + ", " + title
}

// bestEvaluation returns the run's best evaluation, or nil if none is marked.
func bestEvaluation(evaluations []Evaluation) *Evaluation {
	for _, e := range slices.Backward(evaluations) {
		if e.Best {
			return &e
		}
	}
	return nil
}

// A scoreTable has a row for each score, a column for each kind of weights and, with Baseline, one
// for the scores of the untouched images.
type scoreTable struct {
	Weights  []string
	Baseline bool
	Rows     []scoreRow
}

type scoreRow struct {
	Name, Direction, How string
	Cells                []scoreCell // parallel to Weights
	Untouched            string      // "" if there is nothing to compare with
}

// A scoreCell is empty if these weights do not have the score.
type scoreCell struct {
	Weights, Value, Best string
	IsBest               bool // the latest is the best
}

func newScoreTable(evaluations []Evaluation) scoreTable {
	var t scoreTable
	all := scoreSeriesOf(evaluations)
	for _, s := range all {
		if !s.baseline && !slices.Contains(t.Weights, s.weights) {
			t.Weights = append(t.Weights, s.weights)
		}
	}
	for _, s := range all {
		if s.baseline {
			continue
		}
		e, score := s.last()
		at := slices.IndexFunc(t.Rows, func(r scoreRow) bool { return r.Name == s.name })
		if at < 0 {
			at = len(t.Rows)
			t.Rows = append(t.Rows, scoreRow{
				Name: s.name, How: how(e, score), Direction: better(score.Higher), Cells: make([]scoreCell, len(t.Weights)),
			})
		}
		cell := scoreCell{Weights: s.weights, Value: scoreText(score.Value, score.Std)}
		if best := s.best(); best >= 0 && s.scores[best].Value == score.Value {
			cell.IsBest = true
		} else if best >= 0 {
			cell.Best = fmt.Sprintf("best %s at %s", scoreText(s.scores[best].Value, 0), grouped(s.at[best].Step))
		}
		t.Rows[at].Cells[slices.Index(t.Weights, s.weights)] = cell
	}
	for _, s := range all {
		for i := range t.Rows {
			r := &t.Rows[i]
			if s.baseline && measureOf(r.Name) == chartOf(s.name) && side(r.Name) == side(s.name) {
				_, score := s.last()
				r.Untouched, t.Baseline = scoreText(score.Value, 0), true
			}
		}
	}
	return t
}
