package report

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxPoints is the largest number of points of a line in a chart, which has about as many pixel
// columns.
const maxPoints = 500

// A chart is a set of lines over the step that share a vertical axis. The SVG of the page and the
// PNG of a [LossPlot] are both drawn from it. Its JSON holds what the page's script needs to show
// values.
type chart struct {
	Title string      `json:"-"`
	Note  string      `json:"-"` // what the chart means
	How   string      `json:"-"` // n, split, resize
	Best  int64       `json:"-"` // step of the run's best evaluation
	From  float64     `json:"from"`
	To    float64     `json:"to"`
	Dots  bool        `json:"dots,omitempty"` // each point is an evaluation
	Lines []chartLine `json:"lines"`

	linear, log scale // log is the zero scale where it is impossible
	IsLog       bool  `json:"-"` // initially shown with the logarithmic axis
}

// A chartLine holds logged values in Raw or, if there were too many, their means, with the extremes
// in Low and High.
type chartLine struct {
	Name    string `json:"name"`
	Hue     int    `json:"hue"`
	Dashed  bool   `json:"-"`             // of the moving average of the weights
	Dotted  bool   `json:"-"`             // a baseline
	Stopped bool   `json:"-"`             // the last value is not finite
	X       column `json:"x"`             // steps
	Y       column `json:"y"`             // smoothed
	Raw     column `json:"raw,omitempty"` // empty where it is Y
	Low     column `json:"low,omitempty"`
	High    column `json:"high,omitempty"`
	Best    *int   `json:"best,omitempty"` // index into Y
}

// A column marshals as numbers with the digits that a person reads, and null for what is not
// finite.
type column []float64

func (c column) MarshalJSON() ([]byte, error) {
	b := []byte{'['}
	for i, v := range c {
		if i > 0 {
			b = append(b, ',')
		}
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			b = append(b, "null"...)
		case v == math.Trunc(v) && math.Abs(v) < 1e15: // a step
			b = strconv.AppendFloat(b, v, 'f', -1, 64)
		default:
			b = strconv.AppendFloat(b, v, 'g', 5, 64)
		}
	}
	return append(b, ']'), nil
}

// A lossFamily is the losses of one chart.
type lossFamily struct {
	title, note string
	prefixes    []string // of the losses' names
}

var lossFamilies = []lossFamily{
	{"Adversarial", "How far each generator is from passing as real. It rises when the discriminator wins: no value is good in itself.", []string{"G_AB", "G_BA"}},
	{"Cycle", "λ · L1 between an image and its reconstruction after both translations. It should fall.", []string{"cycle_A", "cycle_B"}},
	{"Identity", "λ · L1 between an image and its translation by the generator of its own domain.", []string{"idt_A", "idt_B"}},
	{"Discriminators", "D_A classifies images of domain A, D_B those of B. If one stays at zero it has won, and its generator learns nothing more.", []string{"D_"}},
	{"Other losses", "", []string{""}},
}

// lossCharts distributes the losses over charts by their meaning, with smoothed lines.
func lossCharts(series []Series) []*chart {
	var curves []curve
	for _, s := range series {
		curves = append(curves, newCurve(s))
	}
	steps := stepsOf(curves)
	span := smoothSpan(curves, steps)
	for i := range curves {
		curves[i].average(span)
	}
	var charts []*chart
	for _, f := range lossFamilies {
		var mine []curve
		curves = slices.DeleteFunc(curves, func(c curve) bool {
			ok := slices.ContainsFunc(f.prefixes, func(p string) bool { return strings.HasPrefix(c.name, p) })
			if ok {
				mine = append(mine, c)
			}
			return ok
		})
		if len(mine) > 0 {
			charts = append(charts, newChart(f.title, f.note, steps, mine))
		}
	}
	return charts
}

// stepsOf returns the horizontal axis of all curves.
func stepsOf(curves []curve) scale {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, c := range curves {
		if n := len(c.x); n > 0 {
			lo, hi = min(lo, c.x[0]), max(hi, c.x[n-1])
		}
	}
	return stepScale(lo, hi)
}

// smoothSpan is a hundredth of the run, but at least two logged values: less would smooth nothing.
func smoothSpan(curves []curve, steps scale) float64 {
	span := (steps.hi - steps.lo) / 100
	for _, c := range curves {
		if n := len(c.x); n > 2 {
			span = max(span, 2*(c.x[n-1]-c.x[0])/float64(n-1))
		}
	}
	return span
}

