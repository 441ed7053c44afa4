package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxWarnings is the largest number of warnings that a page lists.
const maxWarnings = 50

// A pageView is a Page in the form that the template shows.
type pageView struct {
	*Page
	Scores, Losses, Pace []*chart
	Script               scriptData
	Facts                []fact
	Percent              string // of the steps, for the progress element
	Table                scoreTable
	SheetCount           int
	Unread               []string
	Recent               []Warning // newest first
	Older                int       // warnings not listed
	Changed              int       // options
}

// scriptData is what the page's script reads.
type scriptData struct {
	Running bool         `json:"running"`
	Refresh float64      `json:"refresh"` // seconds; 0 is never
	Updated int64        `json:"updated"` // milliseconds since 1970
	Charts  []*chart     `json:"charts"`  // in the order of the page
	Sheets  []shownSheet `json:"sheets"`
}

type shownSheet struct {
	Step   int64 `json:"step"`
	Width  int   `json:"width"` // pixels
	Height int   `json:"height"`
}

// A fact is a name and a value in the head of the page.
type fact struct{ Name, Value string }

func newPageView(p *Page, now time.Time) *pageView {
	q := *p
	if q.Updated.IsZero() {
		q.Updated = now
	}
	if q.History == nil {
		q.History = &History{}
	}
	v := &pageView{
		Page: &q, Table: newScoreTable(q.Evaluations), Facts: facts(&q),
		Scores: scoreCharts(q.Evaluations), Losses: lossCharts(q.History.Losses()), Pace: paceCharts(q.History),
	}
	v.Script = scriptData{
		Running: q.Status == Running, Refresh: q.Refresh.Seconds(), Updated: q.Updated.UnixMilli(),
		Charts: slices.Concat(v.Scores, v.Losses, v.Pace),
	}
	if q.Steps > 0 {
		v.Percent = fmt.Sprintf("%.1f", 100*min(1, float64(max(q.Step, 0))/float64(q.Steps)))
	}
	v.Recent = slices.Clone(q.Warnings)
	slices.Reverse(v.Recent)
	if n := len(v.Recent); n > maxWarnings {
		v.Older, v.Recent = n-maxWarnings, v.Recent[:maxWarnings]
	}
	for _, o := range q.Options {
		if o.Changed {
			v.Changed++
		}
	}
	return v
}

func facts(p *Page) []fact {
	var all []fact
	add := func(name, value string) {
		if value != "" {
			all = append(all, fact{name, value})
		}
	}
	of := func(n, total int64) string {
		if total > 0 {
			return grouped(n) + " of " + grouped(total)
		}
		return grouped(n)
	}
	add("Step", of(p.Step, p.Steps))
	if p.Epoch > 0 {
		add("Epoch", of(int64(p.Epoch), int64(p.Epochs)))
	}
	if e := bestEvaluation(p.Evaluations); e != nil {
		add("Best so far", strings.TrimSuffix(fmt.Sprintf("step %s, %s", grouped(e.Step), e.Weights), ", "))
	}
	if p.Elapsed > 0 {
		add("Training time", Duration(p.Elapsed))
	}
	if p.Remaining > 0 && p.Status == Running {
		add("Remaining, about", Duration(p.Remaining))
	}
	if p.SecondsPerStep > 0 {
		add("Speed", perStep(p.SecondsPerStep))
	}
	var evaluated float64 // seconds
	for _, e := range p.Evaluations {
		evaluated += e.Seconds
	}
	if evaluated > 0 {
		add("Evaluation time", Duration(time.Duration(evaluated*float64(time.Second))))
	}
	if p.MemoryPeak > 0 {
		add("Peak memory", fmt.Sprintf("%.1f GiB", float64(p.MemoryPeak)/(1<<30)))
	}
	add("Device", p.Device)
	add("Precision", p.Precision)
	return all
}

var tones = map[Status]string{Running: "running", Done: "done", Diverged: "bad", Failed: "bad"}

// Tone is the class of the status badge.
func (v *pageView) Tone() string { return cmp.Or(tones[v.Status], "paused") }

// grouped formats 12345 as 12,345.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return sign + s
}

// Duration formats d in its two largest units: "2 h 05 min".
func Duration(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(d, 0).Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 10*time.Minute:
		return fmt.Sprintf("%d min %02d s", d/time.Minute, d%time.Minute/time.Second)
	}
	switch d = d.Round(time.Minute); {
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < day:
		return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	d = d.Round(time.Hour)
	return fmt.Sprintf("%d d %d h", d/day, d%day/time.Hour)
}

// perStep formats the time per step, or the number of steps per second.
func perStep(seconds float64) string {
	if seconds < 0.1 {
		return fmt.Sprintf("%.3g steps/s", 1/seconds)
	}
	return fmt.Sprintf("%.3g s/step", seconds)
}

// scoreText formats a score or a loss.
func scoreText(v, std float64) string {
	if math.IsNaN(v) {
		return "not finite"
	}
	s := fmt.Sprintf("%.4g", v)
	if std > 0 {
		s += fmt.Sprintf(" ± %.2g", std)
	}
	return strings.Replace(s, "-", "−", 1)
}
