package metric

import (
	"cmp"
	"context"
	"fmt"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/stat"
)

// KIDOptions configure a kernel inception distance. Nil and the zero value are the defaults.
type KIDOptions struct {
	// Seed selects the subsets. Default 0.
	Seed uint64
	// Subsets is the number of subsets. Default 100.
	Subsets int
	// SubsetSize is the number of images per side of a subset. Default 1,000, or all images of the
	// smaller side if there are fewer.
	SubsetSize int
}

// KIDResult is a kernel inception distance: mean and standard deviation over the subsets. If a
// subset holds all images, there is only one.
type KIDResult struct {
	Mean, Std           float64
	N, NReal            int
	Subsets, SubsetSize int
}

// Score returns the result as a score.
func (r KIDResult) Score(name string) Score {
	return Score{Name: name, Value: r.Mean, Std: r.Std, N: r.N, NReal: r.NReal}
}

// wholeKernel is the number of images per side up to which the kernel of all pairs is computed once
// (three times 8*n*n bytes) rather than per subset.
const wholeKernel = 4096

// KID returns the kernel inception distance (Bińkowski et al. 2018): the unbiased squared maximum
// mean discrepancy under the kernel (x·y/dim + 1)³, averaged over random subsets drawn without
// replacement. For similar sets it may be slightly negative. Each side needs two images. It is
// torch-fidelity's computation with other random numbers.
func KID(ctx context.Context, real, fake *Features, opt *KIDOptions) (KIDResult, error) {
	if err := checkSides("KID", real, fake); err != nil {
		return KIDResult{}, err
	}
	var o KIDOptions
	if opt != nil {
		o = *opt
	}
	most := min(real.N(), fake.N())
	if o.Subsets < 0 || o.SubsetSize < 0 || o.SubsetSize == 1 || o.SubsetSize > most {
		return KIDResult{}, fmt.Errorf("KID: cannot draw %d subsets of %d images; a subset has 2 to %d images here", o.Subsets, o.SubsetSize, most)
	}
	o.Subsets = cmp.Or(o.Subsets, 100)
	o.SubsetSize = cmp.Or(o.SubsetSize, min(1000, most))
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

// draw returns the indices of subset number i among one side's n images.
func draw(o KIDOptions, i int, side uint64, n int) []int {
	random := newStream(o.Seed, streamSubsets, uint64(i), side)
	all := count(n)
	for j := range o.SubsetSize {
		k := j + random.below(uint64(j), n-j)
		all[j], all[k] = all[k], all[j]
	}
	return all[:o.SubsetSize]
}

// count returns the numbers from 0 to n-1.
func count(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// kid returns the mean and standard deviation of the discrepancies of subsets, each given by the
// indices of its real and fake images.
func kid(ctx context.Context, real, fake *Features, draws [][2][]int, whole bool) (mean, std float64, err error) {
	var k kernels
	if whole {
		k = newKernels(real.rows(count(real.N())), fake.rows(count(fake.N())))
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
		all := count(len(d[0]))
		values[i] = newKernels(real.rows(d[0]), fake.rows(d[1])).discrepancy(all, all)
	}
	mean, std = stat.PopMeanStdDev(values, nil)
	return mean, std, nil
}

// rows returns the vectors at places in float64.
func (f *Features) rows(places []int) blas64.General {
	data := make([]float64, 0, len(places)*f.dim)
	for _, p := range places {
		for _, v := range f.data[p*f.dim : (p+1)*f.dim] {
			data = append(data, float64(v))
		}
	}
	return blas64.General{Rows: len(places), Cols: f.dim, Stride: f.dim, Data: data}
}

// kernels holds the kernel's values between real and fake vectors.
type kernels struct{ realReal, fakeFake, realFake blas64.General }

func newKernels(real, fake blas64.General) kernels {
	return kernels{kernel(real, real), kernel(fake, fake), kernel(real, fake)}
}

func kernel(a, b blas64.General) blas64.General {
	m := blas64.General{Rows: a.Rows, Cols: b.Rows, Stride: b.Rows, Data: make([]float64, a.Rows*b.Rows)}
	blas64.Gemm(blas.NoTrans, blas.Trans, 1/float64(a.Cols), a, b, 0, m)
	for i, v := range m.Data {
		m.Data[i] = (v + 1) * (v + 1) * (v + 1)
	}
	return m
}

// discrepancy returns the unbiased estimate for a subset of equally many real and fake vectors.
func (k kernels) discrepancy(real, fake []int) float64 {
	n := float64(len(real))
	within := sum(k.realReal, real, real, true) + sum(k.fakeFake, fake, fake, true)
	return within/(n*(n-1)) - 2*sum(k.realFake, real, fake, false)/(n*n)
}

// sum adds the selected rows and columns of m, without the diagonal of the selection if
// offDiagonal.
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
