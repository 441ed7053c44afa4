// Package atomicfile replaces files in one piece: whoever looks at the path
// sees the old file or the whole new one, and a failure leaves the old one.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Pattern matches, in the manner of filepath.Glob, the names of the files that
// a process killed while writing leaves behind in the folder.
const Pattern = ".*.partial"

// Write gives path the content that the function writes. It buffers.
func Write(path string, content func(io.Writer) error) error {
	return write(path, content, func(*os.File) error { return nil })
}

// WriteDurable is Write for what must outlast a power failure: the content has
// reached the disk before the file takes its name.
func WriteDurable(path string, content func(io.Writer) error) error {
	if err := write(path, content, (*os.File).Sync); err != nil {
		return err
	}
	// The name itself lasts once the folder is on the disk. Not every system
	// can do that, and the file is whole under its name either way.
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync()
		dir.Close()
	}
	return nil
}

func write(path string, content func(io.Writer) error, settle func(*os.File) error) (err error) {
	f, err := createBeside(path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriterSize(f, 64<<10)
	if err := content(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := settle(f); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// createBeside makes a new file in path's folder. Unlike os.CreateTemp it asks
// for the usual permissions, since the file stays. Its name is short, whatever
// the length of path's.
func createBeside(path string) (*os.File, error) {
	for try := 0; ; try++ {
		name := fmt.Sprintf(".%016x.partial", rand.Uint64())
		f, err := os.OpenFile(filepath.Join(filepath.Dir(path), name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) && try < 100 {
			continue
		}
		return f, err
	}
}
