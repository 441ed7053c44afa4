package report

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"cyclegan/infer/atomicfile"
)

// A line is a value that a run keeps as one line of a text file.
type line interface {
	Record | Evaluation | Warning
	encode(now time.Time) ([]byte, error) // one line, without line feed; now replaces a zero time
	at() int64                            // the step it belongs to
}

// A format says how to read the lines of one kind of file.
type format[T line] struct {
	name   string // of the file in messages
	decode func([]byte) (T, error)
}

// Lines appends values to a text file that has one JSON object per line. It writes each line with
// one call, so a killed run leaves at most one incomplete line, the last one. A number that is NaN
// or infinite becomes null, which is read as NaN. Lines is safe for concurrent use.
type Lines[T line] struct {
	path   string
	format format[T]

	mu sync.Mutex
	to appender
}

// openLines opens the file at path for appending, and creates it if necessary. It cuts off an
// incomplete last line. Damage elsewhere is an error, because appending would hide it.
func openLines[T line](path string, f format[T]) (*Lines[T], error) {
	l := &Lines[T]{path: path, format: f}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("open %s: %w", f.name, err)
	}
	return l, nil
}

func (l *Lines[T]) open() error {
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	end, err := scan(f, l.format.decode, func([]byte, T) error { return nil })
	if err != nil {
		err = fmt.Errorf("%q: %w", l.path, err)
	} else {
		err = f.Truncate(end.size)
	}
	l.to = appender{f, end.size}
	if err == nil && end.unterminated {
		err = l.to.append([]byte{'\n'})
	}
	if err != nil {
		f.Close()
	}
	return err
}

// Append writes a value as the last line. A zero time becomes the current time. After a failure,
// such as a full disk, the file still ends in a complete line, and Append can be called again.
func (l *Lines[T]) Append(v T) error {
	data, err := v.encode(time.Now())
	if err == nil {
		l.mu.Lock()
		err = l.to.append(append(data, '\n'))
		l.mu.Unlock()
	}
	if err != nil {
		return fmt.Errorf("write step %d to %s: %w", v.at(), l.format.name, err)
	}
	return nil
}

// TruncateAfter deletes the lines of later steps than step, for a run that resumes from an older
// checkpoint. It keeps the other lines as they are, and replaces the file atomically.
func (l *Lines[T]) TruncateAfter(step int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.truncate(step); err != nil {
		return fmt.Errorf("delete the lines after step %d from %s: %w", step, l.format.name, err)
	}
	return nil
}

func (l *Lines[T]) truncate(step int64) error {
	if err := l.to.append(nil); err != nil { // closed
		return err
	}
	err := atomicfile.WriteDurable(l.path, func(w io.Writer) error {
		content := io.NewSectionReader(l.to.file, 0, l.to.size)
		_, err := scan(content, l.format.decode, func(raw []byte, v T) error {
			if v.at() > step {
				return nil
			}
			_, err := w.Write(raw)
			return err
		})
		return err
	})
	if err != nil {
		return err
	}
	l.to.close()
	return l.open() // if this fails, Lines is closed
}

// Close closes the file. It may be called twice.
func (l *Lines[T]) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.to.close(); err != nil {
		return fmt.Errorf("close %s: %w", l.format.name, err)
	}
	return nil
}

// readLines calls each for the values of a file in their order. It ignores an incomplete last line.
func readLines[T line](path string, f format[T], each func(T)) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read %s: %w", f.name, err)
	}
	defer file.Close()
	if _, err = scan(file, f.decode, func(_ []byte, v T) error { each(v); return nil }); err != nil {
		return fmt.Errorf("read %s %q: %w", f.name, path, err)
	}
	return nil
}

// readAll returns the values of a file in their order. It ignores an incomplete last line.
func readAll[T line](path string, f format[T]) ([]T, error) {
	var all []T
	err := readLines(path, f, func(v T) { all = append(all, v) })
	return all, err
}

// maxLine limits the length of a line; a record has about 250 bytes, an evaluation 2 kB.
const maxLine = 1 << 20

// An end says where the readable part of a file ends.
type end struct {
	size         int64 // bytes up to the last complete line
	unterminated bool  // that line lacks its line feed
}

// scan calls each with every value and its raw line, including the line feed. The last line may be
// damaged; any other damaged line is an error.
func scan[T any](r io.Reader, decode func([]byte) (T, error), each func(raw []byte, v T) error) (end, error) {
	var (
		e       end
		offset  int64
		damaged error // about the line before
		br      = bufio.NewReaderSize(r, maxLine)
	)
	for n := 1; ; n++ {
		raw, readErr := br.ReadSlice('\n')
		if readErr != nil && readErr != io.EOF {
			if errors.Is(readErr, bufio.ErrBufferFull) {
				return e, fmt.Errorf("line %d is longer than %d bytes, so this file does not belong to a run. Fix: move it away", n, maxLine)
			}
			return e, readErr
		}
		if len(raw) > 0 && damaged != nil {
			return e, damaged
		}
		offset += int64(len(raw))
		switch text := bytes.TrimSpace(raw); {
		case len(raw) == 0:
		case len(text) == 0:
			e = end{size: offset}
		default:
			v, err := decode(text)
			if err != nil {
				damaged = fmt.Errorf("line %d: %w. Fix: delete that line, or move the file away to start a new one", n, err)
				break
			}
			e = end{size: offset, unterminated: raw[len(raw)-1] != '\n'}
			if e.unterminated {
				raw = append(bytes.Clone(raw), '\n')
			}
			if err := each(raw, v); err != nil {
				return e, err
			}
		}
		if readErr == io.EOF {
			return e, nil
		}
	}
}

// An appender appends complete pieces to a file. After a failure, such as a full disk, the file
// still ends in a complete piece, and append can be called again.
type appender struct {
	file *os.File // opened with O_APPEND
	size int64    // bytes of complete pieces
}

func (a *appender) append(piece []byte) error {
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
	if err := a.file.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
