// Command beam converts images like cmd/infer, with bit-identical results, as an Apache Beam
// pipeline: on this machine, or on Flink, Spark or Dataflow, with local folders, gs:// and s3://.
//
//	go run . -model ../../checkpoints/demo/G_AB.onnx -in photos -out winter
//
// Package pipeline does the work. The command is a module of its own, so that the project does not
// depend on Beam.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"

	"cyclegan/cmd/beam/pipeline"
	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	c := &config{}
	f := flags(c)
	err := c.parse(f, args)
	if err == nil {
		beam.Init() // does not return in a worker, where args are only the runner's
		c.setLog(stderr)
		err = c.check()
	}
	if err != nil {
		return f.Report(err, stdout, stderr)
	}
	defer c.endOnInterrupt(stderr)()
	text := stdout
	if c.JSON == "-" {
		text = io.Discard // standard output is for the summary
	}
	s := summary{Output: c.Output, DeadLetters: c.deadLetters, Failed: []pipeline.Letter{}}
	s.Status, err = convert(context.Background(), c, &s, text, stderr)
	if err != nil {
		s.Error = err.Error()
		fmt.Fprintln(stderr, "beam:", err)
	}
	if err := modelcli.WriteSummary(c.JSON, stdout, s); err != nil {
		fmt.Fprintln(stderr, "beam:", err)
		return cli.Failed
	}
	return s.Status
}

// endOnInterrupt ends the program when it is interrupted. That is safe: results are whole or
// absent.
func (c *config) endOnInterrupt(stderr io.Writer) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-signals; !ok {
			return
		}
		text := "interrupted\nFix: to continue, run the same command with -skip_existing"
		if !c.inProcess() {
			text = "interrupted\nA submitted job continues; cancel it with the runner's tools."
		}
		fmt.Fprintln(stderr, "beam:", text)
		c.removeTemporary()
		os.Exit(cli.Interrupted)
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}

// setLog hides what Beam and its runners log. Warnings of other runners remain, because they may
// explain why the runner waits.
func (c *config) setLog(stderr io.Writer) {
	if c.verbose {
		return
	}
	if c.inProcess() {
		stderr = io.Discard
	}
	log.SetLogger(warnings{stderr})
	slog.SetDefault(slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
}

type warnings struct{ w io.Writer }

func (l warnings) Log(_ context.Context, severity log.Severity, _ int, text string) {
	if severity >= log.SevWarn {
		fmt.Fprintln(l.w, "beam:", text)
	}
}
