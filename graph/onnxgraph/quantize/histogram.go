package quantize

import (
	"cmp"
	"math"
	"slices"
)

// bins is the number of bins of a histogram, a power of two. The cost of rounding within a range
// depends only on its width, so the bins only have to show where the tails are.
const bins = 1024

// A Histogram counts the values of a tensor in equal bins, which cover the magnitudes below limit.
// For a value outside, limit doubles and bins are merged in pairs, so that the memory stays the
// same and the order of the values does not matter. The zero value is empty and ready for use.
type Histogram struct {
	counts [bins]uint64
	// limit is 2 to the exponent, or 0 before the first value other than 0. For the largest numbers
	// it is infinite.
	limit    float32
	exponent int
	scale    float32 // bins per unit
	// zeros counts exact zeros, which every range has among its levels. After a ReLU they are half
	// of all values.
	zeros  uint64
	lo, hi float32 // the smallest and the largest value
	some   bool    // a value was added
}

// Add counts values and reports whether all of them are finite. Others are not counted.
func (h *Histogram) Add(values []float32) (finite bool) {
	finite = true
	if len(values) > 0 && !h.some {
		h.some, h.lo, h.hi = true, values[0], values[0]
	}
	for _, v := range values {
		bits := math.Float32bits(v)
		size := math.Float32frombits(bits &^ (1 << 31))
		if !(size <= math.MaxFloat32) {
			finite = false
			continue
		}
		if v < h.lo {
			h.lo = v
		}
		if v > h.hi {
			h.hi = v
		}
		if v == 0 {
			h.zeros++
			continue
		}
		if size >= h.limit {
			h.grow(size)
		}
		// The product is exact, since scale is a power of two. Negative values count down from
		// bins/2 - 1.
		sign := int(int32(bits) >> 31) // 0 or -1
		h.counts[bins/2+(int(size*h.scale)^sign)]++
	}
	return finite
}

// Empty reports whether no value was added.
func (h *Histogram) Empty() bool { return !h.some }

// smallest is the exponent of the first limit. Below it a float32 could not hold scale.
const smallest = -100

// grow doubles the limit until it is above size.
func (h *Histogram) grow(size float32) {
	for size >= h.limit {
		if h.limit == 0 {
			h.exponent = smallest - 1
		}
		h.exponent++
		var merged [bins]uint64
		for i, n := range h.counts {
			merged[bins/4+i/2] += n
		}
		h.counts = merged
		h.limit = float32(math.Ldexp(1, h.exponent))
		h.scale = float32(math.Ldexp(bins/2, -h.exponent))
	}
}

// A bin represents count values near value.
type bin struct{ value, count float64 }

// filled lists the bins that are not empty, without the zeros.
func (h *Histogram) filled() []bin {
	var list []bin
	width := math.Ldexp(2.0/bins, h.exponent)
	for i, n := range h.counts {
		if n > 0 {
			value := (float64(i-bins/2) + 0.5) * width
			list = append(list, bin{max(float64(h.lo), min(value, float64(h.hi))), float64(n)})
		}
	}
	return list
}

// tries is the number of candidates for an end of a range.
const tries = 128

// Range returns the range that 256 levels should cover for the least expected squared error, from
// rounding the values inside and cutting off the others. It cuts off a few large values if that
// makes the levels of all others finer.
func (h *Histogram) Range() (lo, hi float64) {
	least, most := float64(h.lo), float64(h.hi)
	lo, hi = least, most
	list := h.filled()
	best := cost(list, lo, hi)
	for range 2 { // one end after the other: they hardly depend on each other
		for _, end := range []*float64{&hi, &lo} {
			kept := *end
			for i := 1; i < tries; i++ {
				*end = least + (most-least)*float64(i)/tries
				if c := cost(list, lo, hi); lo < hi && c < best {
					best, kept = c, *end
				}
			}
			*end = kept
		}
	}
	return lo, hi
}

// Params returns the parameters that cover Range.
func (h *Histogram) Params() Params { return Over(h.Range()) }

// Split returns the extremes and the cut that best divides the range into two, each with 256 levels
// of its own: for values with a long tail, which makes the levels of all others coarse.
func (h *Histogram) Split() (lo, cut, hi float64) {
	lo, hi = float64(h.lo), float64(h.hi)
	list := h.filled()
	least := math.Inf(1)
	for i := 1; i < tries; i++ {
		at := lo + (hi-lo)*float64(i)/tries
		first, _ := slices.BinarySearchFunc(list, at, func(b bin, at float64) int { return cmp.Compare(b.value, at) })
		if c := cost(list[:first], lo, at) + cost(list[first:], at, hi); c < least {
			least, cut = c, at
		}
	}
	return lo, cut, hi
}

// Loss returns the expected squared error of levels from lo to hi over the variance of the values,
// 0 if they do not vary.
func (h *Histogram) Loss(lo, hi float64) float64 {
	list := h.filled()
	n, sum, squares := float64(h.zeros), 0.0, 0.0
	for _, b := range list {
		n += b.count
		sum += b.count * b.value
		squares += b.count * b.value * b.value
	}
	variance := squares/n - sum/n*sum/n
	if !(variance > 0) {
		return 0
	}
	return cost(list, lo, hi) / n / variance
}

// cost returns the expected squared error of all values of the list together.
func cost(list []bin, lo, hi float64) float64 {
	step := (hi - lo) / Levels
	rounding := step * step / 12 // for a value anywhere between two levels
	sum := 0.0
	for _, b := range list {
		over := max(lo-b.value, b.value-hi)
		if over > 0 {
			sum += b.count * over * over
		} else {
			sum += b.count * rounding
		}
	}
	return sum
}
