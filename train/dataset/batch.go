package dataset

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"cyclegan/train/internal/random"
)

// Batch is the input of one training step: N images of A and N unrelated images of B.
type Batch struct {
	A, B           []float32 // [N, HA, WA, CA] and [N, HB, WB, CB], values in [-1, 1]
	N              int
	HA, WA, CA     int
	HB, WB, CB     int
	Epoch, Index   int      // epochs count from 1, batches within one from 0
	NamesA, NamesB []string // of the images
	pool           *sync.Pool
}

// Release allows a later batch to reuse the memory of this one, which must not be used any more.
// Calling it is optional.
func (b *Batch) Release() {
	if b != nil && b.pool != nil {
		b.pool.Put(b)
	}
}

// Len returns the number of pairs in an epoch: the size of the larger domain.
func (d *Dataset) Len() int { return max(d.a.source.size(), d.b.source.size()) }

// Batches returns the number of batches in an epoch. If the last batch is not full, it is completed
// with the epoch's first pairs, with other crops and flips: every pair is used, and all batches
// have the same size.
func (d *Dataset) Batches() int { return (d.Len() + d.opt.BatchSize - 1) / d.opt.BatchSize }

// At returns the batch that a step of a run uses. Steps count from 0.
func (d *Dataset) At(step int) (epoch, index int) {
	n := d.Batches()
	return step/n + 1, step % n
}

// Batch returns a batch, which depends only on its arguments and the options.
func (d *Dataset) Batch(epoch, index int) (*Batch, error) {
	if epoch < 1 || index < 0 || index >= d.Batches() {
		return nil, fmt.Errorf("no batch %d of epoch %d: epochs count from 1, batches from 0 to %d", index, epoch, d.Batches()-1)
	}
	b := d.pool.Get().(*Batch)
	b.Epoch, b.Index, b.N = epoch, index, d.opt.BatchSize
	b.NamesA, b.NamesB = b.NamesA[:0], b.NamesB[:0]
	var a, o Size
	for k := range b.N {
		i := index*b.N + k
		ia, ib := d.pair(epoch, i)
		var err error
		if a, err = d.put(d.a, streamCropA, epoch, i, ia, k, a, &b.A, &b.NamesA); err == nil {
			o, err = d.put(d.b, streamCropB, epoch, i, ib, k, o, &b.B, &b.NamesB)
		}
		if err != nil {
			b.Release()
			return nil, fmt.Errorf("batch %d of epoch %d: %w", index, epoch, err)
		}
	}
	b.HA, b.WA, b.CA = a.Height, a.Width, d.a.channels
	b.HB, b.WB, b.CB = o.Height, o.Width, d.b.channels
	return b, nil
}

// pair returns the indices of the images of pair i. As in the official implementation, A's index is
// the shuffled number of the pair modulo |A|, and B's is random. With SerialBatches both count up.
func (d *Dataset) pair(epoch, i int) (a, b int) {
	na, nb, n := d.a.source.size(), d.b.source.size(), d.Len()
	if d.opt.SerialBatches {
		return i % n % na, i % n % nb
	}
	perm := d.order.of(d.opt.Seed, epoch, n)
	return perm[i%n] % na, generator(d.opt.Seed, streamPairB, uint64(epoch), uint64(i)).IntN(nb)
}

// put writes sample k of one side of a batch and returns its size. want is the size of the samples
// before it.
func (d *Dataset) put(dom *domain, s stream, epoch, i, at, k int, want Size, dst *[]float32, names *[]string) (Size, error) {
	t, at, err := dom.tile(at)
	if err != nil {
		return Size{}, err
	}
	size := t.Size
	if d.opt.Preprocess.Crops() {
		size = Size{d.opt.CropSize, d.opt.CropSize}
	}
	name := dom.source.id(at)
	if k > 0 && size != want {
		return Size{}, unequal(d.opt, (*names)[0], want, name, size)
	}
	n := size.Width * size.Height * dom.channels
	if k == 0 {
		*dst = slices.Grow((*dst)[:0], n*d.opt.BatchSize)[:n*d.opt.BatchSize]
	}
	r := generator(d.opt.Seed, s, uint64(epoch), uint64(i))
	x, y, flip := d.opt.draw(r, t)
	t.put((*dst)[k*n:][:n], size, x, y, flip)
	*names = append(*names, name)
	return size, nil
}

// stream separates the random numbers of different purposes at the same place.
type stream uint64

const (
	streamOrder stream = iota + 1 // the order of an epoch
	streamPairB                   // the image of B that goes with one of A
	streamCropA                   // crop and flip of A
	streamCropB                   // crop and flip of B
)

func generator(seed uint64, s stream, epoch, i uint64) *rand.Rand {
	return random.New(seed, uint64(s), epoch, i)
}

// order is the shuffled order of the last epoch used.
type order struct {
	mu    sync.Mutex
	epoch int
	perm  []int
}

func (o *order) of(seed uint64, epoch, n int) []int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.epoch != epoch {
		o.epoch, o.perm = epoch, generator(seed, streamOrder, uint64(epoch), 0).Perm(n)
	}
	return o.perm
}

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
	p.done.Go(func() {
		var group errgroup.Group
		group.SetLimit(threads)
		defer group.Wait()
		for step := fromStep; ; step++ {
			// Queueing the place of a result first keeps the order and limits how far ahead it
			// loads.
			to := make(chan made, 1)
			select {
			case p.ahead <- to:
			case <-p.ctx.Done():
				return
			}
			group.Go(func() error {
				to <- p.make(step)
				return nil
			})
		}
	})
	return p
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
	select {
	case to := <-p.ahead:
		m := <-to
		if err := p.ctx.Err(); err != nil { // select chooses randomly among the ready cases
			return made{err: err}
		}
		return m
	case <-p.ctx.Done():
		return made{err: p.ctx.Err()}
	}
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
