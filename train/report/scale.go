package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// A scale is one axis: its range, and whether it is logarithmic.
type scale struct {
	lo, hi float64
	log    bool
	whole  bool // ticks at whole numbers only
}

// stepScale spans the steps of all curves.
func stepScale(curves []curve) scale {
	s := scale{lo: math.Inf(1), hi: math.Inf(-1)}
	for _, c := range curves {
		if n := len(c.x); n > 0 {
			s.lo, s.hi = min(s.lo, c.x[0]), max(s.hi, c.x[n-1])
		}
	}
	s.whole = true
	switch {
	case s.lo > s.hi:
		s.lo, s.hi = 0, 1
	case s.lo > 0 && (s.lo < s.hi/20 || s.lo == s.hi):
		s.lo = 0
	}
	return s.widened()
}

// An extent is the values that an axis should show: the smoothed curves and
// nearly all of the raw values, so that one wild step does not flatten the
// rest. Without values lo is above hi.
type extent struct{ lo, hi, smoothLo, smoothHi float64 }

// lossScale is the axis for curves.
func lossScale(curves []curve) scale { return extentOf(curves).scale() }

func extentOf(curves []curve) extent {
	none, all := math.Inf(1), math.Inf(-1)
	e := extent{none, all, none, all}
	for _, c := range curves {
		if len(c.y) == 0 {
			continue
		}
		raw := quantiles(c.y, 0.01, 0.99)
		smooth := quantiles(c.smooth, 0.01, 0.99)
		e.smoothLo, e.smoothHi = min(e.smoothLo, smooth[0]), max(e.smoothHi, smooth[1])
		top := min(slices.Max(c.smooth), 1.3*max(raw[1], smooth[1]))
		e.lo, e.hi = min(e.lo, raw[0], smooth[0]), max(e.hi, raw[1], smooth[1], top)
	}
	return e
}

// scale is linear, since a linear axis tells better by how much a loss fell,
// unless the smoothed curves spread over more than a factor of logSpread.
func (e extent) scale() scale {
	const logSpread = 100
	if s, ok := e.log(); ok && e.smoothHi/e.smoothLo > logSpread {
		return s
	}
	return e.linear()
}

// linear begins at zero where no loss is negative.
func (e extent) linear() scale {
	s := scale{lo: e.lo, hi: e.hi}
	switch {
	case s.lo > s.hi:
		return scale{lo: 0, hi: 1}
	case s.lo >= 0:
		s.lo = 0
	}
	if s.lo < 0 {
		s.lo -= 0.05 * (s.hi - s.lo)
	}
	s.hi += 0.05 * (s.hi - s.lo)
	return s.widened()
}

// log is for smoothed curves above zero; ok says whether they are.
func (e extent) log() (s scale, ok bool) {
	const decades = 6
	if !(e.smoothLo > 0) || e.lo > e.hi {
		return scale{}, false
	}
	hi := 1.5 * e.hi
	return scale{lo: max(e.smoothLo/3, hi*math.Pow10(-decades)), hi: hi, log: true}, true
}

// widened makes room around a range too narrow to hold ticks.
func (s scale) widened() scale {
	size := max(math.Abs(s.lo), math.Abs(s.hi))
	switch {
	case size < 1e-30:
		s.lo, s.hi = 0, 1
	case s.hi-s.lo < 1e-6*size:
		s.lo, s.hi = s.lo-size/10, s.hi+size/10
	}
	return s
}

// clamp keeps a value on the plot: what is lower or higher runs along the edge.
func (s scale) clamp(v float64) float64 { return min(max(v, s.lo), s.hi) }

// Ticks makes a scale a plot.Ticker.
func (s scale) Ticks(_, _ float64) []plot.Tick {
	if s.log {
		return s.logTicks()
	}
	const about = 6
	step := niceStep((s.hi - s.lo) / about)
	if s.whole {
		step = max(step, 1)
	}
	unit := unitOf(max(math.Abs(s.lo), math.Abs(s.hi)))
	var ticks []plot.Tick
	first := math.Ceil(s.lo / step)
	for i := range 3 * about {
		v := (first + float64(i)) * step
		if v > s.hi {
			break
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: unit.label(v, step)})
	}
	return ticks
}

func (s scale) logTicks() []plot.Tick {
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(s.lo)); e <= math.Ceil(math.Log10(s.hi)); e++ {
		for digit := 1.0; digit < 10; digit++ {
			v := digit * math.Pow(10, e)
			if v < s.lo || v > s.hi {
				continue
			}
			t := plot.Tick{Value: v}
			if digit == 1 {
				t.Label = unit{1, ""}.label(v, v)
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// niceStep is 1, 2 or 5 times a power of ten, and at least about.
func niceStep(about float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(about)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= about {
			return m * power
		}
	}
	return 10 * power
}

// A unit is what an axis counts in, such as thousands.
type unit struct {
	size float64
	name string
}

// unitOf keeps the labels of an axis up to size short, all in one unit.
func unitOf(size float64) unit {
	switch {
	case size >= 1e12:
	case size >= 1e9:
		return unit{1e9, "G"}
	case size >= 1e6:
		return unit{1e6, "M"}
	case size >= 1e4:
		return unit{1e3, "k"}
	}
	return unit{1, ""}
}

// label writes v with as many digits as steps of the given size need.
func (u unit) label(v, step float64) string {
	v, step = v/u.size, step/u.size
	a := math.Abs(v)
	switch {
	case a < step/1e6:
		return "0"
	case a >= 1e7 || step < 1e-5:
		return strconv.FormatFloat(v, 'g', 6, 64) + u.name
	}
	digits := max(0, int(-math.Floor(math.Log10(step)+1e-9)))
	return strconv.FormatFloat(v, 'f', digits, 64) + u.name
}

// threeDigits writes a loss as legends show it.
func threeDigits(v float64) string {
	if a := math.Abs(v); a != 0 && (a < 1e-3 || a >= 1e3) {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return strings.TrimSuffix(fmt.Sprintf("%#.3g", v), ".")
}
