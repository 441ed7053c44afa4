package report

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"cyclegan/infer/atomicfile"
)

// A lined value is one line of a run's text files.
type lined interface {
	encode() ([]byte, error) // with the line feed
	at() int64               // the step it was taken at
}

// A format says how the lines of one kind of file are read.
type format[T lined] struct {
	file   string // what a message calls the file: "log"
	decode func([]byte) (T, error)
}

// A lines appends values to a text file with one JSON object a line, each
// written in one piece, so that a killed run leaves at most one unfinished
// line, the last.
type lines[T lined] struct {
	path   string
	format format[T]

	mu sync.Mutex
	to appender
}

func (l *lines[T]) openFile() (err error) {
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	end, err := scan(f, l.format.decode, func([]byte, T) error { return nil })
	if err != nil {
		return fmt.Errorf("%q: %w", l.path, err)
	}
	if err := f.Truncate(end.size); err != nil {
		return err
	}
	if end.unterminated {
		if _, err := f.Write([]byte{'\n'}); err != nil {
			return err
		}
		end.size++
	}
	l.to = appender{f, end.size}
	return nil
}

func (l *lines[T]) open() error {
	if err := l.openFile(); err != nil {
		return fmt.Errorf("open %s: %w", l.format.file, err)
	}
	return nil
}

func (l *lines[T]) append(v T) error {
	data, err := v.encode()
	if err == nil {
		l.mu.Lock()
		err = l.to.append(data)
		l.mu.Unlock()
	}
	if err != nil {
		return fmt.Errorf("write step %d to %s %q: %w", v.at(), l.format.file, l.path, err)
	}
	return nil
}

// truncateAfter drops what is of a later step. What stays keeps its order and
// its spelling. The file is replaced in one piece, and only if something goes.
func (l *lines[T]) truncateAfter(step int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.rewrite(step); err != nil {
		return fmt.Errorf("drop what follows step %d from %s %q: %w", step, l.format.file, l.path, err)
	}
	return nil
}

func (l *lines[T]) rewrite(step int64) error {
	if l.to.file == nil {
		return os.ErrClosed
	}
	later := false
	_, err := scan(io.NewSectionReader(l.to.file, 0, l.to.size), l.format.decode, func(_ []byte, v T) error {
		later = later || v.at() > step
		return nil
	})
	if err != nil || !later {
		return err
	}
	err = atomicfile.WriteDurable(l.path, func(w io.Writer) error {
		_, err := scan(io.NewSectionReader(l.to.file, 0, l.to.size), l.format.decode, func(raw []byte, v T) error {
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
	// If the new file cannot be opened it counts as closed.
	l.to.close()
	return l.openFile()
}

func (l *lines[T]) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.to.close(); err != nil {
		return fmt.Errorf("close %s %q: %w", l.format.file, l.path, err)
	}
	return nil
}

// readLines hands the values of the file at path to each, in their order. An
// unfinished last line is passed over.
func readLines[T lined](path string, f format[T], each func(T)) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read %s: %w", f.file, err)
	}
	defer file.Close()
	_, err = scan(file, f.decode, func(_ []byte, v T) error { each(v); return nil })
	if err != nil {
		return fmt.Errorf("read %s %q: %w", f.file, path, err)
	}
	return nil
}

// maxLine bounds a line; a record takes some 250 bytes, an evaluation 2 kB.
const maxLine = 1 << 20

// An end says where the readable part of a file ends.
type end struct {
	size         int64 // bytes up to the last whole line
	unterminated bool  // that line lacks its line feed
}

// scan hands each value and its raw line, line feed included, to each. The
// last line may be damaged, any other may not.
func scan[T any](r io.Reader, decode func([]byte) (T, error), each func(raw []byte, v T) error) (end, error) {
	var (
		e       end
		offset  int64
		damaged error // at the line before
		br      = bufio.NewReaderSize(r, maxLine)
	)
	for n := 1; ; n++ {
		raw, readErr := br.ReadSlice('\n')
		if readErr != nil && readErr != io.EOF {
			if errors.Is(readErr, bufio.ErrBufferFull) {
				return e, fmt.Errorf("line %d is longer than %d bytes: this is no file of a run; move it away", n, maxLine)
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
				damaged = fmt.Errorf("line %d: %w; delete that line, or move the file away to begin a new one", n, err)
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
