package session

import (
	"math"
	"slices"
	"testing"
)

// Every float16 comes back as itself, and what lies between two goes to the nearer one, half-way to the even one.
func TestFloat16(t *testing.T) {
	value := func(h uint16) float64 {
		fraction, exponent := float64(h&0x3ff), int(h>>10&0x1f)
		v := math.Ldexp(fraction, -24)
		if exponent > 0 {
			v = math.Ldexp(1024+fraction, exponent-25)
		}
		return math.Copysign(v, 1-2*float64(h>>15))
	}
	for i := range 1 << 16 {
		h := uint16(i)
		if h&0x7fff > 0x7c00 {
			if f := float16(h).float32(); f == f || toFloat16(f)&0x7fff <= 0x7c00 {
				t.Fatalf("%04x is no number, and becomes %v and %04x", h, f, toFloat16(f))
			}
			continue
		}
		if h&0x7fff == 0x7c00 {
			if f := float16(h).float32(); !math.IsInf(float64(f), 1-2*int(h>>15)) || toFloat16(f) != float16(h) {
				t.Fatalf("%04x is infinite, and becomes %v", h, f)
			}
			continue
		}
		f := float16(h).float32()
		if float64(f) != value(h) || math.Signbit(float64(f)) != (h>>15 == 1) || toFloat16(f) != float16(h) {
			t.Fatalf("%04x is %g, and becomes %g and %04x", h, value(h), f, toFloat16(f))
		}
		if h == 0x7bff || h == 0xfbff {
			continue
		}
		next := float16(h + 1)
		middle := (f + next.float32()) / 2
		even := float16(h)
		if h&1 == 1 {
			even = next
		}
		if got := toFloat16(middle); got != even {
			t.Fatalf("%g, half-way from %04x to %04x, becomes %04x", middle, h, next, got)
		}
		if got := toFloat16(math.Nextafter32(middle, f)); got != float16(h) {
			t.Fatalf("just below half-way from %04x becomes %04x", h, got)
		}
		if got := toFloat16(math.Nextafter32(middle, next.float32())); got != next {
			t.Fatalf("just above half-way from %04x becomes %04x", h, got)
		}
	}
	for f, want := range map[float32]float16{65519.996: 0x7bff, 65520: 0x7c00, -1e30: 0xfc00, 1e-8: 0, -1e-8: 0x8000, 0x1p-25: 0, 0x1.000002p-25: 1} {
		if got := toFloat16(f); got != want {
			t.Errorf("%g becomes %04x, want %04x", f, got, want)
		}
	}
}

func TestBfloat16(t *testing.T) {
	for i := range 1 << 16 {
		h := bfloat16(i)
		f := h.float32()
		if f != f {
			if g := toBfloat16(f).float32(); g == g {
				t.Fatalf("%04x is no number, and becomes %v", i, g)
			}
		} else if toBfloat16(f) != h {
			t.Fatalf("%04x becomes %04x", i, toBfloat16(f))
		}
	}
	for bits, want := range map[uint32]bfloat16{
		0x3f808000: 0x3f80, 0x3f818000: 0x3f82, 0x3f808001: 0x3f81, 0x7f7fffff: 0x7f80, 0xbf807fff: 0xbf80,
	} {
		if got := toBfloat16(math.Float32frombits(bits)); got != want {
			t.Errorf("%08x becomes %04x, want %04x", bits, got, want)
		}
	}
	if f := toBfloat16(math.Float32frombits(0x7f800001)).float32(); f == f {
		t.Errorf("a NaN that ends in its lower bits becomes %v", f)
	}
}

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
	for n := int64(1); n <= shapesKept+1; n++ {
		shape := in(n)
		s.learn(shape, out(n))
		shape[0].Shape[0] = 99 // the caller's own
		s.learn(in(n), out(n))
	}
	if s.find(in(1)) != nil || len(s.known) != shapesKept {
		t.Errorf("%d shapes are kept", len(s.known))
	}
	got := s.find(in(2))
	if len(got) != 3 || !slices.Equal(got[0], []int64{4}) || got[1] != nil || len(got[2]) != 0 {
		t.Errorf("known: %v", got)
	}
	s.forget()
	s.learn(in(2), out(2))
	if s.find(in(2)) != nil {
		t.Error("a model whose shapes cannot be known is remembered")
	}
}

func BenchmarkToFloat16(b *testing.B) {
	in := make([]float32, 3*256*256)
	for i := range in {
		in[i] = float32(math.Sin(float64(i)))
	}
	b.SetBytes(int64(4 * len(in)))
	b.ReportAllocs()
	for b.Loop() {
		halves(in, toFloat16)
	}
}
