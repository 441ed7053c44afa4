// Package atomicfile replaces files in one step. Its central function is [Write]: a reader of the
// path sees the old file or the complete new one, and a failed write leaves the old one.
package atomicfile

import (
	"bufio"
	"cmp"
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
	return write(path, content, false)
}

// WriteDurable is Write for files that must survive a power failure: the content reaches the disk
// before the file takes its name.
func WriteDurable(path string, content func(io.Writer) error) error {
	if err := write(path, content, true); err != nil {
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

func write(path string, content func(io.Writer) error, durable bool) error {
	// Unlike os.CreateTemp this uses the default permissions, since the file stays. The length of
	// the name does not depend on the target's.
	name := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%016x.partial", rand.Uint64()))
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err == nil {
		w := bufio.NewWriterSize(f, 64<<10)
		if err = content(w); err == nil {
			err = w.Flush()
		}
		if err == nil && durable {
			err = f.Sync()
		}
		err = cmp.Or(err, f.Close())
		if err == nil {
			err = os.Rename(name, path)
		}
		if err != nil {
			os.Remove(name)
		}
	}
	if err == nil {
		return nil
	}
	// The name of the temporary file means nothing to the caller.
	var own *fs.PathError
	var link *os.LinkError
	if errors.As(err, &own) && own.Path == name {
		err = own.Err
	} else if errors.As(err, &link) {
		err = link.Err
	}
	return &fs.PathError{Op: "write", Path: path, Err: err}
}
