//go:build unix

package offheap

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

func reserve(n int) (*Block, error) {
	bytes, err := unix.Mmap(-1, 0, 4*n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, err
	}
	useLargePages(bytes)
	return &Block{
		values: unsafe.Slice((*float32)(unsafe.Pointer(&bytes[0])), n),
		free:   func() error { return unix.Munmap(bytes) },
	}, nil
}
