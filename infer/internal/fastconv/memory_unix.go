//go:build unix

package fastconv

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// allocate returns memory for n values outside Go's heap: the collector neither scans nor counts
// it, C code may keep its address, and free returns it to the system.
func allocate(n int) (values []float32, free func() error, err error) {
	bytes, err := unix.Mmap(-1, 0, 4*n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("reserve %d bytes: %w", 4*n, err)
	}
	// The first touch of a page of 2 MB costs a small part of that of the same memory in pages of 4
	// KB. A kernel without them returns an error, which does no harm.
	const hugePage = 14 // MADV_HUGEPAGE, which package unix has on Linux alone
	if runtime.GOOS == "linux" {
		_ = unix.Madvise(bytes, hugePage)
	}
	values = unsafe.Slice((*float32)(unsafe.Pointer(&bytes[0])), n)
	return values, func() error { return unix.Munmap(bytes) }, nil
}
