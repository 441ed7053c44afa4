package onnx

import (
	"math"
	"testing"
)

// Every float16 survives a round trip. Values in between go to the nearer one, half-way cases to
// the even one.
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
			if f := DecodeFloat16(h); f == f || EncodeFloat16(f)&0x7fff <= 0x7c00 {
				t.Fatalf("%04x is not a number, but becomes %v and %04x", h, f, EncodeFloat16(f))
			}
			continue
		}
		if h&0x7fff == 0x7c00 {
			if f := DecodeFloat16(h); !math.IsInf(float64(f), 1-2*int(h>>15)) || EncodeFloat16(f) != h {
				t.Fatalf("%04x is infinite, but becomes %v", h, f)
			}
			continue
		}
		f := DecodeFloat16(h)
		if float64(f) != value(h) || math.Signbit(float64(f)) != (h>>15 == 1) || EncodeFloat16(f) != h {
			t.Fatalf("%04x is %g, and becomes %g and %04x", h, value(h), f, EncodeFloat16(f))
		}
		if h == 0x7bff || h == 0xfbff {
			continue
		}
		next := h + 1
		middle := (f + DecodeFloat16(next)) / 2
		even := h
		if h&1 == 1 {
			even = next
		}
		if got := EncodeFloat16(middle); got != even {
			t.Fatalf("%g, half-way from %04x to %04x, becomes %04x", middle, h, next, got)
		}
		if got := EncodeFloat16(math.Nextafter32(middle, f)); got != h {
			t.Fatalf("just below half-way from %04x becomes %04x", h, got)
		}
		if got := EncodeFloat16(math.Nextafter32(middle, DecodeFloat16(next))); got != next {
			t.Fatalf("just above half-way from %04x becomes %04x", h, got)
		}
	}
	for f, want := range map[float32]uint16{65519.996: 0x7bff, 65520: 0x7c00, -1e30: 0xfc00, 1e-8: 0, -1e-8: 0x8000, 0x1p-25: 0, 0x1.000002p-25: 1} {
		if got := EncodeFloat16(f); got != want {
			t.Errorf("%g becomes %04x, want %04x", f, got, want)
		}
	}
}

func TestBfloat16(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f := DecodeBFloat16(h)
		if f != f {
			if g := DecodeBFloat16(EncodeBFloat16(f)); g == g {
				t.Fatalf("%04x is not a number, but becomes %v", i, g)
			}
		} else if EncodeBFloat16(f) != h {
			t.Fatalf("%04x becomes %04x", i, EncodeBFloat16(f))
		}
	}
	for bits, want := range map[uint32]uint16{
		0x3f808000: 0x3f80, 0x3f818000: 0x3f82, 0x3f808001: 0x3f81, 0x7f7fffff: 0x7f80, 0xbf807fff: 0xbf80,
	} {
		if got := EncodeBFloat16(math.Float32frombits(bits)); got != want {
			t.Errorf("%08x becomes %04x, want %04x", bits, got, want)
		}
	}
	if f := DecodeBFloat16(EncodeBFloat16(math.Float32frombits(0x7f800001))); f == f {
		t.Errorf("a NaN that ends in its lower bits becomes %v", f)
	}
}

func BenchmarkEncodeFloat16(b *testing.B) {
	in := make([]float32, 3*256*256)
	for i := range in {
		in[i] = float32(math.Sin(float64(i)))
	}
	b.SetBytes(int64(4 * len(in)))
	b.ReportAllocs()
	for b.Loop() {
		for _, v := range in {
			EncodeFloat16(v)
		}
	}
}
