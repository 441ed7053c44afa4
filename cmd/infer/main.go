// Command infer converts folders of images with a trained generator.
//
//	go run ./cmd/infer -in photos -out winter
//	go run ./cmd/infer -model checkpoints/demo/G_AB.onnx -in photos -out winter
//	go run ./cmd/infer -dataroot datasets/yosemite -name yosemite -model cycle_gan
//	go run ./cmd/infer inspect checkpoints/demo/G_AB.onnx
//
// The first form uses the built-in model, which turns summer to winter. The third is the command
// line of the official test.py: it converts testA with the run's G_AB.onnx into
// results/yosemite/test_latest/fake_B, and testB with G_BA.onnx into fake_A. The last describes a
// model. Package batch does the work.
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
	"cyclegan/cmd/internal/modelcli"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "inspect" {
		return inspect(args[1:], stdout, stderr)
	}
	cfg := &config{}
	f := flags(cfg)
	if err := cfg.parse(f, args); err != nil {
		return f.Report(err, stdout, stderr)
	}
	text := stdout
	if cfg.JSON == "-" {
		text = io.Discard // standard output is for the summary
	}
	rep := report{}
	var err error
	if cfg.piped() {
		rep.Status, err = convertPiped(cfg, &rep, os.Stdin, stdout, stderr)
	} else {
		rep.Status, err = convert(cfg, &rep, text, stderr)
	}
	if err != nil {
		rep.Error = err.Error()
		fmt.Fprintln(stderr, "infer:", err)
	}
	if err := rep.write(cfg.JSON, stdout); err != nil {
		fmt.Fprintln(stderr, "infer:", err)
		return cli.Failed
	}
	return rep.Status
}

// convert runs the jobs and returns the exit status. Its error is about more than single images,
// whose errors are in the report.
func convert(cfg *config, rep *report, stdout, stderr io.Writer) (int, error) {
	soft, hard := interrupts()
	jobs, err := cfg.jobs(stderr)
	if err != nil {
		return cli.Status(err), err
	}
	rep.begin(jobs)
	for i := range jobs {
		if err := jobs[i].checkPaths(); err != nil {
			return cli.Failed, err
		}
	}
	for i := range jobs {
		part := &rep.Parts[i]
		if cfg.dryRun {
			if err := jobs[i].dryRun(cfg, part, stdout, stderr); err != nil {
				return cli.Status(err), err
			}
			rep.sum()
			continue
		}
		summary, err := jobs[i].run(soft, hard, cfg, part, stderr)
		if summary != nil {
			part.summary(summary)
			modelcli.PrintSummary(stdout, cli.Count(summary.Converted, "image")+" converted", summary.Skipped, len(summary.Failed), summary.Left, summary.Elapsed, part.Rate, jobs[i].output)
		}
		rep.sum()
		switch {
		case soft.Err() != nil && (summary == nil || summary.Left > 0):
			return cli.Interrupted, errors.New("interrupted\nFix: to continue, run the same command with -skip_existing")
		case err != nil:
			return cli.Status(err), err
		}
	}
	switch {
	case len(rep.Failed) > 0 && rep.Converted+rep.Skipped == 0 && !cfg.dryRun:
		return cli.Failed, errors.New("no image could be converted")
	case len(rep.Failed) > 0:
		return cli.SomeFailed, nil
	}
	return cli.Done, nil
}

// interrupts returns two contexts. The first signal ends soft, after which the images in progress
// are finished; the second one ends hard, which aborts them; a third one kills the process. A
// second one that comes when all is done does nothing, so that the report is written.
func interrupts() (soft, hard context.Context) {
	soft, endSoft := context.WithCancel(context.Background())
	hard, endHard := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		endSoft()
		<-signals
		endHard()
		signal.Stop(signals)
	}()
	return soft, hard
}
