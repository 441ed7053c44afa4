//go:build unix

package offheap

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

func reserve(n int) (*Block, error) {
	bytes, err := unix.Mmap(-1, 0, 4*n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, err
	}
	// The first touch of a page of 2 MB costs a small part of that of the same memory in pages of 4 KB.
	// A kernel without them returns an error, which does no harm.
	const hugePage = 14 // MADV_HUGEPAGE, which package unix has on Linux alone
	if runtime.GOOS == "linux" {
		_ = unix.Madvise(bytes, hugePage)
	}
	return &Block{
		Values: unsafe.Slice((*float32)(unsafe.Pointer(&bytes[0])), n),
		free:   func() error { return unix.Munmap(bytes) },
	}, nil
}
