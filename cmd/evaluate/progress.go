package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress tells how far the judging is: with a bar on a terminal, with a line now and then elsewhere.
type progress struct {
	w        io.Writer
	terminal bool
	bar      *progressbar.ProgressBar
	begun    time.Time
	last     time.Time
	total, n int
}

// linePeriod is how often a line is written where there is no bar.
const linePeriod = 5 * time.Second

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

// begin announces so many steps: "12 pictures to read".
func (p *progress) begin(total int, what string) {
	p.end()
	p.total, p.n, p.begun, p.last = total, 0, time.Now(), time.Now()
	fmt.Fprintf(p.w, "%d %s\n", total, what)
	if p.terminal {
		p.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(p.w), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("pictures"), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(30))
	}
}

func (p *progress) step() {
	p.n++
	if p.bar != nil {
		p.bar.Add(1)
	} else if time.Since(p.last) >= linePeriod && p.n < p.total {
		p.last = time.Now()
		took := time.Since(p.begun)
		left := time.Duration(float64(took) / float64(p.n) * float64(p.total-p.n))
		fmt.Fprintf(p.w, "%d of %d, %.3g a second, %v left\n", p.n, p.total, float64(p.n)/took.Seconds(), left.Round(time.Second))
	}
}

// failed names a picture that can't be judged.
func (p *progress) failed(err error) {
	if p.bar != nil {
		p.bar.Clear()
	}
	fmt.Fprintf(p.w, "failed: %v\n", err)
}

func (p *progress) end() {
	if p.bar != nil {
		p.bar.Finish()
		p.bar = nil
	}
}
