package report

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fallingLosses imitates a run: every loss falls to its own level, with reproducible noise.
func fallingLosses(points int) []Series {
	r := rand.New(rand.NewPCG(1, 2))
	all := make([]Series, len(lossOrder))
	for i, name := range lossOrder {
		s := Series{Name: name}
		level := 0.2 + 0.3*float64(i)
		for p := range points {
			x := float64(p) / float64(points)
			s.X = append(s.X, float64(p+1))
			s.Y = append(s.Y, level*(1+2*math.Exp(-8*x))*math.Exp(0.3*r.NormFloat64()))
		}
		all[i] = s
	}
	return all
}

func TestLossPlotIsAnImage(t *testing.T) {
	p := LossPlot{Title: "s2w64", Series: fallingLosses(300)}
	var buf bytes.Buffer
	if err := p.Encode(&buf); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&buf)
	if err != nil {
		t.Fatal(err)
	}
	size := image.Pt(plotWidth, plotHead+2*panelHeight)
	if got := img.Bounds().Size(); got != size {
		t.Errorf("image is %v, want %v", got, size)
	}
	if got := nrgba(img.At(2, 2)); got != paper {
		t.Errorf("corner is %v, want the background %v", got, paper)
	}
	for panel := range 4 {
		at := image.Pt(panel%2*plotWidth/2, plotHead+panel/2*panelHeight)
		area := image.Rectangle{at, at.Add(image.Pt(plotWidth/2, panelHeight))}
		for hue, c := range hues {
			n := count(img, c, area)
			if hue < 2 && n < 300 {
				t.Errorf("panel %d: only %d pixels of its line %d", panel, n, hue)
			}
			if hue >= 2 && n > 0 {
				t.Errorf("panel %d: %d pixels of a line that it does not have", panel, n)
			}
		}
	}
}

// A line must be at the height that the axis says: in the middle when the axis goes from 0 to twice
// its value.
func TestLossPlotHeights(t *testing.T) {
	low := Series{Name: "G_AB", X: []float64{0, 100}, Y: []float64{1, 1}}
	high := Series{Name: "G_BA", X: []float64{0, 100}, Y: []float64{2, 2}}
	img, err := (&LossPlot{Series: []Series{low, high}}).Image()
	if err != nil {
		t.Fatal(err)
	}
	// The lowest grid line of the only panel is at zero. The column is between vertical grid lines.
	x, bottom := plotWidth/3, 0
	lowY, highY := rowOf(img, x, hues[0]), rowOf(img, x, hues[1])
	for y := range img.Bounds().Dy() {
		if nrgba(img.At(x, y)) != paper {
			bottom = y
		}
	}
	if lowY < 0 || highY < 0 {
		t.Fatalf("lines at rows %d and %d: not drawn", lowY, highY)
	}
	if ratio := float64(bottom-highY) / float64(bottom-lowY); math.Abs(ratio-2) > 0.03 {
		t.Errorf("losses 1 and 2 are %d and %d pixels above zero", bottom-lowY, bottom-highY)
	}
}

