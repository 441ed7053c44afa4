package native

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// lock waits until no other process has path locked and returns the function that gives it free.
// The file stays: removing it would let two processes lock two files of one name. busy is told to log once, if the wait is long enough to wonder.
func lock(ctx context.Context, log io.Writer, path, busy string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, notWritable(err)
	}
	// Opening the file first tells a folder that can't be written from a disk that can't lock.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, notWritable(err)
	}
	f.Close()
	file := flock.New(path)
	told := false
	for start := time.Now(); ; {
		taken, err := file.TryLock()
		switch {
		case err != nil:
			return nil, withMend(fmt.Errorf("lock %s: %w", path, err), "set %s to a folder on a local disk", EnvCache)
		case taken:
			return func() { file.Close() }, nil
		}
		if !told && time.Since(start) > time.Second {
			told = true
			fmt.Fprintln(log, busy)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// notWritable says what to do about a cache that nothing can be written into. A full one is told of elsewhere.
func notWritable(err error) error {
	if diskFull(err) {
		return err
	}
	return withMend(err, "make the folder writable, or set %s to one that is", EnvCache)
}
