package metric

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// Statistics are the number, mean and covariance of feature vectors, gathered
// as they come: 8*dim*dim bytes, however many there are.
type Statistics struct {
	dim, n  int
	mean    []float64 // of what has been merged
	scatter []float64 // [dim][dim], upper triangle: sum of (x-mean)(x-mean)ᵀ
	waiting []float64 // vectors that have not been merged
}

// mergeRows is how many vectors are merged together, which is faster than one
// by one.
const mergeRows = 64

// NewStatistics makes the statistics of no vectors of dim values.
func NewStatistics(dim int) (*Statistics, error) {
	if err := checkDim(dim); err != nil {
		return nil, err
	}
	return &Statistics{dim: dim, mean: make([]float64, dim), scatter: make([]float64, dim*dim)}, nil
}

// Add takes in one or more vectors.
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

// merge takes in the waiting vectors (Chan et al. 1979).
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
	// One more row turns the scatter about two means into that about one.
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

// N is the number of vectors, and Dim their length.
func (s *Statistics) N() int   { return s.n + len(s.waiting)/max(1, s.dim) }
func (s *Statistics) Dim() int { return s.dim }

// Mean gives a copy of the mean.
func (s *Statistics) Mean() []float64 {
	s.merge()
	return append([]float64(nil), s.mean...)
}

// Cov gives the unbiased covariance, whose divisor is N-1; of fewer than two
// vectors there is none, and it is 0.
func (s *Statistics) Cov() *mat.SymDense {
	s.merge()
	c := mat.NewSymDense(max(1, s.dim), nil)
	if s.n > 1 {
		c.ScaleSym(1/float64(s.n-1), mat.NewSymDense(s.dim, s.scatter))
	}
	return c
}

type statisticsHeader struct{ Dim, N int }

// Save writes the statistics to a file, in one piece.
func (s *Statistics) Save(path string) error {
	s.merge()
	parts := []any{s.mean}
	for i := range s.dim {
		parts = append(parts, s.scatter[i*s.dim+i:(i+1)*s.dim])
	}
	return save(path, "statistics", statisticsHeader{s.dim, s.n}, parts...)
}

// LoadStatistics reads statistics that were saved. A file that can't be used is
// an [ErrDamaged].
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
