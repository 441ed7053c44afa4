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
	bar   *progressbar.ProgressBar // nil when out is no terminal

	sums  map[string]float64
	steps int
	took  time.Duration
	mean  time.Duration // of a step, over the last lines
}

func newMeter(out *os.File, every int) *meter {
	m := &meter{out: out, every: every, sums: map[string]float64{}}
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
	clear(m.sums)
	m.steps, m.took = 0, 0
	m.showLine(p, r)
	return r, true
}

func (m *meter) showBar(p train.Progress) {
	if !term.IsTerminal(int(m.out.Fd())) {
		return
	}
	if m.bar == nil {
		m.bar = progressbar.NewOptions64(p.Steps,
			progressbar.OptionSetWriter(m.out),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("steps"),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(200*time.Millisecond),
			progressbar.OptionSetWidth(20),
		)
		_ = m.bar.Set64(p.Step - 1)
		m.bar.Reset()
		_ = m.bar.Set64(p.Step - 1)
	}
	_ = m.bar.Set64(p.Step)
}

func (m *meter) showLine(p train.Progress, r report.Record) {
	losses := describe(r.Losses)
	if m.bar != nil {
		m.bar.Describe(losses)
		return
	}
	left := (time.Duration(p.Steps-p.Step) * m.mean).Round(time.Second)
	fmt.Fprintf(m.out, "step %d/%d  epoch %d  %.3f s/step  %v left  %s\n", p.Step, p.Steps, p.Epoch, r.SecondsPerStep, left, losses)
}

// describe puts the losses in one line, the two directions of a term together.
func describe(losses map[string]float64) string {
	var b strings.Builder
	for _, pair := range []struct{ label, a, b string }{
		{"G", "G_AB", "G_BA"}, {"cycle", "cycle_A", "cycle_B"}, {"idt", "idt_A", "idt_B"}, {"D", "D_A", "D_B"},
	} {
		fmt.Fprintf(&b, "%s %.3f/%.3f  ", pair.label, losses[pair.a], losses[pair.b])
	}
	return strings.TrimRight(b.String(), " ")
}

func (m *meter) stop() {
	if m.bar != nil {
		_ = m.bar.Exit()
		fmt.Fprintln(m.out)
	}
}