func TestLossPlotAcceptsAnything(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	many := func(n int, y func(int) float64) []Series {
		s := Series{Name: "D_A"}
		for i := range n {
			s.X, s.Y = append(s.X, float64(i)), append(s.Y, y(i))
		}
		return []Series{s, {Name: "G_AB", X: s.X, Y: s.Y}}
	}
	for name, series := range map[string][]Series{
		"no series":        nil,
		"empty series":     {{Name: "G_AB"}, {Name: "D_A"}},
		"one point":        many(1, func(int) float64 { return 0.5 }),
		"two points":       many(2, func(int) float64 { return 0.5 }),
		"zeros":            many(50, func(int) float64 { return 0 }),
		"negative":         many(50, func(i int) float64 { return -float64(i) }),
		"all NaN":          many(50, func(int) float64 { return nan }),
		"all infinite":     many(50, func(i int) float64 { return inf }),
		"some infinite":    many(50, func(i int) float64 { return []float64{1, inf, -inf, nan}[i%4] }),
		"huge":             many(50, func(i int) float64 { return 1e300 * float64(i-20) }),
		"large":            many(50, func(i int) float64 { return 9e29 * float64(i%2*2-1) }),
		"tiny":             many(50, func(i int) float64 { return 5e-324 * float64(i) }),
		"tiny steps":       many(50, func(i int) float64 { return 1 + 1e-16*float64(i) }),
		"many decades":     many(50, func(i int) float64 { return math.Pow(10, float64(i-25)) }),
		"zeros in a log":   many(50, func(i int) float64 { return math.Pow(10, -float64(i)) * float64(i%2) }),
		"steps far away":   {{Name: "G_AB", X: []float64{1e15, 1e15 - 1, 1e17}, Y: []float64{1, 2, 3}}},
		"steps not finite": {{Name: "G_AB", X: []float64{nan, inf, -inf}, Y: []float64{1, 2, 3}}},
		"steps equal":      {{Name: "G_AB", X: []float64{7, 7, 7}, Y: []float64{1, 2, 3}}},
		"steps negative":   {{Name: "G_AB", X: []float64{-5, -9}, Y: []float64{1, 2}}},
		"strange names":    {{Name: "", X: []float64{1, 2}, Y: []float64{1, 2}}, {Name: "a\nb\x00\xff 損失 " + strings.Repeat("x", 500), X: []float64{1}, Y: []float64{1}}},
		"a hundred":        make([]Series, 100),
	} {
		t.Run(name, func(t *testing.T) {
			p := LossPlot{Title: name + strings.Repeat(" long", 90), Series: series}
			if err := p.Encode(io.Discard); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLossPlotErrors(t *testing.T) {
	for want, p := range map[string]LossPlot{
		`series "G_AB" has 2 steps but 1 values`: {Series: []Series{{Name: "G_AB", X: []float64{1, 2}, Y: []float64{1}}}},
	} {
		if err := p.Encode(io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q in it", err, want)
		}
	}
}

func TestLossPlotSave(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "losses.png")
	p := LossPlot{Series: fallingLosses(10)}
	for range 2 {
		if err := p.Save(path); err != nil {
			t.Fatal(err)
		}
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p.Series[0].X = nil
	if err := p.Save(path); err == nil {
		t.Error("Save accepts a series without steps")
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, good) {
		t.Errorf("a failure changed the old plot: %v", err)
	}
	if names := list(t, dir); len(names) != 1 {
		t.Errorf("files are %q, want only losses.png", names)
	}
	p.Series = nil
	missing := filepath.Join(dir, "none", "losses.png")
	if err := p.Save(missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("error is %v, want it to name %s", err, missing)
	}
}

func TestLossPlotDoesNotChangeItsSeries(t *testing.T) {
	s := Series{Name: "G_AB", X: []float64{3, 1, 2}, Y: []float64{math.NaN(), 1, 2}}
	if err := (&LossPlot{Series: []Series{s}}).Encode(io.Discard); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(s.X, s.Y) != "[3 1 2] [NaN 1 2]" {
		t.Errorf("series has become %v %v", s.X, s.Y)
	}
}

func BenchmarkLossPlot(b *testing.B) {
	for _, points := range []int{200, 2_000, 1_000_000} {
		b.Run(fmt.Sprint(points), func(b *testing.B) {
			p := LossPlot{Title: "run", Series: fallingLosses(points)}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Image(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func nrgba(c color.Color) color.NRGBA { return color.NRGBAModel.Convert(c).(color.NRGBA) }

// count returns the number of pixels in the area that have the colour.
func count(img image.Image, c color.NRGBA, area image.Rectangle) (n int) {
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			if nrgba(img.At(x, y)) == c {
				n++
			}
		}
	}
	return n
}

// rowOf returns the first row below the head in which column x has the colour, or -1.
func rowOf(img image.Image, x int, c color.NRGBA) int {
	for y := plotHead + panelHead; y < img.Bounds().Dy(); y++ {
		if nrgba(img.At(x, y)) == c {
			return y
		}
	}
	return -1
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
