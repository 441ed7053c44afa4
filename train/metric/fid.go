package metric

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// LeastFID is the number of images per side below which FID has a large upward bias, so that it is
// comparable only for equal numbers of images.
const LeastFID = 10000

// FID returns the Fréchet inception distance (Heusel et al. 2017) of two sets of features,
// |m1-m2|² + tr(S1 + S2 - 2 sqrt(S1 S2)), with unbiased covariances. It is comparable with published
// values only for the standard Inception features, and depends on the numbers of images. Each side
// needs two. For 2,048 features and at least as many images it takes about 10 s.
func FID(a, b *Statistics) (float64, error) {
	if a == nil || b == nil {
		return 0, errors.New("FID: one side has no statistics")
	}
	if err := checkSets("FID", a.Dim(), a.N(), b.Dim(), b.N(), 2); err != nil {
		return 0, err
	}
	if a.N() > b.N() {
		a, b = b, a
	}
	meanA, meanB, covA, covB := a.Mean(), b.Mean(), a.Cov(), b.Cov()
	sum := mat.Trace(covA) + mat.Trace(covB)
	for i, m := range meanA {
		sum += (m - meanB[i]) * (m - meanB[i])
	}
	root, err := traceRoot(covA, covB)
	if err != nil {
		return 0, err
	}
	return max(0, sum-2*root), nil // below 0 only by rounding
}

// traceRoot returns the trace of sqrt(A B) for positive semi-definite A and B. With A = LᵀL the product
// has the eigenvalues of the symmetric L B Lᵀ: they are real, need no eigenvectors, and their number is
// the rank of A, which is small for few images.
func traceRoot(a, b *mat.SymDense) (float64, error) {
	l := factor(a)
	if l == nil {
		return 0, nil
	}
	var lb, product mat.Dense
	lb.Mul(l, mat.DenseCopyOf(b))
	product.Mul(&lb, l.T())
	rank, _ := product.Dims()
	symmetric := mat.NewSymDense(rank, nil)
	for i := range rank {
		for j := i; j < rank; j++ {
			symmetric.SetSym(i, j, (product.At(i, j)+product.At(j, i))/2)
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(symmetric, false) {
		return 0, errors.New("FID: cannot compute the eigenvalues of the covariances")
	}
	sum := 0.0
	for _, v := range eigen.RawValues() {
		sum += math.Sqrt(max(0, v))
	}
	return sum, nil
}

// factor returns L with LᵀL = a and as many rows as the rank of a; nil for rank 0.
func factor(a *mat.SymDense) *mat.Dense {
	var cholesky mat.PivotedCholesky
	cholesky.Factorize(a, -1)
	rank, n := cholesky.Rank(), a.SymmetricDim()
	if rank == 0 {
		return nil
	}
	u, l := cholesky.RawU(), mat.NewDense(rank, n, nil)
	for j, p := range cholesky.ColumnPivots(nil) {
		for i := range min(j+1, rank) {
			l.Set(i, p, u.At(i, j))
		}
	}
	return l
}

// Statistics accumulates the number, mean and covariance of feature vectors in 8*dim*dim bytes.
type Statistics struct {
	dim, n  int
	mean    []float64 // of the merged vectors
	scatter []float64 // [dim][dim], upper triangle: sum of (x-mean)(x-mean)ᵀ
	waiting []float64 // vectors still to merge
}

// mergeRows is the number of vectors that are merged together, which is faster than one by one.
const mergeRows = 64

// NewStatistics returns the statistics of zero vectors of dim values.
func NewStatistics(dim int) (*Statistics, error) {
	if err := checkDim(dim); err != nil {
		return nil, err
	}
	return &Statistics{dim: dim, mean: make([]float64, dim), scatter: make([]float64, dim*dim)}, nil
}

// Add adds one or more vectors.
func (s *Statistics) Add(values []float32) error {
	if err := checkRows(values, s.dim); err != nil {
		return err
	}
	for len(values) > 0 {
		for _, v := range values[:s.dim] {
			s.waiting = append(s.waiting, float64(v))
		}
		values = values[s.dim:]
		if len(s.waiting) == mergeRows*s.dim {
			s.merge()
		}
	}
	return nil
}

// merge merges the waiting vectors (Chan et al. 1979).
func (s *Statistics) merge() {
	k := len(s.waiting) / max(1, s.dim)
	if k == 0 {
		return
	}
	mean := make([]float64, s.dim)
	for i, v := range s.waiting {
		mean[i%s.dim] += v
	}
	for i := range mean {
		mean[i] /= float64(k)
	}
	for i := range s.waiting {
		s.waiting[i] -= mean[i%s.dim]
	}
	before, total := float64(s.n), float64(s.n+k)
	// One more row converts the scatter about two means to the scatter about their common mean.
	weight := math.Sqrt(before * float64(k) / total)
	for i, m := range mean {
		s.waiting = append(s.waiting, (m-s.mean[i])*weight)
		s.mean[i] += (m - s.mean[i]) * float64(k) / total
	}
	blas64.Syrk(blas.Trans, 1, blas64.General{Rows: k + 1, Cols: s.dim, Stride: s.dim, Data: s.waiting},
		1, blas64.Symmetric{N: s.dim, Stride: s.dim, Uplo: blas.Upper, Data: s.scatter})
	s.n += k
	s.waiting = s.waiting[:0]
}

// N returns the number of vectors, and Dim their length.
func (s *Statistics) N() int   { return s.n + len(s.waiting)/max(1, s.dim) }
func (s *Statistics) Dim() int { return s.dim }

// Mean returns a copy of the mean.
func (s *Statistics) Mean() []float64 {
	s.merge()
	return slices.Clone(s.mean)
}

// Cov returns the unbiased covariance, with divisor N-1. It is 0 for fewer than two vectors.
func (s *Statistics) Cov() *mat.SymDense {
	s.merge()
	c := mat.NewSymDense(max(1, s.dim), nil)
	if s.n > 1 {
		c.ScaleSym(1/float64(s.n-1), mat.NewSymDense(s.dim, s.scatter))
	}
	return c
}

type statisticsHeader struct{ Dim, N int }

// Save writes the statistics to a file atomically.
func (s *Statistics) Save(path string) error {
	s.merge()
	parts := []any{s.mean}
	for i := range s.dim {
		parts = append(parts, s.scatter[i*s.dim+i:(i+1)*s.dim])
	}
	return save(path, "statistics", statisticsHeader{s.dim, s.n}, parts...)
}

// LoadStatistics reads saved statistics. The error for an unusable file is [ErrDamaged].
func LoadStatistics(path string) (*Statistics, error) {
	var h statisticsHeader
	var values []float64
	err := load(path, "statistics", &h, func() (any, error) { return &values, checkDim(h.Dim) })
	if err != nil {
		return nil, err
	}
	if want := h.Dim + h.Dim*(h.Dim+1)/2; len(values) != want || h.N < 0 {
		return nil, damaged(path, fmt.Errorf("it holds %d values, not %d", len(values), want))
	}
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, damaged(path, fmt.Errorf("it holds the value %v", v))
		}
	}
	s, err := NewStatistics(h.Dim)
	if err != nil {
		return nil, err
	}
	s.n = h.N
	values = values[copy(s.mean, values):]
	for i := range s.dim {
		values = values[copy(s.scatter[i*s.dim+i:(i+1)*s.dim], values):]
	}
	return s, nil
}
