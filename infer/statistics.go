package infer

import (
	"fmt"
	"math"
	"slices"

	"cyclegan/infer/internal/tiling"
	"cyclegan/infer/session"
)

// The statistics of a large image, which never is in the network as a whole, are found in rounds.
//
// Let F_k(S, X) be the statistics of normalization k over the image X if the normalizations before
// it use S. The statistics of the image are the S* with F_k(S*, X) = S*_k for every k. A sample Y
// of the image passes through the network and gives a first S with F_k(S, Y) = S_k. Then the tiles
// pass, normalized by S, and give F_k(S, X). Its difference to S_k is the error of the sample at k
// alone, without the effect of earlier errors. So the sample passes again with this difference
// added at each k, which carries it to later normalizations much as the image would. If e is the
// error of the sample, the remaining error is of the order of e squared, after the next round e
// cubed, and so on.

// closeEnough is the distance of statistics, in standard deviations, at which images agree within
// 45 dB, mostly 50 dB.
const closeEnough = 0.005

// maxRounds bounds how often the tiles of an image are computed. Two or three rounds are usual,
// more if the sample has few parts.
const maxRounds = 8

// moments are the means and the variances of all channels of all normalizations, in order.
type moments struct{ mean, variance []float64 }

func newMoments(channels int) moments {
	return moments{make([]float64, channels), make([]float64, channels)}
}

// tensors returns the moments as the variants take them: those of each normalization by themselves.
func (m moments) tensors(norms []tiling.Norm) []session.Tensor {
	var out []session.Tensor
	at := 0
	for _, n := range norms {
		for _, list := range [][]float64{m.mean, m.variance} {
			t := session.Tensor{Shape: []int64{int64(n.Channels)}, Data: make([]float32, n.Channels)}
			for i := range t.Data {
				t.Data[i] = float32(list[at+i])
			}
			out = append(out, t)
		}
		at += n.Channels
	}
	return out
}

// readMoments reads the outputs of a variant.
func readMoments(outputs []session.Tensor, norms []tiling.Norm) (m moments, err error) {
	if len(outputs) != 2*len(norms) {
		return m, fmt.Errorf("the model returned %d statistics, not %d", len(outputs), 2*len(norms))
	}
	for i, o := range outputs {
		if len(o.Data) != norms[i/2].Channels {
			return m, fmt.Errorf("the model returned statistics of %d channels, not %d", len(o.Data), norms[i/2].Channels)
		}
		list := &m.mean
		if i%2 == 1 {
			list = &m.variance
		}
		for _, v := range o.Data {
			*list = append(*list, float64(v))
		}
	}
	return m, nil
}

// A correction is added to the means of a sample, and multiplies its variances.
type correction moments

// noCorrection returns a correction that changes nothing.
func noCorrection(channels int) correction {
	return correction{make([]float64, channels), slices.Repeat([]float64{1}, channels)}
}

// newCorrection maps the statistics of the sample to those of the image.
func newCorrection(sample, image moments) correction {
	const small = 1e-9 // far below the epsilon of any normalization
	c := noCorrection(len(sample.mean))
	for k := range sample.mean {
		c.mean[k] = image.mean[k] - sample.mean[k]
		c.variance[k] = (image.variance[k] + small) / (sample.variance[k] + small)
	}
	return c
}

func (c correction) apply(to moments) moments {
	out := newMoments(len(to.mean))
	for k := range to.mean {
		out.mean[k] = to.mean[k] + c.mean[k]
		out.variance[k] = to.variance[k] * c.variance[k]
	}
	return out
}

// distance returns the root mean square, over all channels, of the differences of means and
// deviations, in standard deviations.
func distance(a, b moments) float64 {
	const small = 1e-5 // the usual epsilon of a normalization
	var sum float64
	for k := range a.mean {
		deviation := math.Sqrt(a.variance[k] + small)
		shift := (a.mean[k] - b.mean[k]) / deviation
		scale := math.Sqrt(b.variance[k]+small)/deviation - 1
		sum += shift*shift + scale*scale
	}
	return math.Sqrt(sum / float64(len(a.mean)))
}

