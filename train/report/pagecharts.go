package report

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxPoints bounds what the page holds of a line: more than there are columns
// of pixels.
const maxPoints = 1000

// chartData is what the page's script draws.
type chartData struct {
	Running bool    `json:"running"`
	Refresh float64 `json:"refresh"` // seconds; 0 is never
	Updated int64   `json:"updated"` // milliseconds since 1970
	Losses  []chart `json:"losses"`
	Scores  []chart `json:"scores"`
	Pace    []chart `json:"pace"`
	// Sheets tells of the pictures, which the page holds apart.
	Sheets []shownSheet `json:"sheets"`
}

type shownSheet struct {
	Step   int64 `json:"step"`
	Width  int   `json:"width"` // pixels
	Height int   `json:"height"`
}

// A chart is lines over the step that share a vertical axis.
type chart struct {
	Title  string      `json:"title"`
	Note   string      `json:"note,omitempty"`   // what it means
	How    string      `json:"how,omitempty"`    // n, split, resize
	Linear [2]rounded  `json:"linear"`           // the range of the axis
	Log    *[2]rounded `json:"log,omitempty"`    // missing where it cannot be
	IsLog  bool        `json:"isLog,omitempty"`  // drawn so at first
	Points bool        `json:"points,omitempty"` // few enough to be dots
	Best   int64       `json:"best,omitempty"`   // step of the run's best evaluation
	Lines  []chartLine `json:"lines"`
}

// A chartLine has what was logged in Raw, or its means where it was thinned,
// with extremes in Low and High.
type chartLine struct {
	Name    string `json:"name"`
	Hue     int    `json:"hue"`
	Dashed  bool   `json:"dashed,omitempty"` // of the moving average
	Dotted  bool   `json:"dotted,omitempty"` // a baseline
	X       column `json:"x"`
	Y       column `json:"y"`             // smoothed
	Raw     column `json:"raw,omitempty"` // missing where it is Y
	Low     column `json:"low,omitempty"`
	High    column `json:"high,omitempty"`
	Stopped bool   `json:"stopped,omitempty"` // the last value is not finite
	Best    *int   `json:"best,omitempty"`    // index into Y
}

// A rounded number has the digits that a drawing can show.
type rounded float64

func (r rounded) MarshalJSON() ([]byte, error) { return column{float64(r)}.append(nil), nil }

// A column is many rounded numbers.
type column []float64

func (c column) MarshalJSON() ([]byte, error) {
	return append(c.append([]byte{'['}), ']'), nil
}

func (c column) append(b []byte) []byte {
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
	return b
}

var _ json.Marshaler = column(nil)

// A lossFamily is the losses of one chart.
type lossFamily struct {
	title, note string
	belongs     func(name string) bool
}

func named(names ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(names, name) }
}

var lossFamilies = []lossFamily{
	{"Adversarial", "How far each generator is from passing as real. It rises when the discriminator wins: no height is good by itself.", named("G_AB", "G_BA")},
	{"Cycle", "λ · L1 of a picture to what comes back after both translations. It should fall.", named("cycle_A", "cycle_B")},
	{"Identity", "λ · L1 of a picture to itself after the generator that makes pictures of its own domain.", named("idt_A", "idt_B")},
	{"Discriminators", "D_A judges pictures of domain A, D_B of B. One that stays at zero has won, and its generator learns nothing more.", func(name string) bool { return strings.HasPrefix(name, "D_") }},
	{"Other losses", "", func(string) bool { return true }},
}

// lossCharts spreads the losses over charts by what they mean. The lines are
// smoothed as those of LossPlot are.
func lossCharts(series []Series) []chart {
	curves := make([]curve, 0, len(series))
	for _, s := range series {
		if len(s.X) == len(s.Y) {
			curves = append(curves, newCurve(s))
		}
	}
	span := smoothSpan(curves)
	for i := range curves {
		curves[i].average(span)
	}
	var charts []chart
	for _, f := range lossFamilies {
		var mine, others []curve
		for _, c := range curves {
			if f.belongs(c.name) {
				mine = append(mine, c)
			} else {
				others = append(others, c)
			}
		}
		curves = others
		if len(mine) > 0 {
			charts = append(charts, newChart(f.title, f.note, mine))
		}
	}
	return charts
}

// smoothSpan is a hundredth of the run, and two logged values at least: less
// would smooth nothing.
func smoothSpan(curves []curve) float64 {
	steps := stepScale(curves)
	span := (steps.hi - steps.lo) / 100
	for _, c := range curves {
		if n := len(c.x); n > 2 {
			span = max(span, 2*(c.x[n-1]-c.x[0])/float64(n-1))
		}
	}
	return span
}

func newChart(title, note string, curves []curve) chart {
	e := extentOf(curves)
	linear := e.linear()
	c := chart{Title: title, Note: note, IsLog: e.scale().log, Linear: [2]rounded{rounded(linear.lo), rounded(linear.hi)}}
	if l, ok := e.log(); ok {
		c.Log = &[2]rounded{rounded(l.lo), rounded(l.hi)}
	}
	for i, v := range curves {
		c.Lines = append(c.Lines, newLine(v, i))
	}
	return c
}

func newLine(c curve, hue int) chartLine {
	l := chartLine{Name: c.name, Hue: hueOf(c.name, hue), Stopped: c.stopped}
	x, y, each := thin(c.x, c.smooth, maxPoints)
	_, raw, _ := thin(c.x, c.y, maxPoints)
	l.X, l.Y, l.Raw = x, y, raw
	if each > 1 {
		for at := 0; at < len(c.y); at += each {
			bucket := c.y[at:min(at+each, len(c.y))]
			l.Low, l.High = append(l.Low, slices.Min(bucket)), append(l.High, slices.Max(bucket))
		}
	}
	return l
}

// hueOf gives the first direction or domain one colour and the second another,
// all over the page. The others follow.
func hueOf(name string, i int) int {
	switch side(name) {
	case "A", "AB":
		return 0
	case "B", "BA":
		return 1
	}
	return 2 + i%4
}

// side is the part of a name that says which domain or direction.
func side(name string) string {
	for part := range strings.SplitSeq(name, "_") {
		switch part {
		case "A", "B", "AB", "BA":
			return part
		}
	}
	return ""
}

// paceCharts show what is not a loss.
func paceCharts(h *History) []chart {
	var charts []chart
	for _, s := range []struct {
		title, note string
		series      Series
	}{
		{"Learning rate", "", h.LearningRate()},
		{"Seconds per step", "", h.SecondsPerStep()},
	} {
		c := newCurve(s.series)
		if len(c.x) < 2 {
			continue
		}
		c.name, c.smooth = s.title, c.y
		ch := newChart(s.title, s.note, []curve{c})
		ch.IsLog = false
		charts = append(charts, ch)
	}
	return charts
}
