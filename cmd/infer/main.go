// Command infer sends pictures through a generator: whole folders, from season to season.
//
//	go run ./cmd/infer -model checkpoints/demo/G_AB.onnx -in photos -out winter
//
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

	"cyclegan/infer"
	"cyclegan/infer/session"
	"cyclegan/third_party/native"
)

// The exit status of every command.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitSomeFailed  = 3
	exitInterrupted = 130
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	cfg, err := parse(args)
	if errors.Is(err, errHelp) {
		usage(stdout)
		return exitDone
	}
	if err != nil {
		fmt.Fprintf(stderr, "infer: %v\nto mend it: `go run ./cmd/infer -h` lists the options\n", err)
		return exitUsage
	}
	text := stdout
	if cfg.json == "-" {
		text = io.Discard // standard output is the summary's
	}
	rep := report{Inputs: cfg.inputs, Output: cfg.output, Model: modelReport{Path: cfg.model}}
	rep.Status, err = convert(cfg, &rep, text, stderr)
	if err != nil {
		rep.Error = err.Error()
		fmt.Fprintln(stderr, "infer:", err)
	}
	if err := rep.write(cfg.json, stdout); err != nil {
		fmt.Fprintln(stderr, "infer:", err)
		return exitFailed
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
	if err := checkPaths(cfg); err != nil {
		return exitFailed, err
	}
	model, err := openModel(soft, cfg, stderr)
	if soft.Err() != nil {
		return exitInterrupted, errInterrupted
	}
	if err != nil {
		return exitFailed, err
	}
	defer model.Close()
	rep.Model.fill(model.Info())
	show := newProgress(stderr)
	show.model(cfg, model.Info())
	batch := infer.Batch{
		Model: model, Inputs: cfg.inputs, Output: cfg.output, Format: cfg.format, Quality: cfg.quality,
		SkipExisting: cfg.skipExisting, Workers: cfg.workers, Stop: soft.Done(),
		Begin: func(p *infer.Plan) {
			rep.plan(p)
			show.begin(p)
		},
		Done: show.done,
	}
	defer context.AfterFunc(soft, show.interrupted)()
	summary, err := batch.Run(hard)
	show.end()
	if summary == nil {
		return exitFailed, err
	}
	rep.summary(summary)
	printSummary(stdout, cfg, summary)
	switch {
	case summary.Left > 0 && soft.Err() != nil:
		return exitInterrupted, errors.New("interrupted: the same command with -skip_existing goes on")
	case err != nil:
		return exitFailed, err
	case len(summary.Failed) > 0 && summary.Converted+summary.Skipped == 0:
		return exitFailed, errors.New("no picture could be converted")
	case len(summary.Failed) > 0:
		return exitSomeFailed, nil
	}
	return exitDone, nil
}

// openModel opens the model, fetching ONNX Runtime if it is nowhere to be found.
func openModel(ctx context.Context, cfg *config, stderr io.Writer) (*infer.Model, error) {
	model, err := infer.Open(cfg.model, &cfg.options)
	var missing *session.NotFoundError
	if !errors.As(err, &missing) {
		return model, err
	}
	library, err := native.FetchONNXRuntime(ctx, stderr)
	if err != nil {
		return nil, err
	}
	cfg.options.Library = library
	return infer.Open(cfg.model, &cfg.options)
}
