package metric

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/stat"
)

const (
	patch        = 7                 // side of a neighborhood, in pixels
	descriptor   = 3 * patch * patch // values of a neighborhood
	largestSide  = 1 << 15
	rowsTogether = 32 // directions per projection
)

// SWDOptions configure a sliced Wasserstein distance. Nil and the zero value are those of Karras et
// al.
type SWDOptions struct {
	// Seed selects the directions and neighborhoods. Only scores with equal seeds are comparable.
	// Default 0.
	Seed uint64
	// Directions is the number of directions for the projections. Default 512.
	Directions int
	// Neighborhoods is the number of neighborhoods per image and level. Default 128.
	Neighborhoods int
	// MaxImages limits a set to a random sample of that many images. Default 2,048.
	MaxImages int `json:"MaxPictures"` // the key in saved sets and cache entries
}

// SWD computes the sliced Wasserstein distance of two sets of images of one size over the levels of
// their Laplacian pyramids (Karras et al. 2018, "Progressive Growing of GANs", section 5): how
// similar the sets are in local structure at each scale. From each image and level it takes 128
// neighborhoods of 7x7 pixels, normalizes each set's by mean and standard deviation per channel
// (which makes it blind to a color cast or contrast of the whole set), projects them on 512 random
// directions, and averages the distances of the sorted projections, times 1,000.
//
// The levels go from the size of the images to 16 pixels on the shorter side, each half of the one
// before, rounded up (the original requires powers of two). Sets of unequal size are compared by
// their quantiles: the distance is the area between the two cumulative distributions, which for
// equal sizes is the original's mean difference of sorted values.
//
// Two sets with equal content have distance 0, since the neighborhoods of an image depend only on
// its position. An SWD is safe for concurrent use.
type SWD struct {
	size       image.Point
	options    SWDOptions
	levels     []image.Point
	directions []float32 // [directions][descriptor], each of length 1
}

// NewSWD returns an SWD for images of w x h pixels, at least 16 on each side.
func NewSWD(w, h int, opt *SWDOptions) (*SWD, error) {
	var o SWDOptions
	if opt != nil {
		o = *opt
	}
	if min(o.Directions, o.Neighborhoods, o.MaxImages) < 0 {
		return nil, fmt.Errorf("SWD: directions %d, neighborhoods %d or images %d are negative", o.Directions, o.Neighborhoods, o.MaxImages)
	}
	if min(w, h) < smallestLevel || max(w, h) > largestSide {
		return nil, fmt.Errorf("SWD: cannot compare images of %dx%d; sides must be %d to %d pixels", w, h, smallestLevel, largestSide)
	}
	o = SWDOptions{o.Seed, cmp.Or(o.Directions, 512), cmp.Or(o.Neighborhoods, 128), cmp.Or(o.MaxImages, 2048)}
	return &SWD{image.Pt(w, h), o, levelSizes(w, h), directions(o)}, nil
}

// Size returns the size of the images, and Options the options with the defaults filled in.
func (s *SWD) Size() image.Point   { return s.size }
func (s *SWD) Options() SWDOptions { return s.options }

// The streams of random numbers of a seed.
const (
	streamDirections = iota
	streamPlaces
	streamKept
	streamSubsets
)

func directions(o SWDOptions) []float32 {
	all := make([]float32, o.Directions*descriptor)
	random := newStream(o.Seed, streamDirections)
	values := make([]float64, descriptor)
	for d := range o.Directions {
		squares := 0.0
		for i := range values {
			values[i] = random.normal(uint64(d*descriptor + i))
			squares += values[i] * values[i]
		}
		for i, v := range values {
			all[d*descriptor+i] = float32(v / math.Sqrt(squares))
		}
	}
	return all
}

// SWDResult is a sliced Wasserstein distance times 1,000.
type SWDResult struct {
	Levels   []SWDLevel // finest first
	Mean     float64    // over the levels
	N, NReal int
}

// SWDLevel is the distance at one level of the pyramid.
type SWDLevel struct {
	Width, Height int
	Value         float64
}

