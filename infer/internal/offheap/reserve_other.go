//go:build !unix && !windows

package offheap

// Here no C code runs.
func reserve(n int) (*Block, error) { return &Block{values: make([]float32, n)}, nil }