// An observation sums the statistics of tiles.
type observation struct {
	used   moments   // by which the tiles were normalized
	sums   moments   // of the differences to the used means, and of their squares
	counts []float64 // elements by channel
}

func newObservation(used moments) *observation {
	n := len(used.mean)
	return &observation{used: used, sums: newMoments(n), counts: make([]float64, n)}
}

// add adds the means of a tile over the counted elements of each channel.
func (o *observation) add(tile moments, counts []int) {
	for k, count := range counts {
		n := float64(count)
		o.counts[k] += n
		o.sums.mean[k] += n * tile.mean[k]
		o.sums.variance[k] += n * tile.variance[k]
	}
}

// moments returns the statistics of all tiles.
func (o *observation) moments() moments {
	out := newMoments(len(o.used.mean))
	for k := range out.mean {
		shift := o.sums.mean[k] / o.counts[k]
		out.mean[k] = o.used.mean[k] + shift
		out.variance[k] = max(0, o.sums.variance[k]/o.counts[k]-shift*shift)
	}
	return out
}

// A sample is the parts of an image from which statistics are taken: all of its tiles, or smaller
// parts from everywhere.
type sample struct {
	x, y axis // the columns and rows
	// margin is the length at the ends of a part that does not count, because the network sees too
	// little there. At the borders of the image everything counts.
	margin int
}

// Neighboring pixels are similar: many small parts tell more about an image than a few large ones.
// But in smaller parts more is wrong, because the network meets a border where the image continues.
// Between these limits, a sample has some hundred parts.
const (
	sampleParts = 96
	minPartSide = 64 // pixels a side
	maxPartSide = 256
)

// newSample spreads parts with most pixels in total evenly over an image of w x h. Sides are
// multiples of unit and at least least.
func newSample(w, h, most, unit, least int) sample {
	side := min(max(int(math.Sqrt(float64(most)/sampleParts)), minPartSide), maxPartSide)
	side = max(roundUp(side, unit), least)
	s := sample{margin: side / 8}
	sw, sh := min(side, w), min(side, h)
	// More parts than cover the image would tell nothing new.
	cover := func(length, size int) int {
		if length <= size {
			return 1
		}
		return 1 + (length-size+size-2*s.margin-1)/(size-2*s.margin)
	}
	n := max(1, most/(sw*sh))
	// The parts are about equally far apart in both directions.
	nx := int(math.Sqrt(float64(n) * float64(w) / float64(h)))
	nx = min(max(nx, 1), n, cover(w, sw))
	ny := min(n/nx, cover(h, sh))
	nx = min(max(nx, n/ny), cover(w, sw))
	s.x, s.y = spread(w, sw, nx, unit), spread(h, sh, ny, unit)
	return s
}

// spread places n parts in the middle of n equal lengths or, if they can cover the side, from end
// to end.
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

// A part is in column i and row j of a sample.
type part struct{ i, j int }

// parts returns all parts, row by row.
func (s sample) parts() []part {
	parts := make([]part, 0, len(s.x.starts)*len(s.y.starts))
	for j := range s.y.starts {
		for i := range s.x.starts {
			parts = append(parts, part{i, j})
		}
	}
	return parts
}

// counted returns which places of the image count in part i, so that none counts twice.
func (s sample) counted(a axis, i int) (from, to float64) {
	from, to = math.Inf(-1), math.Inf(1) // the padding belongs to the parts at the border
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

// weigh returns the weights of parts for each mask, as the variants take them, and the number of
// elements that each mask counts.
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
			return nil, nil, fmt.Errorf("parts of %dx%d pixels are too small for a layer", s.x.size, s.y.size)
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

// weights returns 1 for each of n elements of part i whose place counts, and their number.
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
