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

// fallingLosses imitates a run: every loss falls to a level of its own, with
// noise that the seed fixes.
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

func TestLossPlotIsAPicture(t *testing.T) {
	p := LossPlot{Title: "s2w64", Series: fallingLosses(300)}
	var buf bytes.Buffer
	if err := p.Encode(&buf); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&buf)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := img.Bounds(), image.Rect(0, 0, defaultWidth, defaultHeight); got != want {
		t.Errorf("picture is %v, want %v", got, want)
	}
	if got := nrgba(img.At(2, 2)); got != paper {
		t.Errorf("corner is %v, want the background %v", got, paper)
	}
	half := defaultHeight / 2
	for _, name := range lossOrder {
		upper, lower := count(img, colours[name], 0, half), count(img, colours[name], half, defaultHeight)
		if strings.HasPrefix(name, "D_") {
			upper, lower = lower, upper
		}
		if upper < 300 {
			t.Errorf("%s: only %d pixels of its colour in its panel", name, upper)
		}
		if lower > 0 {
			t.Errorf("%s: %d pixels of its colour in the other panel", name, lower)
		}
	}
}

func TestLossPlotKeepsItsSize(t *testing.T) {
	p := LossPlot{Series: fallingLosses(10), Width: 640, Height: 481}
	img, err := p.Image()
	if err != nil {
		t.Fatal(err)
	}
	if got := img.Bounds().Size(); got != image.Pt(640, 481) {
		t.Errorf("picture is %v, want 640x481", got)
	}
}

// A line at a constant height must lie where the axis says: half way up when
// the axis goes from 0 to twice the height.
func TestLossPlotDrawsAtTheRightHeight(t *testing.T) {
	low := Series{Name: "G_AB", X: []float64{0, 100}, Y: []float64{1, 1}}
	high := Series{Name: "G_BA", X: []float64{0, 100}, Y: []float64{2, 2}}
	img, err := (&LossPlot{Series: []Series{low, high}, Span: -1}).Image()
	if err != nil {
		t.Fatal(err)
	}
	// One panel: from its bottom to the lines is as 1 to 2, and the bottom is
	// the lowest grid line.
	x := defaultWidth / 3
	lowY, highY, bottom := rowOf(img, x, colours["G_AB"]), rowOf(img, x, colours["G_BA"]), 0
	for y := range defaultHeight {
		if nrgba(img.At(x, y)) != paper {
			bottom = y
		}
	}
	if lowY < 0 || highY < 0 {
		t.Fatalf("lines at rows %d and %d: not drawn", lowY, highY)
	}
	if ratio := float64(bottom-highY) / float64(bottom-lowY); math.Abs(ratio-2) > 0.03 {
		t.Errorf("losses 1 and 2 lie %d and %d pixels above zero", bottom-lowY, bottom-highY)
	}
}

func TestLossPlotTakesAnything(t *testing.T) {
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
			p := LossPlot{Title: name + strings.Repeat(" long", 90), Series: series, Width: minWidth, Height: minHeight}
			if err := p.Encode(io.Discard); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLossPlotNamesWhatIsWrong(t *testing.T) {
	for want, p := range map[string]LossPlot{
		`series "G_AB" has 2 steps but 1 values`: {Series: []Series{{Name: "G_AB", X: []float64{1, 2}, Y: []float64{1}}}},
		"10x900 pixels":                          {Width: 10},
		"1400x-1 pixels":                         {Height: -1},
		"99999x900 pixels":                       {Width: 99999},
	} {
		if err := p.Encode(io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q in it", err, want)
		}
	}
}

func TestLossPlotSavesInOnePiece(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "losses.png")
	p := LossPlot{Series: fallingLosses(10), Width: minWidth, Height: minHeight}
	for range 2 {
		if err := p.Save(path); err != nil {
			t.Fatal(err)
		}
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p.Width = 1
	if err := p.Save(path); err == nil {
		t.Error("a plot of width 1 was saved")
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, good) {
		t.Errorf("the old plot did not survive a failure: %v", err)
	}
	if names := list(t, dir); len(names) != 1 {
		t.Errorf("folder holds %q, want losses.png alone", names)
	}
	p.Width = 0
	missing := filepath.Join(dir, "none", "losses.png")
	if err := p.Save(missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("error is %v, want it to name %s", err, missing)
	}
}

func TestLossPlotLeavesItsSeriesAlone(t *testing.T) {
	s := Series{Name: "G_AB", X: []float64{3, 1, 2}, Y: []float64{math.NaN(), 1, 2}}
	if err := (&LossPlot{Series: []Series{s}}).Encode(io.Discard); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(s.X, s.Y) != "[3 1 2] [NaN 1 2]" {
		t.Errorf("series is now %v %v", s.X, s.Y)
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

// count is how many pixels of the rows from top to bottom have the colour.
func count(img image.Image, c color.NRGBA, top, bottom int) (n int) {
	for y := top; y < bottom; y++ {
		for x := range img.Bounds().Dx() {
			if nrgba(img.At(x, y)) == c {
				n++
			}
		}
	}
	return n
}

// rowOf is the first row in which column x has the colour, or -1.
func rowOf(img image.Image, x int, c color.NRGBA) int {
	for y := range img.Bounds().Dy() {
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
