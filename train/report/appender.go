package report

import (
	"errors"
	"os"
)

// An appender puts whole pieces at the end of a file. After a failure, such as
// a full disk, the file still ends in a whole piece and can be appended to.
type appender struct {
	file *os.File // nil when closed; opened with O_APPEND
	size int64    // bytes of whole pieces
}

func (a *appender) append(piece []byte) error {
	if a.file == nil {
		return os.ErrClosed
	}
	if n, err := a.file.Write(piece); err != nil {
		if n > 0 {
			err = errors.Join(err, a.file.Truncate(a.size))
		}
		return err
	}
	a.size += int64(len(piece))
	return nil
}

// close may be called twice.
func (a *appender) close() error {
	if a.file == nil {
		return nil
	}
	err := a.file.Close()
	a.file = nil
	return err
}
