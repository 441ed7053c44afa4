package infer

import (
	"fmt"
	"math"

	"cyclegan/infer/internal/tiling"
	"cyclegan/infer/session"
)

// A sample is the parts of a picture that statistics are taken from: all of its tiles, or some smaller parts from everywhere.
type sample struct {
	x, y axis // where they lie, in columns and rows
	// margin is what at a part's ends does not count, since the network saw too little there. At the picture's own borders all counts.
	margin int
}

// What lies together in a picture is alike, so that many small parts tell more of it than a few large ones; but in smaller ones more is wrong,
// since the network finds a border where the picture goes on. Between these limits, a sample has some hundred parts.
const (
	sampleParts = 96
	leastPart   = 64 // pixels a side
	mostPart    = 256
)

// newSample spreads parts evenly over a picture of w x h, of most pixels together.
// unit and least are what sides must be multiples of, and no less than; all numbers are multiples of unit.
func newSample(w, h, most, unit, least int) sample {
	side := min(max(int(math.Sqrt(float64(most)/sampleParts)), leastPart), mostPart)
	side = max(roundUp(side, unit), least)
	s := sample{margin: side / 8}
	sw, sh := min(side, w), min(side, h)
	// More parts than cover the picture would tell nothing new.
	cover := func(length, size int) int {
		if length <= size {
			return 1
		}
		return 1 + (length-size+size-2*s.margin-1)/(size-2*s.margin)
	}
	n := max(1, most/(sw*sh))
	// So many columns and rows that parts lie about as far apart in both directions.
	nx := int(math.Sqrt(float64(n) * float64(w) / float64(h)))
	nx = min(max(nx, 1), n, cover(w, sw))
	ny := min(n/nx, cover(h, sh))
	nx = min(max(nx, n/ny), cover(w, sw))
	s.x, s.y = spread(w, sw, nx, unit), spread(h, sh, ny, unit)
	return s
}

// spread places n parts in the middles of n equal lengths or, where they are enough for that, from one end to the other.
func spread(length, size, n, unit int) axis {
	a := axis{length: length, size: size}
	for i := range n {
		at := (2*i+1)*length/(2*n) - size/2
		if n > 1 && n*size >= length {
			at = i * (length - size) / (n - 1)
		}
		at = min(max(at, 0), length-size)
		a.starts = append(a.starts, at-at%unit)
	}
	return a
}

// A part is the one in column i and row j of a sample.
type part struct{ i, j int }

// parts gives all of them, row by row.
func (s sample) parts() []part {
	parts := make([]part, 0, len(s.x.starts)*len(s.y.starts))
	for j := range s.y.starts {
		for i := range s.x.starts {
			parts = append(parts, part{i, j})
		}
	}
	return parts
}

// counted gives which places of the picture count in part i, so that none counts twice.
func (s sample) counted(a axis, i int) (from, to float64) {
	from, to = math.Inf(-1), math.Inf(1) // what lies beyond the picture's borders belongs to the parts there
	if start := a.starts[i]; start > 0 {
		from = float64(start + s.margin)
		if i > 0 {
			from = max(from, float64(a.starts[i-1]+a.size+start)/2)
		}
	}
	if end := a.starts[i] + a.size; end < a.length {
		to = float64(end - s.margin)
		if i < len(a.starts)-1 {
			to = min(to, float64(a.starts[i+1]+end)/2)
		}
	}
	return from, to
}

// weigh gives the weights of some parts for each mask, as the variants take them, and how many elements each mask counts.
func (s sample) weigh(masks []tiling.Mask, parts ...part) (weights []session.Tensor, counts []int, err error) {
	for _, m := range masks {
		rows, columns := m.Y.Size(s.y.size), m.X.Size(s.x.size)
		var y, x []float32
		count := 0
		for _, p := range parts {
			v, ny := s.weights(s.y, p.j, m.Y, rows)
			u, nx := s.weights(s.x, p.i, m.X, columns)
			y, x = append(y, v...), append(x, u...)
			count += nx * ny
		}
		if count == 0 {
			return nil, nil, fmt.Errorf("parts of %dx%d pixels leave nothing of a layer", s.x.size, s.y.size)
		}
		for i := range y {
			y[i] /= float32(count)
		}
		n := int64(len(parts))
		weights = append(weights, session.Tensor{Shape: []int64{n, 1, int64(rows), 1}, Data: y},
			session.Tensor{Shape: []int64{n, 1, int64(columns), 1}, Data: x})
		counts = append(counts, count)
	}
	return weights, counts, nil
}

// weights gives 1 for each of n elements of part i whose place counts, and how many do.
func (s sample) weights(a axis, i int, span tiling.Span, n int) ([]float32, int) {
	from, to := s.counted(a, i)
	weights, count := make([]float32, n), 0
	for k := range weights {
		if at := float64(a.starts[i]) + span.At(k); at >= from && at < to {
			weights[k] = 1
			count++
		}
	}
	return weights, count
}
