//go:build !unix

package offheap

import "runtime"

// reserve pins memory of Go's heap, so that C code may keep its address.
func reserve(n int) (*Block, error) {
	values := make([]float32, n)
	pins := &runtime.Pinner{}
	pins.Pin(&values[0])
	return &Block{Values: values, free: func() error { pins.Unpin(); return nil }}, nil
}
