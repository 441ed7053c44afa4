package metric

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

const (
	patch        = 7                 // side of a neighbourhood, in pixels
	descriptor   = 3 * patch * patch // values of a neighbourhood
	defaultKept  = 2048
	largestSide  = 1 << 15
	rowsTogether = 32 // directions that are projected on at a time
)

// SWDOptions are the settings of a sliced Wasserstein distance. A nil
// *SWDOptions and the zero value are those of Karras et al.
type SWDOptions struct {
	// Seed chooses the directions and the places of the neighbourhoods. Numbers
	// that are to be compared need one seed.
	Seed uint64
	// Directions is how many the descriptors are projected on; 0 for 512.
	Directions int
	// Neighbourhoods is how many are taken of each picture and level; 0 for 128.
	Neighbourhoods int
	// MaxPictures bounds a set: of more pictures a random part of this size
	// stays. 0 for 2,048.
	MaxPictures int
}

func (o *SWDOptions) resolved() (SWDOptions, error) {
	var r SWDOptions
	if o != nil {
		r = *o
	}
	var bad []error
	for _, f := range []struct {
		name  string
		value *int
		def   int
	}{{"directions", &r.Directions, 512}, {"neighbourhoods", &r.Neighbourhoods, 128}, {"largest number of pictures", &r.MaxPictures, defaultKept}} {
		if *f.value < 0 {
			bad = append(bad, fmt.Errorf("SWD: %s %d is negative", f.name, *f.value))
		}
		if *f.value == 0 {
			*f.value = f.def
		}
	}
	return r, errors.Join(bad...)
}

// SWD measures the sliced Wasserstein distance of two sets of pictures of one
// size over the levels of their Laplacian pyramids (Karras et al. 2018,
// "Progressive Growing of GANs", section 5): how alike the sets are in local
// structure, at each scale. Of each picture and level it takes 128
// neighbourhoods of 7x7 pixels, normalises each set's by mean and standard
// deviation of each channel (which makes it blind to a cast or a contrast that
// the whole set has), projects them on 512 random directions, and takes the
// mean distance of the sorted projections, times 1,000.
//
// The levels go from the size of the pictures to 16 pixels on the shorter
// side, each half of the one before; the original needs powers of two, and here
// an odd side is halved upwards. Sets of unequal size are compared by their
// quantiles: the distance is the area between the two cumulative distributions,
// which for equal sizes is the original's mean difference of sorted values.
//
// Two sets of one content have distance 0, since equal places of two sets look
// at equal neighbourhoods. An SWD may be used by several goroutines.
type SWD struct {
	size       image.Point
	options    SWDOptions
	levels     []image.Point
	directions []float32 // [directions][descriptor], each of length 1
}

// NewSWD prepares for pictures of w x h pixels, 16 or more on each side.
func NewSWD(w, h int, opt *SWDOptions) (*SWD, error) {
	o, err := opt.resolved()
	if err != nil {
		return nil, err
	}
	if min(w, h) < smallestLevel || max(w, h) > largestSide {
		return nil, fmt.Errorf("SWD: pictures of %dx%d can't be compared: sides are %d to %d pixels", w, h, smallestLevel, largestSide)
	}
	return &SWD{image.Pt(w, h), o, levelSizes(w, h), directions(o)}, nil
}

// Size is that of the pictures, and Options are those in use, with the defaults
// filled in.
func (s *SWD) Size() image.Point   { return s.size }
func (s *SWD) Options() SWDOptions { return s.options }

// The streams of random numbers that a seed is divided into.
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

// SWDResult is a sliced Wasserstein distance times 1,000, of n pictures.
type SWDResult struct {
	Levels   []SWDLevel // from the finest
	Mean     float64    // over the levels
	N, NReal int
}

// SWDLevel is the distance at one level of the pyramid.
type SWDLevel struct {
	Width, Height int
	Value         float64
}

// Score gives the mean over the levels.
func (r SWDResult) Score(name string) Score {
	return Score{Name: name, Value: r.Mean, N: r.N, NReal: r.NReal}
}

// Distance compares two sets, which must have been made by this SWD or by one of
// the same size and options. It takes 75 kB of memory for each picture of both
// sets, beside the sets themselves.
func (s *SWD) Distance(ctx context.Context, real, fake *SWDSet) (SWDResult, error) {
	for _, set := range []*SWDSet{real, fake} {
		if set == nil || set.N() == 0 {
			return SWDResult{}, errors.New("SWD: a set has no pictures")
		}
		if set.size != s.size || set.options != s.options {
			return SWDResult{}, fmt.Errorf("SWD: a set of pictures of %dx%d was made with other options, or for another size than %dx%d", set.size.X, set.size.Y, s.size.X, s.size.Y)
		}
	}
	r := SWDResult{N: fake.N(), NReal: real.N()}
	each := s.options.Neighbourhoods * descriptor
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

// sliced is the mean over the directions of the distance of two sets of
// descriptors ([n][descriptor]).
func (s *SWD) sliced(ctx context.Context, a, b []float32) (float64, error) {
	n, m := len(a)/descriptor, len(b)/descriptor
	distances := make([]float64, s.options.Directions)
	pa, pb := make([]float32, rowsTogether*n), make([]float32, rowsTogether*m)
	sorters := make([]*sorter, runtime.GOMAXPROCS(0))
	for i := range sorters {
		sorters[i] = &sorter{}
	}
	for first := 0; first < len(distances); first += rowsTogether {
		if err := ctx.Err(); err != nil {
			return 0, context.Cause(ctx)
		}
		some := distances[first:min(first+rowsTogether, len(distances))]
		dirs := s.directions[first*descriptor : (first+len(some))*descriptor]
		project(pa, dirs, a)
		project(pb, dirs, b)
		var group errgroup.Group
		for worker, sort := range sorters {
			group.Go(func() error {
				for i := worker; i < len(some); i += len(sorters) {
					u, v := pa[i*n:(i+1)*n], pb[i*m:(i+1)*m]
					sort.floats(u)
					sort.floats(v)
					some[i] = wasserstein(u, v)
				}
				return nil
			})
		}
		group.Wait()
	}
	sum := 0.0
	for _, d := range distances {
		sum += d
	}
	return sum / float64(len(distances)), nil
}

// project gives the product of each direction with each descriptor, [directions][n].
func project(dst, dirs, descriptors []float32) {
	c, n := len(dirs)/descriptor, len(descriptors)/descriptor
	blas32.Gemm(blas.NoTrans, blas.Trans, 1,
		blas32.General{Rows: c, Cols: descriptor, Stride: descriptor, Data: dirs},
		blas32.General{Rows: n, Cols: descriptor, Stride: descriptor, Data: descriptors},
		0, blas32.General{Rows: c, Cols: n, Stride: n, Data: dst[:c*n]})
}
