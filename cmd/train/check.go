package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/term"

	"cyclegan/cmd/internal/cli"
	"cyclegan/train/dataset"
	"cyclegan/train/inspect"
)

// checkOnly is -check: it looks at every picture, says what it found, and
// gives the exit status. It needs neither TensorFlow nor the run's folder.
func (c *command) checkOnly(stdout, stderr *os.File) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	found, err := c.look(ctx, stdout, stderr)
	switch {
	case ctx.Err() != nil:
		return cli.Interrupted
	case err != nil:
		return cli.Report(stderr, "train", err)
	case len(found.Unreadable) > 0:
		return cli.SomeFailed
	}
	return cli.Done
}

// look decodes every picture and prints what was found. The error says what
// keeps a training from beginning.
func (c *command) look(ctx context.Context, stdout, stderr *os.File) (*inspect.Result, error) {
	data, err := dataset.Open(c.opts.Dataset())
	if err != nil {
		return nil, err
	}
	defer data.Close()
	look := inspect.Options{Decode: true}
	if term.IsTerminal(int(stderr.Fd())) {
		look.Progress = func(done, total int) { fmt.Fprintf(stderr, "\r%d of %d pictures", done, total) }
	}
	found, err := inspect.Dataset(ctx, data, look)
	if look.Progress != nil {
		fmt.Fprint(stderr, "\r\x1b[K")
	}
	if err != nil {
		return nil, err
	}
	if !c.json {
		if err := found.Fprint(stdout, c.verbose); err != nil {
			return nil, err
		}
		return found, found.Err()
	}
	out := json.NewEncoder(stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	if err := out.Encode(found); err != nil {
		return nil, fmt.Errorf("print what was found: %w", err)
	}
	return found, found.Err()
}
