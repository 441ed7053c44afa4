package metric

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

func TestMomentsEqualGonum(t *testing.T) {
	const n, dim = 600, 7
	f := vectors(t, n, dim, 3)
	x := mat.NewDense(n, dim, nil)
	for i, v := range f.data {
		x.Set(i/dim, i%dim, float64(v))
	}
	var want mat.SymDense
	stat.CovarianceMatrix(&want, x, nil)
	mean, cov := f.moments()
	if f.N() != n || !mat.EqualApprox(cov, &want, 1e-13) {
		t.Errorf("covariance of %d vectors\n%v\nwant\n%v", f.N(), mat.Formatted(cov), mat.Formatted(&want))
	}
	for j, m := range mean {
		if d := math.Abs(m - stat.Mean(mat.Col(nil, j, x), nil)); d > 1e-14 {
			t.Errorf("mean %d is off by %v", j, d)
		}
	}
}

func TestSaveFeatures(t *testing.T) {
	f := vectors(t, 9, 5, 1)
	path := filepath.Join(t.TempDir(), "features")
	must(t, f.Save(path))
	again, err := LoadFeatures(path)
	must(t, err)
	if again.N() != 9 || again.Dim() != 5 || !slices.Equal(again.data, f.data) {
		t.Error("the loaded features differ from the saved ones")
	}
	swd, err := NewSWD(16, 16, nil)
	must(t, err)
	if _, err := swd.LoadSet(path); err == nil || !strings.Contains(err.Error(), "no pictures") {
		t.Errorf("loading features as a set: error %v", err)
	}
	damage(t, path, func(p string) error { _, err := LoadFeatures(p); return err })
}

// The distance of two clouds with independent values is |m1-m2|² + sum of (s1-s2)².
func TestFIDOfKnownClouds(t *testing.T) {
	cloud := func(scale, shift []float64) *Features {
		f, err := NewFeatures(len(scale))
		must(t, err)
		for corner := range 1 << len(scale) {
			v := make([]float32, len(scale))
			for j := range v {
				sign := float64(corner>>j&1*2 - 1)
				v[j] = float32(shift[j] + sign*scale[j])
			}
			must(t, f.Add(v))
		}
		return f
	}
	const n = 16.0
	a, b := cloud([]float64{1, 2, 0, 3}, []float64{0, 1, 2, 3}), cloud([]float64{2, 2, 1, 0}, []float64{1, 1, 0, 0})
	want := (1. + 4 + 9) + (1+0+1+9)*n/(n-1)
	for _, c := range []struct {
		a, b *Features
		want float64
	}{{a, b, want}, {b, a, want}, {a, a, 0}} {
		got, err := FID(c.a, c.b)
		must(t, err)
		if math.Abs(got-c.want) > 1e-9 {
			t.Errorf("FID %v, want %v", got, c.want)
		}
	}
	// Identical images have no covariance.
	point := cloud([]float64{0, 0, 0, 0}, []float64{0, 1, 2, 3})
	got, err := FID(point, a)
	must(t, err)
	if want := (1. + 4 + 9) * n / (n - 1); math.Abs(got-want) > 1e-12 {
		t.Errorf("FID of identical images %v, want %v", got, want)
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
		t.Errorf("default options: %+v", all)
	}
	if some != again || some == other || !(some.Std > 0) {
		t.Errorf("KID %+v, repeated %+v, with another seed %+v", some, again, other)
	}
	// The estimate is unbiased, so the mean over subsets is close to the one over nearly all
	// images.
	if limit := 4 * some.Std / math.Sqrt(200/3.); math.Abs(some.Mean-all.Mean) > limit {
		t.Errorf("mean over subsets %v, over all %v: they differ by more than %v", some.Mean, all.Mean, limit)
	}
	seen := map[int]bool{}
	for _, p := range draw(KIDOptions{SubsetSize: 50}, 3, 1, 50) {
		seen[p] = true
	}
	if len(seen) != 50 {
		t.Errorf("a draw of all 50 images holds %d of them", len(seen))
	}
}

func TestFeatureErrors(t *testing.T) {
	a, b, one := vectors(t, 9, 4, 1), vectors(t, 9, 5, 1), vectors(t, 1, 4, 1)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		f    func() error
		want string
	}{
		"length 0":      {func() error { _, err := NewFeatures(0); return err }, "1 to"},
		"length":        {func() error { _, err := NewFeatures(1 << 20); return err }, "1048576"},
		"incomplete":    {func() error { return a.Add(make([]float32, 3)) }, "not complete vectors of 4"},
		"NaN":           {func() error { return a.Add([]float32{1, 2, 3, 4, 1, float32(math.NaN()), 0, 0}) }, "value 1 of vector 1"},
		"FID nil":       {func() error { _, err := FID(nil, a); return err }, "no features"},
		"FID lengths":   {func() error { _, err := FID(a, b); return err }, "4 and of 5"},
		"FID of one":    {func() error { _, err := FID(a, one); return err }, "1 images are too few"},
		"KID nil":       {func() error { _, err := KID(t.Context(), a, nil, nil); return err }, "no features"},
		"KID lengths":   {func() error { _, err := KID(t.Context(), a, b, nil); return err }, "4 and of 5"},
		"KID of one":    {func() error { _, err := KID(t.Context(), a, one, nil); return err }, "too few"},
		"KID subsets":   {func() error { _, err := KID(t.Context(), a, a, &KIDOptions{SubsetSize: 10}); return err }, "2 to 9 images"},
		"KID cancelled": {func() error { _, err := KID(ended, a, a, nil); return err }, "canceled"},
	} {
		if err := c.f(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	if a.N() != 9 {
		t.Errorf("rejected vectors were added: %d", a.N())
	}
}
