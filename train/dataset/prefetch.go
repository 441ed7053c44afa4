package dataset

import (
	"context"
	"errors"
	"sync"
)

// Prefetch yields the batches of a run in order, made ahead of time by
// NumThreads goroutines. Next is for one goroutine.
type Prefetch struct {
	ds     *Dataset
	ctx    context.Context
	cancel context.CancelFunc
	step   int
	ahead  chan chan made // in the order of the steps; nil when nothing is made ahead
	done   sync.WaitGroup
	err    error // the first; it stays
}

type made struct {
	batch *Batch
	err   error
}

type job struct {
	step int
	to   chan made
}

// Prefetch begins at a step, counted from 0 over the whole run. It stops with
// ctx; Close it in any case.
func (d *Dataset) Prefetch(ctx context.Context, fromStep int) *Prefetch {
	p := &Prefetch{ds: d, step: fromStep}
	p.ctx, p.cancel = context.WithCancel(ctx)
	threads := d.opt.NumThreads
	if threads == 0 {
		return p
	}
	// As many batches wait as threads work: enough to ride out a slow file.
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

// hand deals out the steps; the place in line is taken before the work, which
// keeps the order and bounds how far ahead it goes.
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

// Next returns the next batch, which is the caller's until its Release. After
// an error every call returns that error.
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
	// Asked first, since select picks at random among what is ready.
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
