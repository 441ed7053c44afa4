package quantize

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

func TestOver(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		zero   uint8
	}{
		{0, 2.55, 0}, {-2.55, 0, 255}, {-1, 1, 128}, {-1, 3, 64}, {0.5, 2.55, 0}, {-3, -1, 255}, {-1e-3, 1e6, 0},
	} {
		p := Over(c.lo, c.hi)
		if p.Zero != c.zero {
			t.Errorf("%g to %g: zero is at level %d, want %d", c.lo, c.hi, p.Zero, c.zero)
		}
		value := func(q int) float64 { return float64(p.Scale) * float64(q-int(p.Zero)) }
		// An end that is 1e6 steps smaller than the other rounds to 0, a fraction of a step.
		slack := float64(p.Scale) * 0.001
		if c.lo < -1e-2 && value(0) > c.lo+slack || value(255) < c.hi-slack {
			t.Errorf("%g to %g: covers %g to %g", c.lo, c.hi, value(0), value(255))
		}
	}
	if p := Over(0, 0); p.Scale != 1 || p.Zero != 0 {
		t.Errorf("only zeros: %+v", p)
	}
}

// bell draws n values of a normal distribution.
func bell(seed uint64, n int, mean, deviation float64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 0))
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(mean + deviation*rng.NormFloat64())
	}
	return values
}

func TestHistogramDoesNotDependOnOrder(t *testing.T) {
	values := append(bell(1, 5000, 0, 0.01), bell(2, 50, 3, 700)...)
	values = append(values, 0, 0, 0, 1e-30, -1e-30)
	var once, reversed, pieces Histogram
	once.Add(values)
	for i := range values {
		reversed.Add(values[len(values)-1-i:][:1])
	}
	pieces.Add(values[:7])
	pieces.Add(nil)
	pieces.Add(values[7:])
	if !reflect.DeepEqual(once, reversed) || !reflect.DeepEqual(once, pieces) {
		t.Error("the histograms differ")
	}
	total := once.zeros
	for _, n := range once.counts {
		total += n
	}
	if total != uint64(len(values)) || once.zeros != 3 {
		t.Errorf("%d values are counted, %d zeros; want %d, 3", total, once.zeros, len(values))
	}
}

func TestHistogramEdges(t *testing.T) {
	var h Histogram
	if !h.Empty() || h.Params() != (Params{Scale: 1}) {
		t.Errorf("the empty histogram: %+v", h.Params())
	}
	// The largest value below a power of two falls into the last bin.
	finite := h.Add([]float32{math.Nextafter32(1, 0), -1, 1, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32})
	if h.Empty() || !finite {
		t.Error("finite values are reported as not finite")
	}
	if lo, hi := h.Range(); !(lo < 0 && hi > 0) {
		t.Errorf("range %g to %g", lo, hi)
	}
	var broken Histogram
	if broken.Add([]float32{1, float32(math.NaN())}) {
		t.Error("NaN is reported as finite")
	}
	broken = Histogram{}
	if broken.Add([]float32{float32(math.Inf(-1))}) {
		t.Error("an infinity is reported as finite")
	}
}

// meanSquare is the actual error of rounding to 256 levels.
func meanSquare(values []float32, lo, hi float64) float64 {
	step, sum := (hi-lo)/Levels, 0.0
	for _, v := range values {
		q := max(0, min(math.Round((float64(v)-lo)/step), Levels))
		d := float64(v) - (lo + q*step)
		sum += d * d
	}
	return sum / float64(len(values))
}

