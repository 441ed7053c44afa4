package metric

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"gonum.org/v1/gonum/mat"
)

func TestStatisticsEqualGonum(t *testing.T) {
	const n, dim = 200, 7
	f := vectors(t, n, dim, 3)
	x := mat.NewDense(n, dim, nil)
	s, err := NewStatistics(dim)
	must(t, err)
	for i := range n {
		for j := range dim {
			x.Set(i, j, float64(f.data[i*dim+j]))
		}
	}
	// In pieces of every length.
	for rest, k := f.data, 1; len(rest) > 0; k++ {
		m := min(k*dim, len(rest))
		must(t, s.Add(rest[:m]))
		rest = rest[m:]
		s.Mean()
	}
	var want mat.SymDense
	stat.CovarianceMatrix(&want, x, nil)
	if s.N() != n || !mat.EqualApprox(s.Cov(), &want, 1e-13) {
		t.Errorf("of %d vectors, covariance\n%v\nwant\n%v", s.N(), mat.Formatted(s.Cov()), mat.Formatted(&want))
	}
	for j, m := range s.Mean() {
		if d := math.Abs(m - stat.Mean(mat.Col(nil, j, x), nil)); d > 1e-14 {
			t.Errorf("mean %d is %v off", j, d)
		}
	}
	path := filepath.Join(t.TempDir(), "statistics")
	must(t, s.Save(path))
	again, err := LoadStatistics(path)
	must(t, err)
	if again.N() != n || !slices.Equal(again.Mean(), s.Mean()) || !mat.Equal(again.Cov(), s.Cov()) {
		t.Error("loading gives other statistics than were saved")
	}
	damage(t, path, func(p string) error { _, err := LoadStatistics(p); return err })
}

func TestFeaturesAreSaved(t *testing.T) {
	f := vectors(t, 9, 5, 1)
	path := filepath.Join(t.TempDir(), "features")
	must(t, f.Save(path))
	again, err := LoadFeatures(path)
	must(t, err)
	if again.N() != 9 || again.Dim() != 5 || !slices.Equal(again.data, f.data) {
		t.Error("loading gives other features than were saved")
	}
	if _, err := LoadStatistics(path); err == nil || !strings.Contains(err.Error(), "statistics") {
		t.Errorf("features taken for statistics give %v", err)
	}
	damage(t, path, func(p string) error { _, err := LoadFeatures(p); return err })
}

// Of two clouds with independent values the distance is known:
// |m1-m2|² + sum of (s1-s2)².
func TestFIDOfKnownClouds(t *testing.T) {
	cloud := func(scale, shift []float64) *Statistics {
		s, err := NewStatistics(len(scale))
		must(t, err)
		for corner := range 1 << len(scale) {
			v := make([]float32, len(scale))
			for j := range v {
				sign := float64(corner>>j&1*2 - 1)
				v[j] = float32(shift[j] + sign*scale[j])
			}
			must(t, s.Add(v))
		}
		return s
	}
	const n = 16.0
	a, b := cloud([]float64{1, 2, 0, 3}, []float64{0, 1, 2, 3}), cloud([]float64{2, 2, 1, 0}, []float64{1, 1, 0, 0})
	want := (1. + 4 + 9) + (1+0+1+9)*n/(n-1)
	for _, c := range []struct {
		a, b *Statistics
		want float64
	}{{a, b, want}, {b, a, want}, {a, a, 0}} {
		got, err := FID(c.a, c.b)
		must(t, err)
		if math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v, want %v", got, c.want)
		}
	}
	// All pictures alike: no covariance at all.
	point := cloud([]float64{0, 0, 0, 0}, []float64{0, 1, 2, 3})
	got, err := FID(point, a)
	must(t, err)
	if want := (1. + 4 + 9) * n / (n - 1); math.Abs(got-want) > 1e-12 {
		t.Errorf("a point gives %v, want %v", got, want)
	}
}

func TestKIDSubsets(t *testing.T) {
	a, b := vectors(t, 90, 16, 1), vectors(t, 120, 16, 2)
	all, err := KID(t.Context(), a, b, nil)
	must(t, err)
	some, err := KID(t.Context(), a, b, &KIDOptions{Subsets: 200, SubsetSize: 40})
	must(t, err)
	again, err := KID(t.Context(), a, b, &KIDOptions{Subsets: 200, SubsetSize: 40})
	must(t, err)
	other, err := KID(t.Context(), a, b, &KIDOptions{Subsets: 200, SubsetSize: 40, Seed: 1})
	must(t, err)
	if all.SubsetSize != 90 || all.Subsets != 100 || all.N != 120 || all.NReal != 90 {
		t.Errorf("as is: %+v", all)
	}
	if some != again || some == other || !(some.Std > 0) {
		t.Errorf("%+v, again %+v, by another seed %+v", some, again, other)
	}
	// Subsets are without bias, so their mean is near that of nearly everything.
	if limit := 4 * some.Std / math.Sqrt(200/3.); math.Abs(some.Mean-all.Mean) > limit {
		t.Errorf("the mean over subsets is %v, of all %v: more than %v apart", some.Mean, all.Mean, limit)
	}
	seen := map[int]bool{}
	for _, p := range draw(KIDOptions{SubsetSize: 50}, 3, 1, 50) {
		seen[p] = true
	}
	if len(seen) != 50 {
		t.Errorf("a draw of all 50 holds %d", len(seen))
	}
}

func TestFeaturesRefuse(t *testing.T) {
	a, b, one := vectors(t, 9, 4, 1), vectors(t, 9, 5, 1), vectors(t, 1, 4, 1)
	statistics := func(f *Features) *Statistics { s, err := f.Statistics(); must(t, err); return s }
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		f    func() error
		want string
	}{
		"length 0":      {func() error { _, err := NewFeatures(0); return err }, "1 to"},
		"length":        {func() error { _, err := NewStatistics(1 << 20); return err }, "1048576"},
		"part":          {func() error { return a.Add(make([]float32, 3)) }, "not complete vectors of 4"},
		"NaN":           {func() error { return a.Add([]float32{1, 2, 3, 4, 1, float32(math.NaN()), 0, 0}) }, "value 1 of vector 1"},
		"zero":          {func() error { return (&Features{}).Add([]float32{1}) }, "not made by its constructor"},
		"statistics":    {func() error { return (&Statistics{}).Add([]float32{1}) }, "not made by its constructor"},
		"FID nil":       {func() error { _, err := FID(nil, statistics(a)); return err }, "no statistics"},
		"FID lengths":   {func() error { _, err := FID(statistics(a), statistics(b)); return err }, "4 and of 5"},
		"FID of one":    {func() error { _, err := FID(statistics(a), statistics(one)); return err }, "1 images are too few"},
		"FID of none":   {func() error { _, err := FID(&Statistics{}, &Statistics{}); return err }, "0 images"},
		"KID nil":       {func() error { _, err := KID(t.Context(), a, nil, nil); return err }, "no features"},
		"KID lengths":   {func() error { _, err := KID(t.Context(), a, b, nil); return err }, "4 and of 5"},
		"KID of one":    {func() error { _, err := KID(t.Context(), a, one, nil); return err }, "too few"},
		"KID subsets":   {func() error { _, err := KID(t.Context(), a, a, &KIDOptions{SubsetSize: 10}); return err }, "2 to 9 images"},
		"KID cancelled": {func() error { _, err := KID(ended, a, a, nil); return err }, "canceled"},
	} {
		if err := c.f(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want it to say %q", name, err, c.want)
		}
	}
	if a.N() != 9 {
		t.Errorf("refused vectors were taken in: %d", a.N())
	}
}
