// Package offheap keeps large arrays that live as long as a model outside Go's heap; its central
// type is [Block].
//
// The collector neither scans nor counts a block, C code may keep its address, and Free returns it
// to the system. The system provides large pages if it has them, for [ReadFile] too.
package offheap

import (
	"fmt"
	"io"
	"os"
	"unsafe"
)

// A Block is memory for values, which are zero at first.
type Block struct {
	values []float32
	free   func() error
}

// Floats returns memory for n values, n > 0.
func Floats(n int) (*Block, error) {
	if n < 1 {
		return nil, fmt.Errorf("reserve memory for %d values: the number must be positive", n)
	}
	b, err := reserve(n)
	if err != nil {
		return nil, fmt.Errorf("reserve %d bytes: %w", 4*n, err)
	}
	return b, nil
}

// Values returns the block's values, which must not be used after Free.
func (b *Block) Values() []float32 { return b.values }

// Free returns the memory to the system. It is safe to call twice.
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

// ReadFile uses large pages for files of at least leastLarge bytes. Most systems have pages of
// largePage bytes or less.
const (
	leastLarge = 8 << 20
	largePage  = 2 << 20
)

// ReadFile is os.ReadFile with large pages of Go's heap for large files: half the time of reading
// one goes into the first touch of small pages.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if size := info.Size(); !info.Mode().IsRegular() || size < leastLarge || int64(int(size)) != size {
		return os.ReadFile(path)
	}
	data := make([]byte, info.Size())
	useLargePages(inner(data))
	n, err := io.ReadFull(f, data)
	if err != nil && err != io.ErrUnexpectedEOF { // the file has become shorter
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return data[:n], nil
}

// inner returns the part of data that consists of whole large pages.
func inner(data []byte) []byte {
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(data))) % largePage)
	if skip >= len(data) {
		return nil
	}
	data = data[skip:]
	return data[:len(data)/largePage*largePage]
}
