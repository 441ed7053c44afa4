//go:build tensorflow

package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"cyclegan/train/worker"
)

// serve is the whole of a worker: it computes its share of other processes'
// trainings until it is interrupted.
func (c *command) serve(ctx context.Context) error {
	threads := c.opts.Threads
	if threads == 0 {
		threads = runtime.NumCPU()
	}
	at, err := worker.Serve(ctx, c.worker, worker.Options{Threads: threads, GPUs: c.opts.GPUIDs})
	if err != nil {
		return fmt.Errorf("-worker %s: %w", c.worker, err)
	}
	fmt.Printf("worker: listening on %s and on no other address, CPU threads: %d; Ctrl-C ends it\n", at, threads)
	fmt.Println("whoever reaches this address can run anything here: keep it on a private network")
	fmt.Printf("to train with it: go run ./cmd/train -workers %s[,OTHERS] [options]\n", at)
	<-ctx.Done()
	return ctx.Err()
}

// workersPatience is how long workers that are just being started have.
const workersPatience = time.Minute

func (c *command) awaitWorkers(ctx context.Context) error {
	err := worker.Wait(ctx, c.opts.WorkerList(), workersPatience, func(text string) { fmt.Fprintln(os.Stderr, text) })
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w\nstart it on its machine, with an address that this one and the other workers reach:\n  go run ./cmd/train -worker ADDRESS", err)
	}
	return err
}

// afterLoss says how to go on after a worker was lost. The weights are on the
// first worker, where a step may be half made: only checkpoints count.
func (c *command) afterLoss(err error, lost *worker.UnreachableError) error {
	checkpoint, _, loadErr := c.opts.Checkpoints().Latest()
	if loadErr != nil {
		return fmt.Errorf("%w\nthe run has no checkpoint yet; when the worker is back, begin it again:\n  go run ./cmd/train %s -continue_train", err, c.nameFlags())
	}
	text := fmt.Sprintf("the run is saved up to step %d; to go on, start the worker again", checkpoint.Step)
	again := fmt.Sprintf("\n  go run ./cmd/train %s -continue_train", c.nameFlags())
	if left := c.left(lost); len(left) > 0 {
		text += fmt.Sprintf(", or go on with what is left:%s -workers %s", again, quote(strings.Join(left, ",")))
	} else {
		text += ", or go on with this machine alone:" + again + " -workers="
	}
	return fmt.Errorf("%w\n%s", err, text)
}

// left are workers that the run can go on with: the batch stays as it is, and
// must divide among them.
func (c *command) left(lost *worker.UnreachableError) []string {
	left := lost.Reachable
	for len(left) > 0 && c.opts.BatchSize%len(left) != 0 {
		left = left[:len(left)-1]
	}
	return left
}
