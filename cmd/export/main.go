//go:build tensorflow

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"cyclegan/cmd/internal/cli"
	"cyclegan/train"
)

func main() {
	c, status, ok := start(os.Args[1:], os.Stderr)
	if !ok {
		os.Exit(status)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the program at once.
	context.AfterFunc(ctx, stop)
	c.announce(os.Stderr)
	paths, err := c.write(ctx)
	switch {
	case err == nil:
		c.report(os.Stdout, paths)
		os.Exit(cli.Done)
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "export: interrupted; what is not reported as written is not there")
		os.Exit(cli.Interrupted)
	}
	fmt.Fprintf(os.Stderr, "export: %v\n", err)
	os.Exit(cli.Failed)
}

// write writes what was loaded and returns the paths.
func (c *command) write(ctx context.Context) ([]string, error) {
	switch {
	case c.format == formatSafetensors:
		return c.writeSafetensors()
	case c.pth != "":
		m := c.metadata
		m.Writer = writer
		return []string{c.output}, train.Export(ctx, c.output, c.network, c.weights, m)
	}
	dir, err := c.folder()
	if err != nil {
		return nil, err
	}
	return train.ExportGenerators(ctx, c.checkpoint, c.run, dir, writer)
}

// writer names this program in the files that it writes.
const writer = "cyclegan export"
