package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"cyclegan/cmd/internal/cli"
)

func main() {
	if len(os.Args) == 2 {
		switch os.Args[1] {
		case workerArgument:
			cli.LargePages() // as cmd/infer does
			os.Exit(serve(os.Stdin, os.Stdout, os.Stderr))
		case tensorFlowWorkerArgument:
			os.Exit(serveWithTensorFlow())
		}
	}
	c, status, ok := start(os.Args[1:], os.Stderr)
	if !ok {
		os.Exit(status)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err := c.run(ctx)
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
