package report

import (
	"math"
	"slices"
	"strconv"
)

// A scale is one axis of a chart: its range, and whether it is logarithmic.
type scale struct {
	lo, hi float64
	log    bool
	whole  bool // ticks at whole numbers only
}

// stepScale returns the axis for steps from lo to hi. It starts at zero if lo is close to it.
func stepScale(lo, hi float64) scale {
	s := scale{lo: lo, hi: hi, whole: true}
	switch {
	case lo > hi:
		s.lo, s.hi = 0, 1
	case lo > 0 && (lo < hi/20 || lo == hi):
		s.lo = 0
	}
	return s.widened()
}

// An extent is the range of values that an axis shows: the smoothed curves and nearly all raw
// values, so that one outlier does not flatten the rest. Without values, lo is above hi.
type extent struct{ lo, hi, smoothLo, smoothHi float64 }

func extentOf(curves []curve) extent {
	none, all := math.Inf(1), math.Inf(-1)
	e := extent{none, all, none, all}
	for _, c := range curves {
		if len(c.y) == 0 {
			continue
		}
		lo, hi := middle(c.y)
		smoothLo, smoothHi := middle(c.smooth)
		e.smoothLo, e.smoothHi = min(e.smoothLo, smoothLo), max(e.smoothHi, smoothHi)
		top := min(slices.Max(c.smooth), 1.3*max(hi, smoothHi))
		e.lo, e.hi = min(e.lo, lo, smoothLo), max(e.hi, hi, smoothHi, top)
	}
	return e
}

// preferLog reports whether a logarithmic axis suits the extent. A linear axis shows better how
// much a loss fell, so it is the choice unless the smoothed curves span more than two orders of
// magnitude.
func (e extent) preferLog() bool {
	_, ok := e.log()
	return ok && e.smoothHi/e.smoothLo > 100
}

// linear starts at zero unless a value is negative.
func (e extent) linear() scale {
	if e.lo > e.hi {
		return scale{lo: 0, hi: 1}
	}
	s := scale{lo: min(e.lo, 0), hi: e.hi}
	if s.lo < 0 {
		s.lo -= 0.05 * (s.hi - s.lo)
	}
	s.hi += 0.05 * (s.hi - s.lo)
	return s.widened()
}

// log returns a logarithmic axis, and whether it is possible: the smoothed curves must be above
// zero.
func (e extent) log() (s scale, ok bool) {
	const decades = 6
	if !(e.smoothLo > 0) || e.lo > e.hi {
		return scale{}, false
	}
	hi := 1.5 * e.hi
	return scale{lo: max(e.smoothLo/3, hi*math.Pow10(-decades)), hi: hi, log: true}, true
}

// widened extends a range that is too narrow for ticks.
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

// at returns the position of v on the axis, from 0 at the low end to 1. Values beyond the ends are
// moved to them. NaN stays NaN.
func (s scale) at(v float64) float64 {
	v = min(max(v, s.lo), s.hi)
	if s.log {
		return math.Log(v/s.lo) / math.Log(s.hi/s.lo)
	}
	return (v - s.lo) / (s.hi - s.lo)
}

// A tick is a marked place of an axis.
type tick struct {
	value float64
	label string
}

// ticks returns about the given number of ticks; a logarithmic axis has one for each power of ten.
func (s scale) ticks(about int) []tick {
	if s.log {
		return s.logTicks()
	}
	step := niceStep((s.hi - s.lo) / float64(about))
	if s.whole {
		step = max(step, 1)
	}
	largest := max(math.Abs(s.lo), math.Abs(s.hi))
	var ticks []tick
	first := math.Ceil(s.lo / step)
	for i := range 3 * about {
		v := (first + float64(i)) * step
		if v > s.hi {
			break
		}
		ticks = append(ticks, tick{v, label(v, step, largest)})
	}
	return ticks
}

// logTicks marks the powers of ten, and 2 and 5 times them on a short axis.
func (s scale) logTicks() []tick {
	digits := []float64{1, 2, 5}
	if s.hi/s.lo > 1000 {
		digits = digits[:1]
	}
	var ticks []tick
	for e := math.Floor(math.Log10(s.lo)); e <= math.Ceil(math.Log10(s.hi)); e++ {
		for _, digit := range digits {
			if v := digit * math.Pow(10, e); v >= s.lo && v <= s.hi {
				ticks = append(ticks, tick{v, label(v, math.Pow(10, e), 0)})
			}
		}
	}
	return ticks
}

// niceStep returns the smallest number that is at least least and 1, 2 or 5 times a power of ten.
func niceStep(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= least {
			return m * power
		}
	}
	return 10 * power
}

// label formats v with the digits that steps of the given size need, in the unit that keeps the
// labels of an axis up to largest short, such as thousands.
func label(v, step, largest float64) string {
	name := ""
	for _, unit := range []struct {
		from, size float64
		name       string
	}{{1e9, 1e9, "G"}, {1e6, 1e6, "M"}, {1e4, 1e3, "k"}} {
		if largest >= unit.from && largest < 1e12 {
			v, step, name = v/unit.size, step/unit.size, unit.name
			break
		}
	}
	a := math.Abs(v)
	switch {
	case a < step/1e6:
		return "0"
	case a >= 1e7 || step < 1e-5:
		return strconv.FormatFloat(v, 'g', 6, 64) + name
	}
	digits := max(0, int(-math.Floor(math.Log10(step)+1e-9)))
	return strconv.FormatFloat(v, 'f', digits, 64) + name
}
