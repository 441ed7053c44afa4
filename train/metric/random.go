package metric

import (
	"math"
	"math/bits"
)

// stream is a row of random numbers that are asked for by their place, so that
// goroutines can share it and another language can repeat it: number i is the
// finaliser of SplitMix64 (Steele et al. 2014) of stream + (i+1) * golden.
type stream uint64

const golden = 0x9e3779b97f4a7c15

// newStream gives a stream of its own to each seed and path of numbers.
func newStream(seed uint64, path ...uint64) stream {
	s := stream(seed)
	for _, p := range path {
		s = stream(s.at(p))
	}
	return s
}

func (s stream) at(i uint64) uint64 {
	z := uint64(s) + (i+1)*golden
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below gives a whole number from 0 to n-1.
func (s stream) below(i uint64, n int) int {
	hi, _ := bits.Mul64(s.at(i), uint64(n))
	return int(hi)
}

// uniform gives a number between 0 and 1, neither of which it reaches.
func (s stream) uniform(i uint64) float64 { return (float64(s.at(i)>>11) + 0.5) / (1 << 53) }

// normal gives a number of the standard normal distribution (Box and Muller
// 1958).
func (s stream) normal(i uint64) float64 {
	return math.Sqrt(-2*math.Log(s.uniform(2*i))) * math.Cos(2*math.Pi*s.uniform(2*i+1))
}
