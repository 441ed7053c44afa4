package infer

import (
	"math"
	"math/rand/v2"
	"testing"

	"cyclegan/infer/internal/tiling"
)

// A sample stays within its bounds, and no place of the picture counts twice.
func TestSample(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		unit := []int{1, 4, 32}[r.IntN(3)]
		w, h := roundUp(64+r.IntN(5000), unit), roundUp(64+r.IntN(5000), unit)
		most := leastMaxPixels + r.IntN(1<<21)
		s := newSample(w, h, most, unit, unit)
		if n := len(s.parts()); n*s.x.size*s.y.size > most || n == 0 {
			t.Fatalf("%dx%d: %d parts of %dx%d are more than %d pixels", w, h, n, s.x.size, s.y.size, most)
		}
		for _, a := range []axis{s.x, s.y} {
			end := math.Inf(-1)
			for i, start := range a.starts {
				from, to := s.counted(a, i)
				if from < end || to < from || start%unit != 0 || start < 0 || start+a.size > a.length {
					t.Fatalf("%dx%d: part %d of %+v counts %g..%g after %g", w, h, i, a, from, to, end)
				}
				end = to
			}
		}
	}
}

// Parts that are as many as may be spread over all of a picture.
func TestSampleSpread(t *testing.T) {
	s := newSample(12000, 8000, 2048*1280, 4, 8)
	if n := len(s.parts()); n < 80 || s.x.size < 128 {
		t.Errorf("%d parts of %dx%d", n, s.x.size, s.y.size)
	}
	if first, last := s.x.starts[0], s.x.starts[len(s.x.starts)-1]+s.x.size; first > 1000 || last < 11000 {
		t.Errorf("columns from %d to %d", first, last)
	}
	// The tiles of a grid count every element once, at every layer.
	net := &tiling.Network{Margin: 20, Align: 4}
	g := newGrid(600, 400, net, "", 4, 8, 200*200)
	all := sample{x: g.x, y: g.y}
	for _, step := range []int{1, 2, 4} {
		span := tiling.Span{Num: step, Den: 1, Lo: -3, Hi: 4, Size: func(n int) int { return n / step }}
		sum := 0
		for _, p := range all.parts() {
			weights, counts, err := all.weigh([]tiling.Mask{{Y: span, X: span}}, p)
			if err != nil {
				t.Fatal(err)
			}
			sum += counts[0]
			var y, x float64
			for _, v := range weights[0].Data {
				y += float64(v)
			}
			for _, v := range weights[1].Data {
				x += float64(v)
			}
			if math.Abs(x*y-1) > 1e-5 {
				t.Errorf("weights sum to %g", x*y)
			}
		}
		if sum != 600/step*400/step {
			t.Errorf("step %d: %d elements count, of %d", step, sum, 600/step*400/step)
		}
	}
}
