package report

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		scale scale
		want  string
	}{
		{scale{lo: 0, hi: 2000}, "0 500 1000 1500 2000"},
		{scale{lo: 0, hi: 30_000}, "0 5k 10k 15k 20k 25k 30k"},
		{scale{lo: 0, hi: 1_200_000}, "0 0.2M 0.4M 0.6M 0.8M 1.0M 1.2M"},
		{scale{lo: 0, hi: 3, whole: true}, "0 1 2 3"},
		{scale{lo: 0, hi: 0.71}, "0 0.2 0.4 0.6"},
		{scale{lo: -1.1, hi: 1.1}, "-1.0 -0.5 0 0.5 1.0"},
		{scale{lo: 0, hi: 2e-9}, "0 5e-10 1e-09 1.5e-09 2e-09"},
		{scale{lo: 0.005, hi: 20, log: true}, "0.01 0.1 1 10"},
		{scale{lo: 0.3, hi: 30, log: true}, "0.5 1 2 5 10 20"},
	} {
		var labels []string
		for _, tick := range test.scale.ticks(6) {
			labels = append(labels, tick.label)
			if tick.value < test.scale.lo || tick.value > test.scale.hi {
				t.Errorf("%+v: tick at %v is outside", test.scale, tick.value)
			}
		}
		if got := strings.Join(labels, " "); got != test.want {
			t.Errorf("%+v: ticks are %q, want %q", test.scale, got, test.want)
		}
	}
}

func TestExtent(t *testing.T) {
	scaleOf := func(y ...float64) scale {
		s := Series{Name: "G_AB", Y: y}
		for i := range y {
			s.X = append(s.X, float64(i))
		}
		c := newCurve(s)
		c.average(0)
		e := extentOf([]curve{c})
		if s, _ := e.log(); e.preferLog() {
			return s
		}
		return e.linear()
	}
	if s := scaleOf(3, 2, 1); s.log || s.lo != 0 || s.hi < 3 || s.hi > 3.5 {
		t.Errorf("losses 3, 2, 1: scale is %+v, want linear from 0 to a little above 3", s)
	}
	if s := scaleOf(3, -2); s.log || s.lo > -2 || s.hi < 3 {
		t.Errorf("losses 3, -2: scale is %+v, want linear over both", s)
	}
	if s := scaleOf(1, 0.1, 0.001); !s.log || s.lo <= 0 || s.lo > 0.001 || s.hi < 1 {
		t.Errorf("losses 1, 0.1, 0.001: scale is %+v, want logarithmic over all", s)
	}
	wild := make([]float64, 1000)
	for i := range wild {
		wild[i] = 1
	}
	wild[500] = 1e6
	if s := scaleOf(wild...); s.hi > 2 {
		t.Errorf("one outlier in 1000 values: scale goes to %v and flattens the rest", s.hi)
	}
}

func TestNewCurveOrdersAndCleans(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	c := newCurve(Series{X: []float64{3, 1, nan, 2, 4, 5}, Y: []float64{30, 10, 0, inf, 40, nan}})
	if got := fmt.Sprint(c.x, c.y, c.stopped); got != "[1 3 4] [10 30 40] true" {
		t.Errorf("curve is %s", got)
	}
	c = newCurve(Series{X: []float64{2, 1}, Y: []float64{20, nan}})
	if c.stopped {
		t.Error("stopped is true, but the value at the last step is finite")
	}
}

// TestAverage compares average with its definition, at uneven steps.
func TestAverage(t *testing.T) {
	c := curve{x: []float64{0, 1, 3, 3, 10}, y: []float64{4, -1, 2, 8, 5}}
	const span = 2.5
	c.average(span)
	for i := range c.x {
		var sum, weight float64
		for j := range c.x {
			w := math.Exp(-math.Abs(c.x[i]-c.x[j]) / span)
			sum, weight = sum+w*c.y[j], weight+w
		}
		if want := sum / weight; math.Abs(c.smooth[i]-want) > 1e-12 {
			t.Errorf("point %d: average %v, want %v", i, c.smooth[i], want)
		}
	}
}

func TestThin(t *testing.T) {
	x, y := make([]float64, 1001), make([]float64, 1001)
	for i := range x {
		x[i], y[i] = float64(i), float64(i%2)
	}
	tx, ty, each := thin(x, y, 100)
	if len(tx) > 100 || len(tx) != len(ty) || each != 11 {
		t.Fatalf("%d and %d points, each of %d, want at most 100", len(tx), len(ty), each)
	}
	if tx[0] != 0 || tx[len(tx)-1] != 1000 {
		t.Errorf("line goes from %v to %v, want 0 to 1000", tx[0], tx[len(tx)-1])
	}
	for i, v := range ty {
		if math.Abs(v-0.5) > 0.05 {
			t.Errorf("mean %d is %v, want about 0.5", i, v)
		}
	}
	if tx, _, each := thin(x, y, 1001); len(tx) != 1001 || each != 1 {
		t.Errorf("%d points, each of %d, want all", len(tx), each)
	}
}

func TestScaleAt(t *testing.T) {
	for _, test := range []struct {
		scale   scale
		v, want float64
	}{
		{scale{lo: 0, hi: 10}, 5, 0.5}, {scale{lo: -10, hi: 10}, -20, 0}, {scale{lo: 0, hi: 10}, 11, 1},
		{scale{lo: 0.01, hi: 100, log: true}, 1, 0.5}, {scale{lo: 0.01, hi: 100, log: true}, -3, 0},
	} {
		if got := test.scale.at(test.v); math.Abs(got-test.want) > 1e-12 {
			t.Errorf("%+v: %v is at %v, want %v", test.scale, test.v, got, test.want)
		}
	}
}