func newChart(title, note string, steps scale, curves []curve) *chart {
	e := extentOf(curves)
	c := &chart{Title: title, Note: note, From: steps.lo, To: steps.hi, linear: e.linear(), IsLog: e.preferLog()}
	c.log, _ = e.log()
	for i, v := range curves {
		c.Lines = append(c.Lines, newLine(v, i))
	}
	return c
}

func newLine(c curve, i int) chartLine {
	l := chartLine{Name: c.name, Hue: hueOf(c.name, i), Stopped: c.stopped}
	var each int
	_, l.Raw, _ = thin(c.x, c.y, maxPoints)
	if l.X, l.Y, each = thin(c.x, c.smooth, maxPoints); each > 1 {
		l.Y[len(l.Y)-1] = c.smooth[len(c.smooth)-1] // the legend shows it
		for bucket := range slices.Chunk(c.y, each) {
			l.Low, l.High = append(l.Low, slices.Min(bucket)), append(l.High, slices.Max(bucket))
		}
	}
	return l
}

// hueOf returns the color of a line. All over the page, the first direction or domain has one
// color and the second another one.
func hueOf(name string, i int) int {
	switch side(name) {
	case "A", "AB":
		return 0
	case "B", "BA":
		return 1
	}
	return 2 + i%4
}

// side returns the part of a name that is a domain or a direction.
func side(name string) string {
	for part := range strings.SplitSeq(name, "_") {
		switch part {
		case "A", "B", "AB", "BA":
			return part
		}
	}
	return ""
}

// paceCharts show the learning rate and the time per step.
func paceCharts(h *History) []*chart {
	var charts []*chart
	for _, s := range []struct {
		title  string
		series Series
	}{{"Learning rate", h.LR}, {"Seconds per step", h.SecondsPerStep}} {
		c := newCurve(s.series)
		if len(c.x) < 2 {
			continue
		}
		c.name, c.smooth = s.title, c.y
		ch := newChart(s.title, "", stepsOf([]curve{c}), []curve{c})
		ch.IsLog = false
		charts = append(charts, ch)
	}
	return charts
}

// A painter draws inside a chart. Its coordinates go from (0, 0) at the top left of the plot area
// to (1, 1) at the bottom right.
type painter interface {
	tickX(x float64, label string) // a grid line and its label
	tickY(y float64, label string)
	rule(x float64)                              // a vertical dotted line
	band(outline []point, l *chartLine)          // faint
	line(points []point, l *chartLine, raw bool) // raw is thin and faint
	dot(at point, l *chartLine, best bool)       // a ring for the best value
}

type point struct{ x, y float64 }

// draw draws the chart with one of its vertical axes.
func (c *chart) draw(p painter, y scale) {
	x := scale{lo: c.From, hi: c.To, whole: true}
	at := func(vx, vy float64) point { return point{x.at(vx), 1 - y.at(vy)} }
	for _, t := range x.ticks(6) {
		p.tickX(x.at(t.value), t.label)
	}
	for _, t := range y.ticks(6) {
		p.tickY(1-y.at(t.value), t.label)
	}
	if c.Best != 0 {
		p.rule(x.at(float64(c.Best)))
	}
	polyline := func(l *chartLine, values []float64, raw bool) {
		var points []point
		for i, v := range values {
			if !math.IsNaN(v) {
				points = append(points, at(l.X[i], v))
			}
			if math.IsNaN(v) || i == len(values)-1 {
				p.line(points, l, raw)
				points = nil
			}
		}
	}
	for i := range c.Lines {
		l := &c.Lines[i]
		if l.Low == nil {
			polyline(l, l.Raw, true)
			continue
		}
		var outline, back []point
		for k := range l.X {
			if !math.IsNaN(l.Low[k]) && !math.IsNaN(l.High[k]) {
				outline, back = append(outline, at(l.X[k], l.High[k])), append(back, at(l.X[k], l.Low[k]))
			}
		}
		slices.Reverse(back)
		p.band(append(outline, back...), l)
	}
	for i := range c.Lines {
		l := &c.Lines[i]
		polyline(l, l.Y, false)
		few := c.Dots && !l.Dotted && len(l.X) <= 60
		for k, v := range l.Y {
			if last := k == len(l.Y)-1; (few || last) && !math.IsNaN(v) {
				p.dot(at(l.X[k], v), l, false)
			}
		}
		if l.Best != nil {
			p.dot(at(l.X[*l.Best], l.Y[*l.Best]), l, true)
		}
	}
}