// Score returns the mean over the levels as a score.
func (r SWDResult) Score(name string) Score {
	return Score{Name: name, Value: r.Mean, N: r.N, NReal: r.NReal}
}

// Distance compares two sets, which must come from this SWD or from one with the same size and
// options. In addition to the sets it takes 75 kB of memory per image.
func (s *SWD) Distance(ctx context.Context, real, fake *SWDSet) (SWDResult, error) {
	for _, set := range []*SWDSet{real, fake} {
		if set == nil || set.N() == 0 {
			return SWDResult{}, errors.New("SWD: a set has no images")
		}
		if set.size != s.size || set.options != s.options {
			return SWDResult{}, fmt.Errorf("SWD: a set of %dx%d images has other options or another size than %dx%d", set.size.X, set.size.Y, s.size.X, s.size.Y)
		}
	}
	r := SWDResult{N: fake.N(), NReal: real.N()}
	each := s.options.Neighborhoods * descriptor
	a, b := make([]float32, real.N()*each), make([]float32, fake.N()*each)
	for i, size := range s.levels {
		if err := real.descriptors(ctx, a, s.levels, i); err != nil {
			return SWDResult{}, err
		}
		if err := fake.descriptors(ctx, b, s.levels, i); err != nil {
			return SWDResult{}, err
		}
		d, err := s.sliced(ctx, a, b)
		if err != nil {
			return SWDResult{}, err
		}
		r.Levels = append(r.Levels, SWDLevel{size.X, size.Y, 1000 * d})
		r.Mean += 1000 * d / float64(len(s.levels))
	}
	return r, nil
}

// sliced returns the distance of two sets of descriptors, [n][descriptor], averaged over the
// directions.
func (s *SWD) sliced(ctx context.Context, a, b []float32) (float64, error) {
	n, m := len(a)/descriptor, len(b)/descriptor
	pa, pb := make([]float32, rowsTogether*n), make([]float32, rowsTogether*m)
	distances := make([]float64, s.options.Directions)
	for first := 0; first < len(distances); first += rowsTogether {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		some := distances[first:min(first+rowsTogether, len(distances))]
		dirs := s.directions[first*descriptor : (first+len(some))*descriptor]
		project(pa, dirs, a)
		project(pb, dirs, b)
		var group errgroup.Group
		group.SetLimit(runtime.GOMAXPROCS(0))
		for i := range some {
			group.Go(func() error {
				u, v := pa[i*n:(i+1)*n], pb[i*m:(i+1)*m]
				sortFloats(u)
				sortFloats(v)
				some[i] = wasserstein(u, v)
				return nil
			})
		}
		group.Wait()
	}
	return stat.Mean(distances, nil), nil
}

// project computes the product of each direction with each descriptor, [directions][n].
func project(dst, dirs, descriptors []float32) {
	c, n := len(dirs)/descriptor, len(descriptors)/descriptor
	blas32.Gemm(blas.NoTrans, blas.Trans, 1,
		blas32.General{Rows: c, Cols: descriptor, Stride: descriptor, Data: dirs},
		blas32.General{Rows: n, Cols: descriptor, Stride: descriptor, Data: descriptors},
		0, blas32.General{Rows: c, Cols: n, Stride: n, Data: dst[:c*n]})
}

// wasserstein returns the distance of two one-dimensional distributions (the area between their
// cumulative distributions) from sorted samples.
func wasserstein(a, b []float32) float64 {
	// Sample i of a covers the quantiles from i*len(b) to (i+1)*len(b), in units of
	// 1/(len(a)*len(b)).
	n, m := int64(len(a)), int64(len(b))
	var i, j, from int64
	sum := 0.0
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

// sortFloats sorts finite values in ascending order by radix, which is several times faster than
// comparing for hundreds of thousands of values.
func sortFloats(values []float32) {
	const digit = 11
	keys, other := make([]uint32, len(values)), make([]uint32, len(values))
	var counts [3][1 << digit]int32
	for i, v := range values {
		// With negative values inverted and the others' sign bit set, the bits sort like the
		// values.
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
