package session

import (
	"math"
	"slices"
	"testing"
)

func TestIntegers(t *testing.T) {
	in := []float32{-1e30, -129, -0.6, -0.5, 0.5, 1.5, 127.4, 127.5, 254.5, 255.6, 1e30, float32(math.Inf(-1)), float32(math.NaN())}
	if got, want := integers[uint8](in, 0, 255), []uint8{0, 0, 0, 0, 0, 2, 127, 128, 254, 255, 255, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("uint8: %v, want %v", got, want)
	}
	if got, want := integers[int8](in, -128, 127), []int8{-128, -128, -1, 0, 0, 2, 127, 127, 127, 127, 127, -128, 0}; !slices.Equal(got, want) {
		t.Errorf("int8: %v, want %v", got, want)
	}
	large := []float32{0x1p63, 0x1p64, -0x1p63, -0x1p64, 0x1p62}
	if got, want := integers[int64](large, math.MinInt64, math.MaxInt64), []int64{math.MaxInt64, math.MaxInt64, math.MinInt64, math.MinInt64, 1 << 62}; !slices.Equal(got, want) {
		t.Errorf("int64: %v, want %v", got, want)
	}
	if got, want := integers[uint64](large, 0, math.MaxUint64), []uint64{1 << 63, math.MaxUint64, 0, 0, 1 << 62}; !slices.Equal(got, want) {
		t.Errorf("uint64: %v, want %v", got, want)
	}
}

func TestShapes(t *testing.T) {
	var s shapes
	in := func(n int64) []Tensor { return []Tensor{{Shape: []int64{n, 3}}} }
	out := func(n int64) []Tensor {
		return []Tensor{{Shape: []int64{2 * n}}, {Shape: []int64{0, n}}, {Shape: []int64{}}}
	}
	if s.find(in(1)) != nil {
		t.Error("something is known before the first run")
	}
	for n := int64(1); n <= shapesKept; n++ {
		shape := in(n)
		s.learn(shape, out(n))
		shape[0].Shape[0] = 99 // the caller's own
		s.learn(in(n), out(n))
	}
	got := s.find(in(2))
	if len(got) != 3 || !slices.Equal(got[0], []int64{4}) || got[1] != nil || len(got[2]) != 0 {
		t.Errorf("known: %v", got)
	}
	s.learn(in(shapesKept+1), out(1))
	if s.find(in(shapesKept+1)) == nil || s.find(in(1)) != nil || len(s.known) > shapesKept {
		t.Errorf("%d shapes are kept", len(s.known))
	}
	s.forget()
	s.learn(in(2), out(2))
	if s.find(in(2)) != nil {
		t.Error("shapes are remembered after forget")
	}
}
