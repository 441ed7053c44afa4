package metric

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// KIDOptions are the settings of a kernel inception distance. A nil *KIDOptions
// and the zero value are the usual ones.
type KIDOptions struct {
	// Seed chooses the subsets.
	Seed uint64
	// Subsets is how many there are; 0 for 100.
	Subsets int
	// SubsetSize is how many pictures of each side a subset has; 0 for 1,000, or
	// as many as the smaller side has.
	SubsetSize int
}

// KIDResult is a kernel inception distance: mean and standard deviation over the
// subsets. Subsets that hold all pictures are one and the same.
type KIDResult struct {
	Mean, Std           float64
	N, NReal            int
	Subsets, SubsetSize int
}

// Score gives the result under a name.
func (r KIDResult) Score(name string) Score {
	return Score{Name: name, Value: r.Mean, Std: r.Std, N: r.N, NReal: r.NReal}
}

// wholeKernel is the number of pictures a side up to which the kernel of all
// pairs is computed once (8*n*n bytes, thrice), rather than each subset's.
const wholeKernel = 4096

// KID is the kernel inception distance (Bińkowski et al. 2018): the unbiased
// squared maximum mean discrepancy under the kernel (x·y/dim + 1)³, as a mean
// over random subsets, drawn without replacement. It may be slightly below 0
// where the sets are alike. Each side needs two pictures. It is torch-fidelity's
// computation with other random numbers.
func KID(ctx context.Context, real, fake *Features, opt *KIDOptions) (KIDResult, error) {
	if real == nil || fake == nil {
		return KIDResult{}, errors.New("KID: a side has no features")
	}
	if err := checkSets("KID", real.Dim(), real.N(), fake.Dim(), fake.N(), 2); err != nil {
		return KIDResult{}, err
	}
	var o KIDOptions
	if opt != nil {
		o = *opt
	}
	most := min(real.N(), fake.N())
	if o.Subsets < 0 || o.SubsetSize < 0 || o.SubsetSize == 1 || o.SubsetSize > most {
		return KIDResult{}, fmt.Errorf("KID: %d subsets of %d pictures can't be drawn: 1 or more subsets, of 2 to %d pictures here", o.Subsets, o.SubsetSize, most)
	}
	if o.Subsets == 0 {
		o.Subsets = 100
	}
	if o.SubsetSize == 0 {
		o.SubsetSize = min(1000, most)
	}
	if o.SubsetSize == real.N() && o.SubsetSize == fake.N() {
		o.Subsets = 1
	}
	draws := make([][2][]int, o.Subsets)
	for i := range draws {
		draws[i] = [2][]int{draw(o, i, 0, real.N()), draw(o, i, 1, fake.N())}
	}
	mean, std, err := kid(ctx, real, fake, draws, max(real.N(), fake.N()) <= wholeKernel)
	return KIDResult{mean, std, fake.N(), real.N(), o.Subsets, o.SubsetSize}, err
}

// draw gives the places of subset number i of one side's n pictures.
func draw(o KIDOptions, i int, side uint64, n int) []int {
	random := newStream(o.Seed, streamSubsets, uint64(i), side)
	all := make([]int, n)
	for j := range all {
		all[j] = j
	}
	for j := range o.SubsetSize {
		k := j + random.below(uint64(j), n-j)
		all[j], all[k] = all[k], all[j]
	}
	return all[:o.SubsetSize]
}

// kid is the mean and standard deviation of the discrepancies of subsets, each
// of which is the places of its real and of its fake pictures.
func kid(ctx context.Context, real, fake *Features, draws [][2][]int, whole bool) (mean, std float64, err error) {
	k := kernels{dim: real.dim}
	if whole {
		k.compute(widen(real, nil), widen(fake, nil))
	}
	values := make([]float64, len(draws))
	for i, d := range draws {
		if ctx.Err() != nil {
			return 0, 0, context.Cause(ctx)
		}
		if whole {
			values[i] = k.discrepancy(d[0], d[1])
			continue
		}
		k.compute(widen(real, d[0]), widen(fake, d[1]))
		all := make([]int, len(d[0]))
		for j := range all {
			all[j] = j
		}
		values[i] = k.discrepancy(all, all)
	}
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		std += (v - mean) * (v - mean) / float64(len(values))
	}
	return mean, math.Sqrt(std), nil
}

// widen gives vectors in float64; nil places stand for all.
func widen(f *Features, places []int) blas64.General {
	n := f.N()
	if places != nil {
		n = len(places)
	}
	m := blas64.General{Rows: n, Cols: f.dim, Stride: f.dim, Data: make([]float64, n*f.dim)}
	for i := range n {
		from := i
		if places != nil {
			from = places[i]
		}
		for j, v := range f.data[from*f.dim : (from+1)*f.dim] {
			m.Data[i*f.dim+j] = float64(v)
		}
	}
	return m
}

// kernels are the kernel's values between all real and fake vectors.
type kernels struct {
	dim                          int
	realReal, fakeFake, realFake blas64.General
}

func (k *kernels) compute(real, fake blas64.General) {
	k.realReal, k.fakeFake, k.realFake = k.of(real, real), k.of(fake, fake), k.of(real, fake)
}

func (k *kernels) of(a, b blas64.General) blas64.General {
	m := blas64.General{Rows: a.Rows, Cols: b.Rows, Stride: b.Rows, Data: make([]float64, a.Rows*b.Rows)}
	blas64.Gemm(blas.NoTrans, blas.Trans, 1/float64(k.dim), a, b, 0, m)
	for i, v := range m.Data {
		m.Data[i] = (v + 1) * (v + 1) * (v + 1)
	}
	return m
}

// discrepancy is the unbiased estimate for a subset of equally many real and
// fake vectors.
func (k *kernels) discrepancy(real, fake []int) float64 {
	n := float64(len(real))
	within := sum(k.realReal, real, real, true) + sum(k.fakeFake, fake, fake, true)
	return within/(n*(n-1)) - 2*sum(k.realFake, real, fake, false)/(n*n)
}

// sum adds up the chosen rows and columns of m, without the diagonal of the choice if so asked.
func sum(m blas64.General, rows, columns []int, offDiagonal bool) float64 {
	total := 0.0
	for i, r := range rows {
		line := m.Data[r*m.Stride : (r+1)*m.Stride]
		part := 0.0
		for _, c := range columns {
			part += line[c]
		}
		if offDiagonal {
			part -= line[columns[i]]
		}
		total += part
	}
	return total
}
