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
	if len(os.Args) == 2 {
		switch os.Args[1] {
		case workerArgument:
			os.Exit(serve(os.Stdin, os.Stdout, os.Stderr))
		case tensorFlowWorkerArgument:
			os.Exit(serveWithTensorFlow())
		}
	}
	run, status, ok := choose(os.Args[1:], os.Stderr)
	if !ok {
		os.Exit(status)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err := run(ctx)
	switch {
	case err == nil:
		os.Exit(cli.Done)
	case ctx.Err() != nil || errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		os.Exit(cli.Interrupted)
	}
	fmt.Fprintf(os.Stderr, "bench: %v\n", err)
	os.Exit(cli.Failed)
}

// choose reads the command line, of which the first word may say that growth is
// to be measured.
func choose(args []string, stderr io.Writer) (run func(context.Context) error, status int, ok bool) {
	if len(args) > 0 && args[0] == growthArgument {
		g, status, ok := startGrowth(args[1:], stderr)
		return g.run, status, ok
	}
	c, status, ok := start(args, stderr)
	return c.run, status, ok
}

// run measures each setting, and prints it as soon as it is done.
func (c *command) run(ctx context.Context) error {
	text := os.Stdout
	if c.json == "-" {
		text = os.Stderr
	}
	files, err := c.prepare(ctx)
	if err != nil {
		return err
	}
	defer files.close()
	rep := &report{Machine: thisMachine(c.settings[0].Threads), Versions: versions()}
	if err := c.peerVersions(ctx, files, rep.Versions); err != nil {
		return err
	}
	rep.Machine.print(text)
	for _, s := range c.settings {
		comparison, err := c.compare(ctx, files, s, rep.Versions)
		if err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
		comparison.print(text)
		rep.Cases = append(rep.Cases, *comparison)
		if err := rep.write(c.json, nil); err != nil {
			return err
		}
	}
	rep.printVersions(text)
	return rep.write(c.json, os.Stdout)
}
