// Package offheap keeps large arrays that live as long as a model outside Go's heap; its central type
// is [Block].
//
// The collector neither scans nor counts a block, C code may keep its address, and Free returns it to
// the system. The system provides large pages if it has them.
package offheap

import "fmt"

// A Block is memory for values, which are zero at first.
type Block struct {
	// Values must not be used after Free.
	Values []float32
	free   func() error
}

// Floats returns memory for n values, n > 0.
func Floats(n int) (*Block, error) {
	b, err := reserve(n)
	if err != nil {
		return nil, fmt.Errorf("reserve %d bytes: %w", 4*n, err)
	}
	return b, nil
}

// Free returns the memory to the system. It is safe to call twice.
func (b *Block) Free() error {
	if b.Values == nil {
		return nil
	}
	b.Values = nil
	return b.free()
}
