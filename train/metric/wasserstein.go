package metric

import "math"

// wasserstein is the distance of two distributions on a line (the area between
// their cumulative distributions), given sorted samples of each.
func wasserstein(a, b []float32) float64 {
	sum := 0.0
	if len(a) == len(b) {
		for i, v := range a {
			sum += math.Abs(float64(v) - float64(b[i]))
		}
		return sum / float64(len(a))
	}
	// Sample i of a covers the quantiles from i*len(b) to (i+1)*len(b), in parts
	// of len(a)*len(b).
	n, m := int64(len(a)), int64(len(b))
	var i, j, from int64
	for i < n && j < m {
		to := min((i+1)*m, (j+1)*n)
		sum += float64(to-from) * math.Abs(float64(a[i])-float64(b[j]))
		from = to
		if to == (i+1)*m {
			i++
		}
		if to == (j+1)*n {
			j++
		}
	}
	return sum / float64(n*m)
}

// sorter keeps its memory from one sort to the next, so each goroutine needs its
// own.
type sorter struct{ keys, other []uint32 }

// floats sorts finite values upwards: by radix, several times as fast as by
// comparison for the hundred thousands that come here.
func (s *sorter) floats(values []float32) {
	const digit = 11
	if len(s.keys) < len(values) {
		s.keys, s.other = make([]uint32, len(values)), make([]uint32, len(values))
	}
	keys, other := s.keys[:len(values)], s.other[:len(values)]
	var counts [3][1 << digit]int32
	for i, v := range values {
		// The bits of floats are in the order of the values once negative ones
		// are inverted and the sign of the others is set.
		k := math.Float32bits(v)
		k ^= uint32(int32(k)>>31) | 1<<31
		keys[i] = k
		for d := range counts {
			counts[d][k>>(digit*d)&(1<<digit-1)]++
		}
	}
	for d := range counts {
		at := int32(0)
		for i, n := range counts[d] {
			counts[d][i] = at
			at += n
		}
		for _, k := range keys {
			place := &counts[d][k>>(digit*d)&(1<<digit-1)]
			other[*place] = k
			*place++
		}
		keys, other = other, keys
	}
	for i, k := range keys {
		values[i] = math.Float32frombits(k ^ (uint32(^int32(k)>>31) | 1<<31))
	}
}
