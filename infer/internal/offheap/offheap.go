// Package offheap holds large arrays that live as long as a model does outside of Go's heap: a [Block] is not looked through or counted by the
// collector, C code may keep its address, and it is given back when it is freed. The system gives large pages where it has them, to files that
// ReadFile reads as well.
package offheap

import "fmt"

// A Block is memory for values, which are zero at first.
type Block struct {
	values []float32
	free   func() error
}

// Floats gives memory for n values, n > 0.
func Floats(n int) (*Block, error) {
	if n < 1 {
		return nil, fmt.Errorf("reserve memory for %d values: there have to be some", n)
	}
	b, err := reserve(n)
	if err != nil {
		return nil, fmt.Errorf("reserve %d bytes: %w", 4*n, err)
	}
	return b, nil
}

// Values are the block's, which are not to be touched after Free.
func (b *Block) Values() []float32 { return b.values }

// Free gives the memory back. It may be called more than once.
func (b *Block) Free() error {
	free := b.free
	b.values, b.free = nil, nil
	if free == nil {
		return nil
	}
	if err := free(); err != nil {
		return fmt.Errorf("free memory: %w", err)
	}
	return nil
}
