//go:build tensorflow

package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"cyclegan/train"
	"cyclegan/train/report"
)

// A meter shows how far a run is: a progress bar on a terminal, a plain line
// every few pictures elsewhere. It averages the losses over the steps between
// lines, which single steps are too noisy for.
type meter struct {
	out   *os.File
	every int
	// columns is the width of the terminal, 0 when out is none.
	columns int
	bar     *progressbar.ProgressBar

	shown map[string]float64 // losses of the newest record
	sums  map[string]float64
	steps int
	took  time.Duration
	mean  time.Duration // of a step, over the last lines
}

func newMeter(out *os.File, every int) *meter {
	m := &meter{out: out, every: every, sums: map[string]float64{}}
	if term.IsTerminal(int(out.Fd())) {
		if m.columns, _, _ = term.GetSize(int(out.Fd())); m.columns <= 0 {
			m.columns = 80
		}
	}
	return m
}

// step takes one step in. When a line is due it returns its record: the means
// over the steps since the last.
func (m *meter) step(p train.Progress) (report.Record, bool) {
	for _, t := range p.Losses.Terms() {
		m.sums[t.Name] += t.Value
	}
	m.steps++
	m.took += p.Took
	m.showBar(p)
	if !p.Crossed(m.every) && p.Step != p.Steps {
		return report.Record{}, false
	}
	r := report.Record{
		Step: p.Step, Epoch: p.Epoch, LR: p.RateG,
		SecondsPerStep: m.took.Seconds() / float64(m.steps),
		Losses:         map[string]float64{},
	}
	for name, sum := range m.sums {
		r.Losses[name] = sum / float64(m.steps)
	}
	m.mean = m.took / time.Duration(m.steps)
	m.shown = r.Losses
	clear(m.sums)
	m.steps, m.took = 0, 0
	m.showLine(p)
	return r, true
}

// showBar moves the bar on a terminal. It counts what this process has to do,
// since a resumed run's speed follows from its own steps; the description has
// the steps of the whole run.
func (m *meter) showBar(p train.Progress) {
	if m.columns == 0 {
		return
	}
	if m.bar == nil {
		m.bar = progressbar.NewOptions64(p.Steps-p.Step+1,
			progressbar.OptionSetWriter(m.out),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("steps"),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(200*time.Millisecond),
			progressbar.OptionSetWidth(10),
		)
	}
	text := fmt.Sprintf("step %d/%d", p.Step, p.Steps)
	// The bar takes some 45 columns beside its description.
	if losses := describe(m.shown); m.columns >= len(text)+len(losses)+47 {
		text += "  " + losses
	}
	m.bar.Describe(text)
	_ = m.bar.Add(1)
}

func (m *meter) showLine(p train.Progress) {
	if m.bar != nil {
		return
	}
	left := (time.Duration(p.Steps-p.Step) * m.mean).Round(time.Second)
	fmt.Fprintf(m.out, "step %d/%d  epoch %d  %.3f s/step  %v left  %s\n", p.Step, p.Steps, p.Epoch, m.mean.Seconds(), left, describe(m.shown))
}

// describe puts the losses in one line, the two directions of a term together.
func describe(losses map[string]float64) string {
	if losses == nil {
		return ""
	}
	var b strings.Builder
	for _, pair := range []struct{ label, a, b string }{
		{"G", "G_AB", "G_BA"}, {"cycle", "cycle_A", "cycle_B"}, {"idt", "idt_A", "idt_B"}, {"D", "D_A", "D_B"},
	} {
		fmt.Fprintf(&b, "%s %.2f/%.2f  ", pair.label, losses[pair.a], losses[pair.b])
	}
	return strings.TrimRight(b.String(), " ")
}

func (m *meter) stop() {
	if m.bar != nil {
		_ = m.bar.Exit()
		fmt.Fprintln(m.out)
	}
}