func TestRangeCutsOffWhatPays(t *testing.T) {
	values := append(bell(3, 1_000_000, 0.5, 1), 20) // one of a million
	var h Histogram
	h.Add(values)
	lo, hi := h.Range()
	if hi > 10 || hi < 4 || lo > -3 {
		t.Errorf("range %g to %g", lo, hi)
	}
	got, full := meanSquare(values, lo, hi), meanSquare(values, float64(h.lo), float64(h.hi))
	if got > full*0.5 {
		t.Errorf("squared error %g, with all of the range %g", got, full)
	}
	// No other range is clearly better than the one found.
	for _, f := range []float64{0.8, 0.9, 1.1, 1.25} {
		if other := meanSquare(values, lo*f, hi*f); other < got*0.97 {
			t.Errorf("%g times the range is better: %g, %g", f, other, got)
		}
	}
	if loss := h.Loss(lo, hi); math.Abs(loss/got-1) > 0.05 { // the variance is 1
		t.Errorf("expected loss %g, actual loss %g", loss, got)
	}

	// Equal numbers of all sizes: nothing is worth cutting off.
	var even Histogram
	for i := range 2001 {
		even.Add([]float32{float32(i)/1000 - 1})
	}
	if lo, hi := even.Range(); lo > -0.98 || hi < 0.98 {
		t.Errorf("of even values %g to %g", lo, hi)
	}
	if lo, hi := even.Range(); even.Loss(lo, hi) > 2e-5 {
		t.Errorf("loss of even values %g", even.Loss(lo, hi))
	}
	var constant Histogram
	constant.Add([]float32{7, 7, 7})
	if l := constant.Loss(0, 7); l != 0 {
		t.Errorf("loss of a constant %g", l)
	}
}

func TestSplitPartsTheTail(t *testing.T) {
	values := bell(4, 100_000, 0, 1)
	for i := range 500 {
		values[i*200] = -30 + float32(i%40) // a long tail on one side
	}
	var h Histogram
	h.Add(values)
	lo, cut, hi := h.Split()
	if lo != float64(h.lo) || hi != float64(h.hi) || cut < -8 || cut > -2 {
		t.Fatalf("split %g, %g, %g", lo, cut, hi)
	}
	one, other := 0.0, 0.0
	for _, v := range values {
		if float64(v) < cut {
			one += meanSquare([]float32{v}, lo, cut)
		} else {
			other += meanSquare([]float32{v}, cut, hi)
		}
	}
	a, b := h.Range()
	if two, single := (one+other)/float64(len(values)), meanSquare(values, a, b); two > single/8 {
		t.Errorf("squared error %g with two ranges, %g with one", two, single)
	}
}

func TestWeights(t *testing.T) {
	values := append(bell(5, 900, 0, 0.02), bell(6, 900, 0.1, 3)...)
	values = append(values, make([]float32, 900)...)
	q, scales := Weights(values, 3)
	if len(q) != len(values) || len(scales) != 3 {
		t.Fatalf("%d values, %d scales", len(q), len(scales))
	}
	for o, deviation := range []float64{0.02, 3} {
		sum := 0.0
		for i := range 900 {
			if q[o*900+i] == -128 {
				t.Fatal("level -128 is used")
			}
			d := float64(values[o*900+i]) - float64(q[o*900+i])*float64(scales[o])
			sum += d * d
		}
		// 900 values of a normal distribution reach to about 3.3 deviations; steps of 1/127 of that
		// mean 42 dB.
		if snr := 10 * math.Log10(900*deviation*deviation/sum); snr < 41 {
			t.Errorf("output %d: signal to noise %.1f dB", o, snr)
		}
	}
	for _, v := range q[1800:] {
		if v != 0 || scales[2] != 1 {
			t.Fatalf("a filter of zeros: %d at scale %g", v, scales[2])
		}
	}
	// Values on the levels stay exact.
	q, scales = Weights([]float32{-127, 64, 1, 0}, 1)
	if want := []int8{-127, 64, 1, 0}; !reflect.DeepEqual(q, want) || scales[0] != 1 {
		t.Errorf("whole numbers: %v at scale %v", q, scales)
	}
}

func BenchmarkHistogram(b *testing.B) {
	values := bell(7, 1<<16, 0, 1)
	var h Histogram
	b.SetBytes(4 << 16)
	b.ReportAllocs()
	for b.Loop() {
		h.Add(values)
	}
}
