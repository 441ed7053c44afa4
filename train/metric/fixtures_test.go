package metric

import (
	"context"
	"encoding/json"
	"image"
	"math"
	"os"
	"testing"
)

// fixtures holds the scores by other implementations, which testdata/fixtures.py writes.
type fixtures struct {
	Pairs []struct {
		W, H, Seed      int
		Gray, Inverted  bool
		Strength, Shift int
		PSNR, SSIM, L1  float64
	}
	SWD []struct {
		W, H       int
		NReal      int `json:"n_real"`
		NFake      int `json:"n_fake"`
		Seed       uint64
		Directions int
		Places     int `json:"neighbourhoods"`
		Levels     []float64
	}
	Features []struct {
		NReal   int `json:"n_real"`
		NFake   int `json:"n_fake"`
		Dim     int
		Seed    int
		Draws   [][2][]int
		FID     float64
		KIDMean float64 `json:"kid_mean"`
		KIDStd  float64 `json:"kid_std"`
	}
}

func readFixtures(t *testing.T) (f fixtures) {
	t.Helper()
	data, err := os.ReadFile("testdata/fixtures.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Pairs) == 0 || len(f.SWD) == 0 || len(f.Features) == 0 {
		t.Fatal("a part of the fixtures is missing")
	}
	return f
}

// scatter, drawn, disturbed and vectors match functions of fixtures.py.
func scatter(seed, index int) int {
	x := uint32(index)*2654435761 + uint32(seed*7919)
	for range 2 {
		x = (x ^ x>>16) * 0x45d9f3b
	}
	return int((x ^ x>>16) >> 24)
}

func drawn(w, h, seed int, gray bool) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			for c := range 3 {
				k := c
				if gray {
					k = 0
				}
				t := (x*(3+seed%5) + y*(2+seed%3) + x*y/(9+seed%7) + k*40*(1+seed%2) + seed*13) % 510
				if t > 255 {
					t = 510 - t
				}
				t += (scatter(seed, (y*w+x)*3+k) - 128) >> 3
				img.Pix[img.PixOffset(x, y)+c] = uint8(min(max(t, 0), 255))
			}
			img.Pix[img.PixOffset(x, y)+3] = 255
		}
	}
	return img
}

func disturbed(from *image.NRGBA, seed, strength, shift int, gray bool) *image.NRGBA {
	img := image.NewNRGBA(from.Rect)
	for i, v := range from.Pix {
		if i%4 == 3 {
			img.Pix[i] = 255
			continue
		}
		n := i/4*3 + i%4
		if gray {
			n = i / 4 * 3
		}
		d := (scatter(seed+1000, n) - 128) * strength >> 6
		img.Pix[i] = uint8(min(max(int(v)+d+shift, 0), 255))
	}
	return img
}

func inverted(from *image.NRGBA) *image.NRGBA {
	img := image.NewNRGBA(from.Rect)
	for i, v := range from.Pix {
		img.Pix[i] = 255 - v
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	return img
}

func vectors(t testing.TB, n, dim, seed int) *Features {
	t.Helper()
	f, err := NewFeatures(dim)
	if err != nil {
		t.Fatal(err)
	}
	v := make([]float32, dim)
	for i := range n {
		for j := range v {
			value := func(j int) float64 { return float64(scatter(seed, i*dim+j))/128 - 1 }
			x := value(j)
			if j > 0 {
				x += value(j-1) / 2
			}
			v[j] = float32(x*float64(1+j%4)/4 + float64(j%(3+seed%4))/8)
		}
		if err := f.Add(v); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// worst keeps the largest relative difference. check fails above the tolerance.
type worst struct{ d float64 }

func (w *worst) check(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	d := math.Abs(got-want) / max(math.Abs(want), 1e-3)
	w.d = max(w.d, d)
	if !(d <= tolerance) {
		t.Errorf("%s: %.17g, want %.17g: relative difference %.2g", what, got, want, d)
	}
}

func TestPairsEqualScikitImage(t *testing.T) {
	var p, s, l worst
	for _, f := range readFixtures(t).Pairs {
		a := drawn(f.W, f.H, f.Seed, f.Gray)
		b := disturbed(a, f.Seed, f.Strength, f.Shift, f.Gray)
		if f.Inverted {
			b = inverted(a)
		}
		q, err := Compare(a, b)
		if err != nil {
			t.Fatal(err)
		}
		p.check(t, "PSNR", q.PSNR, f.PSNR, 1e-13)
		s.check(t, "SSIM", q.SSIM, f.SSIM, 1e-11)
		l.check(t, "L1", q.L1, f.L1, 1e-13)
	}
	t.Logf("largest relative differences: PSNR %.1e, SSIM %.1e (scikit-image), L1 %.1e (numpy)", p.d, s.d, l.d)
}

func TestSWDEqualsNumpy(t *testing.T) {
	var w worst
	for _, f := range readFixtures(t).SWD {
		swd, err := NewSWD(f.W, f.H, &SWDOptions{Seed: f.Seed, Directions: f.Directions, Neighborhoods: f.Places})
		if err != nil {
			t.Fatal(err)
		}
		real, fake := swd.NewSet(), swd.NewSet()
		for i := range f.NReal {
			must(t, real.Add(drawn(f.W, f.H, 20+i, false)))
		}
		for i := range f.NFake {
			must(t, fake.Add(disturbed(drawn(f.W, f.H, 120+i, false), i, 12, 5, false)))
		}
		r, err := swd.Distance(t.Context(), real, fake)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Levels) != len(f.Levels) || r.N != f.NFake || r.NReal != f.NReal {
			t.Fatalf("%dx%d: levels %v from %d and %d images, want %d levels from %d and %d", f.W, f.H, r.Levels, r.N, r.NReal, len(f.Levels), f.NFake, f.NReal)
		}
		mean := 0.0
		for i, l := range r.Levels {
			w.check(t, "SWD", l.Value, f.Levels[i], 1e-6)
			mean += f.Levels[i] / float64(len(f.Levels))
		}
		w.check(t, "mean SWD", r.Mean, mean, 1e-6)
	}
	t.Logf("largest relative difference: SWD %.1e (numpy and SciPy, in float64)", w.d)
}

func TestFeaturesEqualTorchFidelity(t *testing.T) {
	var fids, means, deviations worst
	for _, f := range readFixtures(t).Features {
		a, b := vectors(t, f.NReal, f.Dim, f.Seed), vectors(t, f.NFake, f.Dim, f.Seed+1)
		fid, err := FID(a, b)
		must(t, err)
		fids.check(t, "FID", fid, f.FID, 1e-6)
		for _, whole := range []bool{true, false} {
			mean, std, err := kid(context.Background(), a, b, f.Draws, whole)
			must(t, err)
			means.check(t, "KID", mean, f.KIDMean, 1e-9)
			deviations.check(t, "standard deviation of KID", std, f.KIDStd, 1e-9)
		}
		if len(f.Draws[0][0]) == f.NReal && f.NReal == f.NFake {
			r, err := KID(t.Context(), a, b, nil)
			must(t, err)
			means.check(t, "KID of all", r.Mean, f.KIDMean, 1e-9)
			if r.Std != 0 || r.Subsets != 1 {
				t.Errorf("KID of one subset with all images: %+v", r)
			}
		}
	}
	t.Logf("largest relative differences: FID %.1e, KID %.1e, its standard deviation %.1e (torch-fidelity)", fids.d, means.d, deviations.d)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
