package infer

import (
	"image"
	"math"
	"testing"

	"cyclegan/infer/session"
)

func TestObservation(t *testing.T) {
	used := []moments{{[]float64{1, -2}, []float64{4, 1}}}
	o := newObservation(used)
	// Two tiles of three elements and of one, told as differences to the used means: channel 0 has 2 3 4 and 9, channel 1 always -2.
	tiles := [][]float64{{2, 3, 4}, {9}}
	for _, values := range tiles {
		g := newMoments(2)
		for _, v := range values {
			g.mean[0] += (v - 1) / float64(len(values))
			g.variance[0] += (v - 1) * (v - 1) / float64(len(values))
		}
		o.add([]moments{g}, []int{len(values)})
	}
	p := o.picture()[0]
	if math.Abs(p.mean[0]-4.5) > 1e-12 || math.Abs(p.variance[0]-7.25) > 1e-12 || p.mean[1] != -2 || p.variance[1] != 0 {
		t.Errorf("%+v", p)
	}
}

func TestCorrection(t *testing.T) {
	sample := []moments{{[]float64{1, 0}, []float64{4, 0}}}
	picture := []moments{{[]float64{3, 0}, []float64{1, 0}}}
	got := newCorrection(sample, picture).apply(sample)
	if apart(got, picture) > 1e-6 || apart(sample, picture) < 0.5 {
		t.Errorf("%+v, %g apart; before %g", got, apart(got, picture), apart(sample, picture))
	}
	if got := noCorrection([]int{2}).apply(sample); apart(got, sample) != 0 {
		t.Errorf("%+v", got)
	}
	if sample[0].mean[0] != 1 {
		t.Error("a correction changed what it was applied to")
	}
}

func TestReadStatistics(t *testing.T) {
	list := func(v ...float32) session.Tensor { return session.Tensor{Shape: []int64{int64(len(v))}, Data: v} }
	if m, err := read([]session.Tensor{list(1, 2), list(3, 4)}, []int{2}); err != nil || m[0].mean[1] != 2 || m[0].variance[0] != 3 {
		t.Errorf("%v, %v", m, err)
	}
	for _, given := range [][]session.Tensor{nil, {list(1, 2)}, {list(1, 2), list(3)}, {list(1), list(3)}} {
		if _, err := read(given, []int{2}); err == nil {
			t.Errorf("%v was taken", given)
		}
	}
}

// Each round brings the statistics nearer to the picture's, by about as much as the sample was off.
func TestRounds(t *testing.T) {
	m := openSmall(t, "tiles_instance.onnx", leastMaxPixels, nil)
	img := scenery(701, 502)
	g := m.grid(701, 502)
	s := newSample(g.x.length, g.y.length, m.most(), 4, 8)
	c := noCorrection(m.large.channels())
	var far []float64
	for range 4 {
		own, err := m.together(t.Context(), img, s, c)
		if err != nil {
			t.Fatal(err)
		}
		run, err := m.large.observing.get()
		if err != nil {
			t.Fatal(err)
		}
		o := newObservation(c.apply(own))
		if err := m.tiles(t.Context(), image.NewNRGBA(img.Rect), img, g, run, o.used, o); err != nil {
			t.Fatal(err)
		}
		far = append(far, apart(o.picture(), o.used))
		c = newCorrection(own, o.picture())
	}
	t.Logf("%.5f", far)
	for i := 1; i < len(far); i++ {
		if far[i] > far[i-1]/2 {
			t.Errorf("round %d: %.5f after %.5f", i+1, far[i], far[i-1])
		}
	}
	if far[3] > enough/5 {
		t.Errorf("four rounds left %.5f", far[3])
	}
}
