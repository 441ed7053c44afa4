//go:build !unix

package fastconv

import "runtime"

// allocate returns memory for n values, pinned on Go's heap so that C code may keep its address.
func allocate(n int) (values []float32, free func() error, err error) {
	values = make([]float32, n)
	pins := &runtime.Pinner{}
	pins.Pin(&values[0])
	return values, func() error { pins.Unpin(); return nil }, nil
}
