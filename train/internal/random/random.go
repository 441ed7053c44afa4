// Package random returns generators whose numbers depend only on a seed and a place, such as an
// epoch and an index. Its central function is [New].
package random

import "math/rand/v2"

// New returns a generator for one place. Every seed and place has its own independent numbers.
func New(seed uint64, place ...uint64) *rand.Rand {
	h := Mix(seed)
	for _, p := range place {
		h = Mix(h ^ p)
	}
	return rand.New(rand.NewPCG(h, Mix(h)))
}

// Golden is what SplitMix64 adds to its state for each number.
const Golden = 0x9e3779b97f4a7c15

// Mix scrambles 64 bits one to one: it is one step of SplitMix64 (Steele et al. 2014).
func Mix(x uint64) uint64 {
	x += Golden
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
