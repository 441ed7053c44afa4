// Command infer sends pictures through a generator: whole folders, from season to season.
//
//	go run ./cmd/infer -model checkpoints/demo/G_AB.onnx -in photos -out winter
//	go run ./cmd/infer -dataroot datasets/yosemite -name yosemite -model cycle_gan
//
// The second is the command line of the official test.py, whose options are another way to say -model, -in and -out: testA goes
// through the run's G_AB.onnx to results/yosemite/test_latest/fake_B, and testB through G_BA.onnx to fake_A beside it.
// It parses, wires and prints; package infer does the work.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"cyclegan/cmd/internal/cli"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	cfg, err := parse(args)
	if errors.Is(err, errHelp) {
		usage(stdout)
		return cli.Done
	}
	if errors.Is(err, cli.ErrVersion) {
		cli.Version(stdout, "infer")
		return cli.Done
	}
	if err != nil {
		return cli.Report(stderr, "infer", cli.Usage(err))
	}
	text := stdout
	if cfg.json == "-" {
		text = io.Discard // standard output is the summary's
	}
	rep := report{}
	rep.Status, err = convert(cfg, &rep, text, stderr)
	if err != nil {
		rep.Error = err.Error()
		fmt.Fprintln(stderr, "infer:", err)
	}
	if err := rep.write(cfg.json, stdout); err != nil {
		fmt.Fprintln(stderr, "infer:", err)
		return cli.Failed
	}
	return rep.Status
}

// errInterrupted is why a context ended that a signal ended.
var errInterrupted = errors.New("interrupted")

// interrupts gives two contexts: the first signal ends soft, which finishes what is under way, and the second one hard, which breaks it off.
func interrupts(stderr io.Writer) (soft, hard context.Context, stop func()) {
	soft, endSoft := context.WithCancelCause(context.Background())
	hard, endHard := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for _, end := range []context.CancelCauseFunc{endSoft, endHard} {
			select {
			case <-signals:
				end(errInterrupted)
			case <-done:
				return
			}
		}
	}()
	return soft, hard, func() {
		signal.Stop(signals)
		close(done)
		endSoft(nil)
		endHard(nil)
	}
}

// convert does the work and gives the exit status; the error is what there is to say beside the pictures' own errors.
func convert(cfg *config, rep *report, stdout, stderr io.Writer) (int, error) {
	soft, hard, stop := interrupts(stderr)
	defer stop()
	jobs, err := cfg.jobs(stderr)
	if err != nil {
		return cli.Status(err), err
	}
	rep.begin(jobs)
	for i := range jobs {
		if err := jobs[i].checkPaths(cfg.dryRun); err != nil {
			return cli.Failed, err
		}
	}
	for i := range jobs {
		part := rep.part(i)
		if cfg.dryRun {
			if err := jobs[i].plan(cfg, part, stdout, stderr); err != nil {
				return cli.Status(err), err
			}
			rep.sum()
			continue
		}
		summary, err := jobs[i].run(soft, hard, cfg, part, stderr)
		if summary != nil {
			part.summary(summary)
			printSummary(stdout, jobs[i].output, summary)
		}
		rep.sum()
		switch {
		case soft.Err() != nil && (summary == nil || summary.Left > 0):
			return cli.Interrupted, errors.New("interrupted: the same command with -skip_existing goes on")
		case err != nil:
			return cli.Status(err), err
		}
	}
	switch {
	case len(rep.Failed) > 0 && rep.Converted+rep.Skipped == 0 && !cfg.dryRun:
		return cli.Failed, errors.New("no picture could be converted")
	case len(rep.Failed) > 0:
		return cli.SomeFailed, nil
	}
	return cli.Done, nil
}
