package offheap

import "unsafe"

// inner is the part of data that consists of whole large pages.
func inner(data []byte) []byte {
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(data))) % largePage)
	if skip >= len(data) {
		return nil
	}
	data = data[skip:]
	return data[:len(data)/largePage*largePage]
}
