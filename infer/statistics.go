package infer

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"

	"cyclegan/infer/session"
)

// How the statistics of a picture are found that never is in the network as a whole.
//
// Let F_k(S, X) be the statistics of normalization k over the picture X, if those before it normalize by S. The picture's own are the S* with
// F_k(S*, X) = S*_k for every k. A sample Y of the picture goes through the network together, and gives a first S with F_k(S, Y) = S_k.
// Then the tiles go through, normalized by S, and tell F_k(S, X). What that differs by from S_k is the sample's error in that place alone, not what came of the errors
// before it; so the sample goes through again with this difference added at each k, which carries it on to those after k much as the picture would.
// Where e is the sample's error, what is left is of the order of e squared, after the next round e cubed, and so on.

// enough is how far apart statistics may lie, in standard deviations. At that, pictures agree to 45 dB and mostly to more than 50.
const enough = 0.005

// mostRounds bounds how often the tiles of a picture are computed. Two or three are usual, more where a sample is a few parts only.
const mostRounds = 8

// moments are the mean and the variance of each channel, at one normalization.
type moments struct{ mean, variance []float64 }

func newMoments(channels int) moments {
	return moments{make([]float64, channels), make([]float64, channels)}
}

// tensors gives the moments as the models take them.
func tensors(all []moments) []session.Tensor {
	var out []session.Tensor
	for _, m := range all {
		for _, list := range [][]float64{m.mean, m.variance} {
			t := session.Tensor{Shape: []int64{int64(len(list))}, Data: make([]float32, len(list))}
			for i, v := range list {
				t.Data[i] = float32(v)
			}
			out = append(out, t)
		}
	}
	return out
}

// read gives the moments that a model gave for normalizations of so many channels.
func read(given []session.Tensor, channels []int) ([]moments, error) {
	if len(given) != 2*len(channels) {
		return nil, fmt.Errorf("the model gave %d statistics, not %d", len(given), 2*len(channels))
	}
	all := make([]moments, len(channels))
	for i, n := range channels {
		if len(given[2*i].Data) != n || len(given[2*i+1].Data) != n {
			return nil, fmt.Errorf("the model gave statistics of %d and %d channels, not %d", len(given[2*i].Data), len(given[2*i+1].Data), n)
		}
		all[i] = newMoments(n)
		for c := range n {
			all[i].mean[c], all[i].variance[c] = float64(given[2*i].Data[c]), float64(given[2*i+1].Data[c])
		}
	}
	return all, nil
}

// A correction is added to the means, and multiplies the variances, of a sample.
type correction []moments

// noCorrection changes nothing.
func noCorrection(channels []int) correction {
	c := make(correction, len(channels))
	for i, n := range channels {
		c[i] = newMoments(n)
		for k := range n {
			c[i].variance[k] = 1
		}
	}
	return c
}

// newCorrection gives what makes the picture's statistics of the sample's.
func newCorrection(sample, picture []moments) correction {
	const small = 1e-9 // far below the epsilon of any normalization
	c := make(correction, len(sample))
	for i, s := range sample {
		c[i] = newMoments(len(s.mean))
		for k := range s.mean {
			c[i].mean[k] = picture[i].mean[k] - s.mean[k]
			c[i].variance[k] = (picture[i].variance[k] + small) / (s.variance[k] + small)
		}
	}
	return c
}

func (c correction) apply(to []moments) []moments {
	out := make([]moments, len(to))
	for i, m := range to {
		out[i] = moments{slices.Clone(m.mean), slices.Clone(m.variance)}
		for k := range m.mean {
			out[i].mean[k] += c[i].mean[k]
			out[i].variance[k] *= c[i].variance[k]
		}
	}
	return out
}

// apart gives the root of the mean square, over all channels, of how far means and deviations lie apart, in standard deviations.
func apart(a, b []moments) float64 {
	const small = 1e-5 // the usual epsilon of a normalization
	var sum float64
	n := 0
	for i := range a {
		for k := range a[i].mean {
			deviation := math.Sqrt(a[i].variance[k] + small)
			shift := (a[i].mean[k] - b[i].mean[k]) / deviation
			scale := math.Sqrt(b[i].variance[k]+small)/deviation - 1
			sum += shift*shift + scale*scale
			n++
		}
	}
	return math.Sqrt(sum / float64(n))
}

// together runs a sample through the network together, and gives its own statistics before the correction.
func (m *Model) together(ctx context.Context, img image.Image, s sample, c correction) ([]moments, error) {
	run, err := m.large.jointly.get()
	if err != nil {
		return nil, err
	}
	parts := s.parts()
	spec := m.info.Input
	size := spec.Len(s.x.size, s.y.size)
	ws := m.workspace(size * len(parts))
	defer m.release(ws)
	for k, p := range parts {
		x, y := s.x.starts[p.i], s.y.starts[p.j]
		if err := m.fillPart(ws.in[k*size:(k+1)*size], image.Rect(x, y, x+s.x.size, y+s.y.size), img); err != nil {
			return nil, err
		}
	}
	weights, _, err := s.weigh(m.large.net.Masks, parts...)
	if err != nil {
		return nil, err
	}
	inputs := append([]session.Tensor{{Shape: dims(spec, len(parts), s.x.size, s.y.size), Data: ws.in}}, weights...)
	// These outputs are few and small numbers; those of the workspace are pictures.
	given := make([]session.Tensor, len(run.About().Outputs))
	if err := run.RunInto(ctx, given, append(inputs, tensors(c)...)...); err != nil {
		return nil, err
	}
	return read(given, m.large.channels())
}

// An observation adds up what tiles tell of the statistics that they were normalized by.
type observation struct {
	used []moments
	// sums are those of the differences to the used means, and of their squares; counts how many elements there were.
	sums   []moments
	counts []float64
}

func newObservation(used []moments) *observation {
	o := &observation{used: used, counts: make([]float64, len(used))}
	for _, u := range used {
		o.sums = append(o.sums, newMoments(len(u.mean)))
	}
	return o
}

// add takes in what a tile gave: means over so many elements, for each normalization.
func (o *observation) add(given []moments, counts []int) {
	for i, g := range given {
		n := float64(counts[i])
		o.counts[i] += n
		for k := range g.mean {
			o.sums[i].mean[k] += n * g.mean[k]
			o.sums[i].variance[k] += n * g.variance[k]
		}
	}
}

// picture gives the statistics of all tiles.
func (o *observation) picture() []moments {
	out := make([]moments, len(o.used))
	for i, u := range o.used {
		out[i] = newMoments(len(u.mean))
		for k := range u.mean {
			shift := o.sums[i].mean[k] / o.counts[i]
			out[i].mean[k] = u.mean[k] + shift
			out[i].variance[k] = max(0, o.sums[i].variance[k]/o.counts[i]-shift*shift)
		}
	}
	return out
}
