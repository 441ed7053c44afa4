package metric

import (
	"errors"
	"fmt"
	"math"
)

// Features are feature vectors of pictures, in the order in which they were
// added: 4 bytes a value.
type Features struct {
	dim  int
	data []float32 // [n][dim]
}

// maxDim bounds the length of a feature vector, and with it the covariance.
const maxDim = 1 << 14

// NewFeatures makes an empty list of vectors of dim values.
func NewFeatures(dim int) (*Features, error) {
	if err := checkDim(dim); err != nil {
		return nil, err
	}
	return &Features{dim: dim}, nil
}

func checkDim(dim int) error {
	if dim < 1 || dim > maxDim {
		return fmt.Errorf("feature vectors of %d values: 1 to %d can be judged", dim, maxDim)
	}
	return nil
}

// checkRows says why values are no whole vectors of finite numbers.
func checkRows(values []float32, dim int) error {
	if dim == 0 {
		return errors.New("add features: there is no vector length: begin with the constructor")
	}
	if len(values)%dim != 0 {
		return fmt.Errorf("add features: %d values are no whole vectors of %d", len(values), dim)
	}
	for i, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("add features: value %d of vector %d is %v", i%dim, i/dim, v)
		}
	}
	return nil
}

// Add takes in one or more vectors, which may be changed afterwards.
func (f *Features) Add(values []float32) error {
	if err := checkRows(values, f.dim); err != nil {
		return err
	}
	f.data = append(f.data, values...)
	return nil
}

// N is the number of vectors, and Dim their length.
func (f *Features) N() int   { return len(f.data) / max(1, f.dim) }
func (f *Features) Dim() int { return f.dim }

// Statistics gives the statistics of all vectors.
func (f *Features) Statistics() (*Statistics, error) {
	s, err := NewStatistics(f.dim)
	if err != nil {
		return nil, err
	}
	return s, s.Add(f.data)
}

type featuresHeader struct{ Dim int }

// Save writes the vectors to a file, in one piece.
func (f *Features) Save(path string) error {
	return save(path, "features", featuresHeader{f.dim}, f.data)
}

// LoadFeatures reads vectors that were saved. A file that can't be used is an
// [ErrDamaged].
func LoadFeatures(path string) (*Features, error) {
	var h featuresHeader
	f := &Features{}
	err := load(path, "features", &h, func() (any, error) {
		f.dim = h.Dim
		return &f.data, checkDim(h.Dim)
	})
	if err != nil {
		return nil, err
	}
	if err := checkRows(f.data, f.dim); err != nil {
		return nil, damaged(path, err)
	}
	return f, nil
}

// checkSets says why two sets of vectors can't be compared; least is the number
// of vectors that each needs.
func checkSets(score string, dimA, nA, dimB, nB, least int) error {
	if dimA != dimB {
		return fmt.Errorf("%s: feature vectors of %d and of %d values are not of one extractor", score, dimA, dimB)
	}
	if n := min(nA, nB); n < least {
		return fmt.Errorf("%s: %d pictures are too few: each side needs %d or more", score, n, least)
	}
	return nil
}
