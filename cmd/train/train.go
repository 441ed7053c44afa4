//go:build tensorflow

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"cyclegan/cmd/internal/cli"
	"cyclegan/graph"
	"cyclegan/third_party/native/fetch"
	"cyclegan/train"
	"cyclegan/train/report"
	"cyclegan/train/run"
	"cyclegan/train/worker"
)

const withTensorFlow = true

func (c *config) train(stdout, stderr *os.File) int {
	ctx, stop := cli.Context()
	defer stop()
	for _, note := range c.notes {
		fmt.Fprintln(stderr, "note: "+note)
	}
	var err error
	if c.worker != "" {
		err = c.serve(ctx, stdout)
	} else if err = c.fetchFeatures(ctx, stderr); err == nil {
		err = run.Train(ctx, c.runConfig(stdout, stderr))
	}
	if errors.Is(err, context.Canceled) {
		return cli.Interrupted
	}
	return cli.Report(stderr, "train", err)
}

// fetchFeatures fetches the weights of the frozen features. A new run with projected discriminators
// begins with them, while a resumed one has them in its checkpoint. Package run reports that KID
// and FID have to do without.
func (c *config) fetchFeatures(ctx context.Context, log *os.File) error {
	needed := c.opts.NetD == graph.Projected && !c.resume
	if !needed && (c.opts.EvalEvery == 0 || c.opts.Features != graph.EfficientNet) {
		return nil
	}
	if _, err := fetch.Features(ctx, log); err != nil && needed {
		return fmt.Errorf("-netD %s: %w", c.opts.NetD, err)
	}
	return ctx.Err()
}

func (c *config) runConfig(stdout, stderr *os.File) run.Config {
	r := run.Config{
		Options: c.opts, Profile: c.profile, Verbose: c.verbose,
		Out: stdout, Display: newDisplay(stderr), Program: cli.Program,
	}
	if c.resume {
		r.Resume = &run.Resume{Saved: c.saved, Epoch: c.epoch, Iteration: c.loadIter}
		if c.explicit["epoch_count"] {
			r.Resume.EpochCount = c.epochCount
		}
	}
	return r
}

// serve computes a share of other processes' runs until it is interrupted.
func (c *config) serve(ctx context.Context, stdout *os.File) error {
	threads := cmp.Or(c.opts.Threads, runtime.NumCPU())
	at, err := worker.Serve(ctx, c.worker, worker.Options{Threads: threads, GPUs: c.opts.GPUIDs})
	if err != nil {
		return fmt.Errorf("-worker %s: %w", c.worker, err)
	}
	fmt.Fprintf(stdout, "worker: listening on %s only, CPU threads: %d; Ctrl-C ends it\n", at, threads)
	fmt.Fprintln(stdout, "Whoever reaches this address can run any program here: keep it on a private network.")
	fmt.Fprintf(stdout, "To train with it: %s -workers %s[,OTHERS] [options]\n", cli.Program("train"), at)
	<-ctx.Done()
	return ctx.Err()
}

// display shows the progress of a run as a bar on a terminal and as lines elsewhere.
type display struct {
	out     *os.File
	columns int // of the terminal, 0 without one
	bar     *progressbar.ProgressBar
	before  int64 // steps before those of the bar
}

func newDisplay(out *os.File) *display {
	d := &display{out: out}
	if term.IsTerminal(int(out.Fd())) {
		columns, _, _ := term.GetSize(int(out.Fd())) // 0 if unknown
		d.columns = cmp.Or(columns, 80)
	}
	return d
}

func (d *display) Step(p train.Progress, m run.Means, fresh bool) {
	if d.columns > 0 {
		d.showBar(p, m)
	} else if fresh {
		fmt.Fprintf(d.out, "step %d/%d  epoch %d  %.3f s/step%s  %s\n", p.Step, p.Steps, p.Epoch, m.Step.Seconds(), left(m), losses(m.Losses, false))
	}
}

// left says how much time is left, if that is known.
func left(m run.Means) string {
	if m.Left == 0 {
		return ""
	}
	return "  " + report.Duration(m.Left) + " left"
}

// showBar advances the bar. It counts the steps of this process, because its speed does not depend
// on earlier ones; the description has the steps of the whole run. The run knows better than the
// bar how much time is left.
func (d *display) showBar(p train.Progress, m run.Means) {
	if d.bar == nil {
		d.before = p.Step - 1
		d.bar = progressbar.NewOptions64(p.Steps-d.before,
			progressbar.OptionSetWriter(d.out),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("it"),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionThrottle(200*time.Millisecond),
			progressbar.OptionSetWidth(6),
		)
	}
	if p.Steps > p.Step { // the bar would end
		d.bar.ChangeMax64(p.Steps - d.before)
	}
	const barColumns = 40 // without its description
	text := fmt.Sprintf("%d/%d%s", p.Step, p.Steps, left(m))
	if sums := "  " + losses(m.Losses, true); d.columns >= len(text)+len(sums)+barColumns {
		text += sums
	}
	d.bar.Describe(text)
	_ = d.bar.Add(1)
}

// Say prints a line without breaking the bar.
func (d *display) Say(line string) {
	if d.bar != nil {
		_ = d.bar.Clear()
	}
	fmt.Fprintln(d.out, line)
}

// Stop ends the bar, so that the next output starts on a new line.
func (d *display) Stop() {
	if d.bar != nil {
		_ = d.bar.Exit()
		fmt.Fprintln(d.out)
		d.bar = nil
	}
}

// losses shows each loss of both directions, or only their sums.
func losses(values map[string]float64, sums bool) string {
	var words []string
	for _, l := range []struct{ label, short, a, b string }{
		{"G", "G", "G_AB", "G_BA"}, {"cycle", "cyc", "cycle_A", "cycle_B"}, {"idt", "idt", "idt_A", "idt_B"}, {"D", "D", "D_A", "D_B"},
	} {
		switch a, b := values[l.a], values[l.b]; {
		case l.label == "idt" && a == 0 && b == 0: // without identity loss
		case sums:
			words = append(words, fmt.Sprintf("%s %.2f", l.short, a+b))
		default:
			words = append(words, fmt.Sprintf("%s %.2f/%.2f", l.label, a, b))
		}
	}
	return strings.Join(words, "  ")
}
