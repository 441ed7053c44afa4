package fastconv

import (
	"bytes"
	"errors"
	"slices"
	"sync"

	"cyclegan/infer/winograd"
)

// Filters holds the transformed filters of Winograd convolutions, which are four times as large as
// the original ones. Models with equal filters, as the variants of a model have, share them. It is
// safe for concurrent use. The zero value is ready; Close frees the memory.
type Filters struct {
	mu  sync.Mutex
	all []*filters
}

// filters are the filters of one convolution.
type filters struct {
	plain []byte // float32, little-endian: [out, in, 3, 3]
	shape []int64
	// values are the transformed filters [points, 1, out, in]. transform computes them at its first
	// call.
	values    []float32
	transform func()
	free      func() error
}

// reserve finds the filters or allocates memory for them.
func (f *Filters) reserve(plain []byte, out, in int) (*filters, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	shape := []int64{winograd.Points, 1, int64(out), int64(in)}
	for _, have := range f.all {
		if slices.Equal(have.shape, shape) && bytes.Equal(have.plain, plain) {
			return have, nil
		}
	}
	values, free, err := allocate(winograd.Points * out * in)
	if err != nil {
		return nil, err
	}
	transform := sync.OnceFunc(func() { winograd.TransformFilters(values, plain) })
	made := &filters{plain, shape, values, transform, free}
	f.all = append(f.all, made)
	return made, nil
}

// Close frees the memory. No session may use it any more.
func (f *Filters) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, have := range f.all {
		errs = append(errs, have.free())
	}
	f.all = nil
	return errors.Join(errs...)
}
