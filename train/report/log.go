package report

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"cyclegan/infer/pixels/atomicfile"
)

// A Log appends records to a run's log: a text file with one JSON object a
// line, each written in one piece, so that a killed run leaves at most one
// unfinished line, the last. A Log may be used by several goroutines.
//
//	{"step":100,"epoch":1,"time":"2026-01-31T12:00:00Z","seconds_per_step":0.35,"lr":0.0002,"losses":{"D_A":0.26,"G_AB":0.31}}
//
// A loss that is NaN or infinite is written as null and read as NaN.
type Log struct {
	path string

	mu   sync.Mutex
	file *os.File // nil when closed
	size int64    // bytes of whole lines
}

// OpenLog opens the log at path to go on with it, and makes an empty one when
// there is none. An unfinished last line is cut off. A log that is damaged
// elsewhere is an error, since whatever follows would be lost on it.
func OpenLog(path string) (*Log, error) {
	l := &Log{path: path}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("open log %q: %w", path, bare(err))
	}
	return l, nil
}

func (l *Log) open() (err error) {
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	end, err := scan(f, func([]byte, Record) error { return nil })
	if err != nil {
		return err
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
	l.file, l.size = f, end.size
	return nil
}

// Append writes one record at the end of the log. After a failure, such as a
// full disk, the log still ends in a whole line and can be appended to.
func (l *Log) Append(r Record) error {
	if r.Time.IsZero() {
		r.Time = time.Now()
	}
	data, err := r.encode()
	if err != nil {
		return fmt.Errorf("log step %d in %q: %w", r.Step, l.path, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return fmt.Errorf("log step %d in %q: %w", r.Step, l.path, os.ErrClosed)
	}
	if n, err := l.file.Write(data); err != nil {
		if n > 0 {
			err = errors.Join(err, l.file.Truncate(l.size))
		}
		return fmt.Errorf("log step %d in %q: %w", r.Step, l.path, bare(err))
	}
	l.size += int64(len(data))
	return nil
}

// TruncateAfter drops every record of a later step than step, for a run that
// resumes from a checkpoint older than its log. What stays keeps its order and
// its spelling. The file is replaced in one piece.
func (l *Log) TruncateAfter(step int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.truncateAfter(step); err != nil {
		return fmt.Errorf("drop records after step %d from log %q: %w", step, l.path, bare(err))
	}
	return nil
}

func (l *Log) truncateAfter(step int64) error {
	if l.file == nil {
		return os.ErrClosed
	}
	err := atomicfile.Write(l.path, func(w io.Writer) error {
		_, err := scan(io.NewSectionReader(l.file, 0, l.size), func(raw []byte, r Record) error {
			if r.Step > step {
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
	old := l.file
	l.file = nil // if the new file cannot be opened the log counts as closed
	old.Close()
	return l.open()
}

// Close closes the file. It may be called twice.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	if err != nil {
		return fmt.Errorf("close log %q: %w", l.path, bare(err))
	}
	return nil
}

// bare takes the path out of a file error: the message around it has it.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}
