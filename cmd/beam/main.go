// Command beam sends pictures through a generator as cmd/infer does, to the same bytes, as a Beam pipeline: on this machine, or on Flink, Spark or
// Dataflow, from and to local folders, gs:// and s3://.
//
//	go run . -model ../../checkpoints/demo/G_AB.onnx -in photos -out winter
//
// It parses, wires and prints; package pipeline does the work. It is a module of its own, so that nobody who does not run it carries Beam.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"cyclegan/cmd/internal/cli"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	c := &config{}
	f := flags(c)
	err := c.read(f, args)
	if errors.Is(err, flag.ErrHelp) {
		c.usage(f, stdout)
		return cli.Done
	}
	if err == nil {
		beam.Init() // does not return in a worker, which has no options but the runner's
		quiet(c.verbose, c.inProcess(), stderr)
		err = c.check(f)
	}
	if errors.Is(err, cli.ErrVersion) {
		cli.Version(stdout, "beam")
		return cli.Done
	}
	if err != nil {
		return cli.Report(stderr, "beam", cli.Usage(err))
	}
	defer interrupts(c, stderr)()
	text := stdout
	if c.json == "-" {
		text = io.Discard // standard output is the summary's
	}
	s := summary{Output: c.options.Output, DeadLetters: c.options.DeadLetters}
	s.Status, err = convert(context.Background(), c, &s, text, stderr)
	if err != nil {
		s.Error = err.Error()
		fmt.Fprintln(stderr, "beam:", err)
	}
	if err := s.write(c.json, stdout); err != nil {
		fmt.Fprintln(stderr, "beam:", err)
		return cli.Failed
	}
	return s.Status
}

// interrupts ends the program when it is interrupted, which harms nothing: results are whole or not there.
func interrupts(c *config, stderr io.Writer) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-signals; !ok {
			return
		}
		text := "interrupted: the same command with -skip_existing goes on"
		if !c.inProcess() {
			text = "interrupted: a job that was submitted goes on, and the runner's own tools can cancel it"
		}
		fmt.Fprintln(stderr, "beam:", text)
		c.cleanUp()
		os.Exit(cli.Interrupted)
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}
