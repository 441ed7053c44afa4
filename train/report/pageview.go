package report

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds of what a page lists.
const (
	maxWarnings = 50
	maxDataRows = 200
)

// A pageView is a Page in the words that the template writes.
type pageView struct {
	*Page
	Charts   chartData
	Facts    []fact
	Percent  string // of the steps, as the progress element takes it
	Table    scoreTable
	Sheets   int
	Unread   []string
	Recent   []Warning // newest first
	Older    int       // warnings not listed
	Changed  int       // options
	DataMore int
}

// A fact is a name and a value in the head of the page.
type fact struct{ Name, Value string }

func newPageView(p *Page, now time.Time) *pageView {
	q := *p
	if q.Updated.IsZero() {
		q.Updated = now
	}
	v := &pageView{Page: &q, Table: newScoreTable(q.Evaluations)}
	v.Charts = chartData{
		Running: q.Status == Running, Refresh: q.Refresh.Seconds(), Updated: q.Updated.UnixMilli(),
		Losses: lossCharts(q.History.Losses()), Scores: scoreCharts(q.Evaluations), Pace: paceCharts(q.History),
	}
	v.Facts = facts(&q)
	if q.Steps > 0 {
		v.Percent = fmt.Sprintf("%.1f", 100*min(1, float64(max(q.Step, 0))/float64(q.Steps)))
	}
	v.Recent = slices.Clone(q.Warnings)
	slices.Reverse(v.Recent)
	if n := len(v.Recent); n > maxWarnings {
		v.Older, v.Recent = n-maxWarnings, v.Recent[:maxWarnings]
	}
	if n := len(q.Data); n > maxDataRows {
		v.DataMore, v.Data = n-maxDataRows, q.Data[:maxDataRows]
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
		add("Trained for", duration(p.Elapsed))
	}
	if p.Remaining > 0 && p.Status == Running {
		add("Remaining, about", duration(p.Remaining))
	}
	if p.SecondsPerStep > 0 {
		add("Pace", perStep(p.SecondsPerStep))
	}
	if t := judgingTime(p.Evaluations); t > 0 {
		add("Spent on judging", duration(t))
	}
	if p.MemoryPeak > 0 {
		add("Memory at most", byteSize(p.MemoryPeak))
	}
	add("Device", p.Device)
	add("Precision", p.Precision)
	return all
}

// Tone is the class of the status badge; the status itself may be any text.
func (v *pageView) Tone() string {
	switch v.Status {
	case Running:
		return "running"
	case Done:
		return "done"
	case Diverged, Failed:
		return "bad"
	}
	return "paused"
}

// Clock writes a time as people read it; "" for none.
func (v *pageView) Clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02 15:04:05 MST")
}

// Machine writes a time as the script reads it.
func (v *pageView) Machine(t time.Time) string { return t.Format(time.RFC3339) }

func (v *pageView) Grouped(n int64) string { return grouped(n) }
