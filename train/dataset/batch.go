package dataset

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

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
	perm := d.orders.of(d.opt.Seed, epoch, n)
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
	t.put((*dst)[k*n:][:n], size, d.opt.draw(r, t))
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

// orders keeps the shuffled orders of the last two epochs, because prefetching crosses the end of
// an epoch.
type orders struct {
	mu   sync.Mutex
	last [2]order
}

type order struct {
	epoch int
	perm  []int
}

func (o *orders) of(seed uint64, epoch, n int) []int {
	o.mu.Lock()
	defer o.mu.Unlock()
	slot := &o.last[epoch&1]
	if slot.perm == nil || slot.epoch != epoch {
		*slot = order{epoch, generator(seed, streamOrder, uint64(epoch), 0).Perm(n)}
	}
	return slot.perm
}
