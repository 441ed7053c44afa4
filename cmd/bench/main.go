// Command bench compares this project with its peers in Python: a training step, a folder of images
// through a generator, and a single image from the start of the program.
//
//	go run .                                # this project alone
//	go run . -python venv/bin/python        # with the peers installed there
//	go run . growth                         # time and memory by size, batch, width and number of images
//
// All contenders get the same weights and the same images, and one whose results differ from ours
// is reported instead of timed. They take turns, so that other load on the machine affects them
// all. The README has the latest numbers and explains how to install the peers.
//
// Bench is a module of its own, because only those who measure need it.
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
	if len(os.Args) == 2 && os.Args[1] == workerArgument {
		os.Exit(serve(os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	c, flags, err := parse(args)
	if err != nil {
		return flags.Report(err, stdout, stderr)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err = c.measure(ctx, stdout, stderr); ctx.Err() != nil {
		fmt.Fprintln(stderr, "bench: interrupted")
		return cli.Interrupted
	}
	return flags.Report(err, stdout, stderr)
}

// measure runs what the command line asks for and prints each result as soon as it is complete.
func (c *command) measure(ctx context.Context, stdout, stderr io.Writer) error {
	text := stdout
	if c.json == "-" {
		text = stderr
	}
	f, err := prepare(ctx, c, stderr)
	if err != nil {
		return err
	}
	defer f.close()
	rep := &report{Machine: thisMachine(c.settings[0].Threads), Versions: map[string]string{}}
	rep.Machine.print(text)
	if c.growth {
		err = c.grow(ctx, f, rep, text)
	} else {
		err = c.compareAll(ctx, f, rep, text)
	}
	if err == nil {
		rep.printVersions(text)
	}
	return errors.Join(err, rep.write(c.json, stdout)) // what was measured until an error counts
}

func (c *command) compareAll(ctx context.Context, f *files, rep *report, text io.Writer) error {
	for _, s := range c.settings {
		comparison, err := compare(ctx, f, c.python, s, rep.Versions)
		if err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
		comparison.print(text)
		rep.Cases = append(rep.Cases, *comparison)
	}
	return nil
}
