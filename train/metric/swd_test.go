package metric

import (
	"context"
	"errors"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func setOf(t testing.TB, s *SWD, n int, seed int) *SWDSet {
	t.Helper()
	set := s.NewSet()
	for i := range n {
		must(t, set.Add(drawn(s.size.X, s.size.Y, seed+i, false)))
	}
	return set
}

func TestSortFloats(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, 3, 4097, 1000} {
		a := make([]float32, n)
		for i := range a {
			a[i] = float32(rng.NormFloat64() * math.Pow(10, float64(rng.IntN(20)-10)))
			if i%7 == 0 {
				a[i] = float32(rng.IntN(3) - 1)
			}
		}
		want := slices.Clone(a)
		slices.Sort(want)
		sortFloats(a)
		if !slices.Equal(a, want) {
			t.Errorf("%d values are not sorted", n)
		}
	}
}

// Repeating every sample does not change a distribution, but makes the numbers of samples equal.
func TestWassersteinOfUnequalNumbers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range [][2]int{{1, 1}, {1, 5}, {4, 6}, {7, 3}, {10, 5}} {
		a, b := make([]float32, c[0]), make([]float32, c[1])
		for i := range a {
			a[i] = rng.Float32()
		}
		for i := range b {
			b[i] = rng.Float32() + 0.3
		}
		slices.Sort(a)
		slices.Sort(b)
		repeat := func(v []float32, n int) (r []float32) {
			for _, x := range v {
				r = append(r, slices.Repeat([]float32{x}, n)...)
			}
			return r
		}
		got, want := wasserstein(a, b), wasserstein(repeat(a, len(b)), repeat(b, len(a)))
		if math.Abs(got-want) > 1e-12 || math.Abs(got-wasserstein(b, a)) > 1e-12 || want == 0 {
			t.Errorf("%v samples: distance %v, reversed %v, want %v", c, got, wasserstein(b, a), want)
		}
	}
}

func TestSWDGrowsWithNoise(t *testing.T) {
	s, err := NewSWD(40, 32, nil)
	must(t, err)
	a := setOf(t, s, 12, 0)
	distance := func(b *SWDSet) float64 {
		r, err := s.Distance(t.Context(), a, b)
		must(t, err)
		if len(r.Levels) != 2 || r.Levels[1].Width != 20 || r.Levels[1].Height != 16 {
			t.Fatalf("levels %+v", r.Levels)
		}
		return r.Mean
	}
	if d := distance(setOf(t, s, 12, 0)); d != 0 {
		t.Errorf("distance of equal sets %v", d)
	}
	noisy, noise := s.NewSet(), s.NewSet()
	for i := range 12 {
		must(t, noisy.Add(disturbed(drawn(40, 32, i, false), i, 20, 0, false)))
		must(t, noise.Add(disturbed(drawn(40, 32, i, false), i, 200, 0, false)))
	}
	near, far := distance(noisy), distance(noise)
	if !(0 < near && near < far) {
		t.Errorf("distance with little noise %v, with much noise %v", near, far)
	}
	if again := distance(noisy); again != near {
		t.Errorf("distance %v, repeated %v", near, again)
	}
	// A flat image has the standard deviation 0.
	flat := s.NewSet()
	must(t, flat.Add(image.NewNRGBA(image.Rect(0, 0, 40, 32))))
	if d := distance(flat); !(d > far) || math.IsNaN(d) {
		t.Errorf("distance of a flat image %v, of noise %v", d, far)
	}
}

func TestFullSetKeepsRandomImages(t *testing.T) {
	s, err := NewSWD(16, 16, &SWDOptions{MaxImages: 10})
	must(t, err)
	var late int
	set := s.NewSet()
	for i := range 200 {
		img := image.NewNRGBA(image.Rect(0, 0, 16, 16))
		img.Pix[0] = uint8(i)
		must(t, set.Add(img))
	}
	for i := range set.N() {
		if set.picture(i)[0] >= 100 {
			late++
		}
	}
	if set.N() != 10 || set.seen != 200 || late == 0 || late == 10 {
		t.Errorf("%d of %d images stay, %d of them from the second half", set.N(), set.seen, late)
	}
}

func TestSaveSet(t *testing.T) {
	s, err := NewSWD(24, 18, nil)
	must(t, err)
	a, b := setOf(t, s, 3, 0), setOf(t, s, 4, 9)
	path := filepath.Join(t.TempDir(), "set")
	must(t, a.Save(path))
	again, err := s.LoadSet(path)
	must(t, err)
	want, err := s.Distance(t.Context(), a, b)
	must(t, err)
	got, err := s.Distance(t.Context(), again, b)
	must(t, err)
	if got.Mean != want.Mean || got.Mean == 0 || again.seen != 3 {
		t.Errorf("distance after loading %+v, want %+v", got, want)
	}
	other, err := NewSWD(24, 18, &SWDOptions{Seed: 1})
	must(t, err)
	if _, err := other.LoadSet(path); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "other options") {
		t.Errorf("loading with another seed: error %v", err)
	}
	if _, err := s.LoadSet(path + "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("loading a missing file: error %v", err)
	}
	damage(t, path, func(string) error { _, err := s.LoadSet(path); return err })
}

// damage checks that load rejects a file with a byte changed or bytes missing, and names it.
func damage(t *testing.T, path string, load func(string) error) {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	for _, n := range []int{0, 5, len(data) / 2, len(data) - 1} {
		changed := slices.Clone(data)
		changed[n] ^= 0x10
		for _, bytes := range [][]byte{data[:n], changed} {
			must(t, os.WriteFile(path, bytes, 0o600))
			if err := load(path); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) {
				t.Errorf("damaged at byte %d: error %v", n, err)
			}
		}
	}
}

func TestSWDErrors(t *testing.T) {
	s, err := NewSWD(16, 16, nil)
	must(t, err)
	wide, err := NewSWD(32, 16, nil)
	must(t, err)
	full, ended := setOf(t, s, 1, 0), func() context.Context {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return ctx
	}()
	for name, c := range map[string]struct {
		f    func() error
		want string
	}{
		"small":      {func() error { _, err := NewSWD(15, 64, nil); return err }, "15x64"},
		"large":      {func() error { _, err := NewSWD(64, 1<<20, nil); return err }, "64x1048576"},
		"options":    {func() error { _, err := NewSWD(64, 64, &SWDOptions{Directions: -1}); return err }, "directions -1"},
		"size":       {func() error { return s.NewSet().Add(drawn(17, 16, 1, false)) }, "17x16"},
		"empty":      {func() error { _, err := s.Distance(t.Context(), full, s.NewSet()); return err }, "no images"},
		"absent":     {func() error { _, err := s.Distance(t.Context(), nil, full); return err }, "no images"},
		"other size": {func() error { _, err := wide.Distance(t.Context(), full, full); return err }, "32x16"},
		"cancelled":  {func() error { _, err := s.Distance(ended, full, full); return err }, "canceled"},
	} {
		if err := c.f(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func BenchmarkSWD(b *testing.B) {
	s, err := NewSWD(64, 64, nil)
	must(b, err)
	x, y := setOf(b, s, 64, 0), setOf(b, s, 64, 100)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Distance(b.Context(), x, y); err != nil {
			b.Fatal(err)
		}
	}
}
