package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer"
	"cyclegan/infer/batch"
)

// progress tells how far the batch is: with a bar on a terminal, with a line now and then elsewhere.
type progress struct {
	w        io.Writer
	terminal bool

	mu         sync.Mutex // an interruption comes from another goroutine
	bar        *progressbar.ProgressBar
	begun      time.Time
	last       time.Time
	total, n   int
	width      int // of a model that takes one size alone
	height     int
	scaledDown int
	tiled      int
	notes      map[string]int // pictures of which each is true
}

// linePeriod is how often a line is written where there is no bar.
const linePeriod = 5 * time.Second

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

// model tells what is about to run.
func (p *progress) model(path string, i infer.Info) {
	p.width, p.height = i.Width, i.Height
	fmt.Fprintf(p.w, "%s: %s", path, modelcli.Described(i))
}

func (p *progress) begin(plan *batch.Plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total, p.begun, p.last = len(plan.Jobs), time.Now(), time.Now()
	modelcli.SayPlan(p.w, plan)
	if p.terminal {
		p.bar = progressbar.NewOptions(p.total, progressbar.OptionSetWriter(p.w), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("pictures"), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(30))
	}
}

func (p *progress) done(r batch.Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	if r.Err == nil && (p.width > 0 && r.Width > p.width || p.height > 0 && r.Height > p.height) {
		p.scaledDown++
	}
	if r.Err == nil && r.Tiling.Tiles > 1 {
		p.tiled++
	}
	if r.Err == nil {
		for _, note := range r.Notes {
			if p.notes == nil {
				p.notes = map[string]int{}
			}
			p.notes[note]++
		}
	}
	if r.Err != nil {
		if p.bar != nil {
			p.bar.Clear()
		}
		fmt.Fprintf(p.w, "failed: %v\n", r.Err)
	}
	if p.bar != nil {
		p.bar.Add(1)
	} else if time.Since(p.last) >= linePeriod && p.n < p.total {
		p.last = time.Now()
		took := time.Since(p.begun)
		left := time.Duration(float64(took) / float64(p.n) * float64(p.total-p.n))
		fmt.Fprintf(p.w, "%d of %d pictures, %.3g a second, %v left\n", p.n, p.total, float64(p.n)/took.Seconds(), left.Round(time.Second))
	}
}

func (p *progress) interrupted() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Clear()
	}
	fmt.Fprintln(p.w, "interrupted: finishing the pictures under way; once more breaks them off")
}

func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Finish()
	}
	if p.scaledDown > 0 {
		fmt.Fprintf(p.w, "%s larger than the only size that the model takes, %dx%d: scaled down for it, and its result scaled up again\n",
			cli.Count(p.scaledDown, "picture"), p.width, p.height)
	}
	if p.tiled > 0 {
		fmt.Fprintf(p.w, "%s went through the model in tiles, which bounds memory; -max_pixels says from which size on\n", cli.Count(p.tiled, "picture"))
	}
	for _, note := range slices.Sorted(maps.Keys(p.notes)) {
		fmt.Fprintf(p.w, "note: %s: %s\n", cli.Count(p.notes[note], "picture"), note)
	}
}
