package offheap

import (
	"io"
	"os"
)

// ReadFile is os.ReadFile for files of many megabytes, whose bytes go into large pages of Go's own heap where the system has them:
// half of what reading takes is the first touch of small ones.
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
	if err != nil && err != io.ErrUnexpectedEOF { // shorter than it was a moment ago
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return data[:n], nil
}

// A file of less is read as ever. Large pages are of that size or less on most systems.
const (
	leastLarge = 8 << 20
	largePage  = 2 << 20
)
