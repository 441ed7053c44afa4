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

// patience is how long a run without a terminal says nothing at most.
const patience = 30 * time.Second

// A meter shows how far a run is: a progress bar on a terminal, plain lines
// elsewhere. It averages the losses over the steps between records, which
// single steps are too noisy for.
type meter struct {
	out   *os.File
	every int // pictures between records

	// columns is the width of the terminal, 0 when out is none.
	columns int
	bar     *progressbar.ProgressBar
	printed time.Time // when the last plain line was

	sums  map[string]float64
	steps int
	took  time.Duration
	means means // of the newest steps
}

// means are averages over some steps.
type means struct {
	step   time.Duration
	losses map[string]float64
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

// step takes one step in. When a record is due it returns it: the means over
// the steps since the last.
func (m *meter) step(p train.Progress) (report.Record, bool) {
	for _, t := range p.Losses.Terms() {
		m.sums[t.Name] += t.Value
	}
	m.steps++
	m.took += p.Took
	due := p.Crossed(m.every) || p.Step == p.Steps
	if due || m.means.losses == nil || time.Since(m.printed) > patience {
		m.average()
	}
	if m.columns > 0 {
		m.showBar(p)
	} else if due || time.Since(m.printed) > patience {
		m.showLine(p)
	}
	if !due {
		return report.Record{}, false
	}
	clear(m.sums)
	m.steps, m.took = 0, 0
	return report.Record{
		Step: p.Step, Epoch: p.Epoch, LR: p.RateG,
		SecondsPerStep: m.means.step.Seconds(), Losses: m.means.losses,
	}, true
}

func (m *meter) average() {
	m.means = means{m.took / time.Duration(m.steps), map[string]float64{}}
	for name, sum := range m.sums {
		m.means.losses[name] = sum / float64(m.steps)
	}
}

// showBar moves the bar on a terminal. It counts what this process has to do,
// since a resumed run's speed follows from its own steps; the description has
// the steps of the whole run.
func (m *meter) showBar(p train.Progress) {
	if m.bar == nil {
		m.bar = progressbar.NewOptions64(p.Steps-p.Step+1,
			progressbar.OptionSetWriter(m.out),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("it"),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(200*time.Millisecond),
			progressbar.OptionSetWidth(6),
		)
	}
	// The bar takes some 38 columns beside its description.
	const beside = 40
	text := fmt.Sprintf("%d/%d", p.Step, p.Steps)
	for _, losses := range []string{full(m.means.losses), compact(m.means.losses)} {
		if m.columns >= len(text)+2+len(losses)+beside {
			text += "  " + losses
			break
		}
	}
	m.bar.Describe(text)
	_ = m.bar.Add(1)
}

func (m *meter) showLine(p train.Progress) {
	m.printed = time.Now()
	left := (time.Duration(p.Steps-p.Step) * m.means.step).Round(time.Second)
	fmt.Fprintf(m.out, "step %d/%d  epoch %d  %.3f s/step  %v left  %s\n", p.Step, p.Steps, p.Epoch, m.means.step.Seconds(), left, full(m.means.losses))
}

// say prints a line without tearing the bar.
func (m *meter) say(line string) {
	if m.bar != nil {
		_ = m.bar.Clear()
	}
	fmt.Fprintln(m.out, line)
}

// stop ends the bar, so that what is printed next has a line of its own.
func (m *meter) stop() {
	if m.bar != nil {
		_ = m.bar.Exit()
		fmt.Fprintln(m.out)
	}
}

type pair struct{ short, label, a, b string }

// absent tells whether the run has no such loss, as with -lambda_identity 0.
func (p pair) absent(losses map[string]float64) bool {
	return p.short == "idt" && losses[p.a] == 0 && losses[p.b] == 0
}

// pairs are the losses of the two directions that are shown together.
var pairs = []pair{
	{"G", "G", "G_AB", "G_BA"}, {"cyc", "cycle", "cycle_A", "cycle_B"}, {"idt", "idt", "idt_A", "idt_B"}, {"D", "D", "D_A", "D_B"},
}

// full shows each loss, the two directions of a term together.
func full(losses map[string]float64) string {
	var words []string
	for _, p := range pairs {
		if p.absent(losses) {
			continue
		}
		words = append(words, fmt.Sprintf("%s %.2f/%.2f", p.label, losses[p.a], losses[p.b]))
	}
	return strings.Join(words, "  ")
}

// compact adds the two directions up.
func compact(losses map[string]float64) string {
	var words []string
	for _, p := range pairs {
		if p.absent(losses) {
			continue
		}
		words = append(words, fmt.Sprintf("%s %.2f", p.short, losses[p.a]+losses[p.b]))
	}
	return strings.Join(words, " ")
}
