package infer

import (
	"image"
	"math"
	"math/rand/v2"
	"testing"

	"cyclegan/infer/internal/tiling"
	"cyclegan/infer/session"
)

func TestObservation(t *testing.T) {
	used := moments{[]float64{1, -2}, []float64{4, 1}}
	o := newObservation(used)
	// Two tiles of three elements and of one, as differences to the used means: channel 0 has 2 3 4
	// and 9, channel 1 always -2.
	tiles := [][]float64{{2, 3, 4}, {9}}
	for _, values := range tiles {
		g := newMoments(2)
		for _, v := range values {
			g.mean[0] += (v - 1) / float64(len(values))
			g.variance[0] += (v - 1) * (v - 1) / float64(len(values))
		}
		o.add(g, []int{len(values), len(values)})
	}
	p := o.moments()
	if math.Abs(p.mean[0]-4.5) > 1e-12 || math.Abs(p.variance[0]-7.25) > 1e-12 || p.mean[1] != -2 || p.variance[1] != 0 {
		t.Errorf("%+v", p)
	}
}

func TestCorrection(t *testing.T) {
	sample := moments{[]float64{1, 0}, []float64{4, 0}}
	whole := moments{[]float64{3, 0}, []float64{1, 0}}
	got := newCorrection(sample, whole).apply(sample)
	if distance(got, whole) > 1e-6 || distance(sample, whole) < 0.5 {
		t.Errorf("%+v, %g apart; before %g", got, distance(got, whole), distance(sample, whole))
	}
	if got := noCorrection(2).apply(sample); distance(got, sample) != 0 {
		t.Errorf("%+v", got)
	}
	if sample.mean[0] != 1 {
		t.Error("a correction changed what it was applied to")
	}
}

func TestReadStatistics(t *testing.T) {
	norms := []tiling.Norm{{Channels: 2}}
	list := func(v ...float32) session.Tensor { return session.Tensor{Shape: []int64{int64(len(v))}, Data: v} }
	if m, err := readMoments([]session.Tensor{list(1, 2), list(3, 4)}, norms); err != nil || m.mean[1] != 2 || m.variance[0] != 3 {
		t.Errorf("%v, %v", m, err)
	}
	for _, given := range [][]session.Tensor{nil, {list(1, 2)}, {list(1, 2), list(3)}, {list(1), list(3)}} {
		if _, err := readMoments(given, norms); err == nil {
			t.Errorf("%v was taken", given)
		}
	}
}

// Each round brings the statistics closer to those of the image, by about the error of the sample.
func TestRounds(t *testing.T) {
	m := openSmall(t, "tiles_instance.onnx", leastMaxPixels, nil)
	img := scenery(701, 502)
	g := m.tiler.grid(701, 502)
	s := newSample(g.x.length, g.y.length, m.tiler.maxPixels(), 4, 8)
	c := noCorrection(m.tiler.channels())
	var far []float64
	for range 4 {
		own, err := m.tiler.sampleStatistics(t.Context(), img, s, c)
		if err != nil {
			t.Fatal(err)
		}
		o := newObservation(c.apply(own))
		if err := m.tiler.runTiles(t.Context(), image.NewNRGBA(img.Rect), img, g, m.tiler.observing.get, &o.used, o); err != nil {
			t.Fatal(err)
		}
		far = append(far, distance(o.moments(), o.used))
		c = newCorrection(own, o.moments())
	}
	t.Logf("%.5f", far)
	for i := 1; i < len(far); i++ {
		if far[i] > far[i-1]/2 {
			t.Errorf("round %d: %.5f after %.5f", i+1, far[i], far[i-1])
		}
	}
	if far[3] > closeEnough/5 {
		t.Errorf("four rounds left %.5f", far[3])
	}
}

// A sample stays within its limits, and no place of the image counts twice.
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

// The largest possible number of parts is spread over the whole image.
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
