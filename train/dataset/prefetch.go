package dataset

import (
	"context"
	"errors"
	"sync"
)

// Prefetch returns the batches of a run in order. NumThreads goroutines load them ahead of time.
// Next is not safe for concurrent use.
type Prefetch struct {
	ds     *Dataset
	ctx    context.Context
	cancel context.CancelFunc
	step   int
	ahead  chan chan made // in the order of the steps; nil without goroutines
	done   sync.WaitGroup
	err    error // the first one, which all later calls return
}

type made struct {
	batch *Batch
	err   error
}

type job struct {
	step int
	to   chan made
}

// Prefetch starts at a step, counted from 0 over the whole run. It stops when ctx ends, but needs
// Close in any case.
func (d *Dataset) Prefetch(ctx context.Context, fromStep int) *Prefetch {
	p := &Prefetch{ds: d, step: fromStep}
	p.ctx, p.cancel = context.WithCancel(ctx)
	threads := d.opt.NumThreads
	if threads == 0 {
		return p
	}
	// One waiting batch per thread is enough to bridge a slow file.
	p.ahead = make(chan chan made, threads)
	jobs := make(chan job)
	p.done.Go(func() { p.hand(jobs, fromStep) })
	for range threads {
		p.done.Go(func() {
			for j := range jobs {
				j.to <- p.make(j.step)
			}
		})
	}
	return p
}

// hand distributes the steps. It queues the place for a result before the work starts, which keeps
// the order and limits how far ahead the goroutines load.
func (p *Prefetch) hand(jobs chan<- job, step int) {
	defer close(jobs)
	for ; ; step++ {
		to := make(chan made, 1)
		select {
		case p.ahead <- to:
		case <-p.ctx.Done():
			return
		}
		select {
		case jobs <- job{step, to}:
		case <-p.ctx.Done():
			to <- made{err: p.ctx.Err()}
			return
		}
	}
}

func (p *Prefetch) make(step int) made {
	if err := p.ctx.Err(); err != nil {
		return made{err: err}
	}
	b, err := p.ds.Batch(p.ds.At(step))
	return made{b, err}
}

// Next returns the next batch, which belongs to the caller until Release. After an error every call
// returns that error.
func (p *Prefetch) Next() (*Batch, error) {
	if p.err != nil {
		return nil, p.err
	}
	var m made
	if p.ahead == nil {
		m = p.make(p.step)
	} else {
		m = p.wait()
	}
	p.step++
	p.err = m.err
	return m.batch, m.err
}

func (p *Prefetch) wait() made {
	// Check this first, because select chooses randomly among the ready cases.
	if err := p.ctx.Err(); err != nil {
		return made{err: err}
	}
	select {
	case to := <-p.ahead:
		select {
		case m := <-to:
			return m
		case <-p.ctx.Done():
		}
	case <-p.ctx.Done():
	}
	return made{err: p.ctx.Err()}
}

// Close stops the goroutines and waits for them. It may be called twice.
func (p *Prefetch) Close() error {
	p.cancel()
	p.done.Wait()
	if p.err == nil {
		p.err = errClosed
	}
	return nil
}

var errClosed = errors.New("prefetch is closed")
