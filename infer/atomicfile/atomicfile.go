// Package atomicfile replaces files in one step. Its central function is [Write]: a reader of the
// path sees the old file or the complete new one, and a failed write leaves the old one.
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

// Pattern matches, as filepath.Glob does, the temporary files that a killed process leaves in the
// folder.
const Pattern = ".*.partial"

// Write replaces the file at path with what content writes. The writer is buffered. Every error is
// an [fs.PathError] for path.
func Write(path string, content func(io.Writer) error) error {
	return write(path, content, func(*os.File) error { return nil })
}

// WriteDurable is Write for files that must survive a power failure: the content reaches the disk
// before the file takes its name.
func WriteDurable(path string, content func(io.Writer) error) error {
	if err := write(path, content, (*os.File).Sync); err != nil {
		return err
	}
	// Syncing the folder makes the new name durable. Not every system can do that, and the file is
	// complete under its name either way.
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync()
		dir.Close()
	}
	return nil
}

func write(path string, content func(io.Writer) error, settle func(*os.File) error) error {
	f, err := create(filepath.Dir(path))
	if err == nil {
		w := bufio.NewWriterSize(f, 64<<10)
		err = content(w)
		if err == nil {
			err = w.Flush()
		}
		if err == nil {
			err = settle(f)
		}
		if closed := f.Close(); err == nil {
			err = closed
		}
		if err == nil {
			err = os.Rename(f.Name(), path)
		}
		if err != nil {
			os.Remove(f.Name())
		}
	}
	if err == nil {
		return nil
	}
	// The name of the temporary file means nothing to the caller.
	var own *fs.PathError
	var link *os.LinkError
	if errors.As(err, &own) && (f == nil || own.Path == f.Name()) {
		err = own.Err
	} else if errors.As(err, &link) {
		err = link.Err
	}
	return &fs.PathError{Op: "write", Path: path, Err: err}
}

// create makes a new temporary file in dir. Unlike os.CreateTemp it uses the default permissions,
// since the file stays. The length of its name does not depend on the target's.
func create(dir string) (*os.File, error) {
	for try := 0; ; try++ {
		name := filepath.Join(dir, fmt.Sprintf(".%016x.partial", rand.Uint64()))
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) && try < 100 {
			continue
		}
		return f, err
	}
}
