package dataset

import (
	"math/rand/v2"
	"sync"
)

// stream keeps apart what is drawn for different purposes at the same place.
type stream uint64

const (
	streamOrder  stream = iota + 1 // the order of an epoch
	streamPairB                    // which picture of B goes with one of A
	streamCropA                    // crop and flip of A
	streamCropB                    // crop and flip of B
	streamScenes                   // everything about a drawn scene
)

// generator returns random numbers that depend on its arguments alone.
func generator(seed uint64, s stream, epoch, i uint64) *rand.Rand {
	h := mix(mix(mix(mix(seed)^uint64(s))^epoch) ^ i)
	return rand.New(rand.NewPCG(h, mix(h)))
}

// mix scrambles 64 bits one to one (the finalizer of SplitMix64), so that
// neighbouring seeds, epochs and indices share nothing.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// orders keeps the shuffled orders of the last two epochs: prefetching works
// across the end of one.
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
