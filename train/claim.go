package train

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// Claim makes the run's folder and keeps other processes from training in it
// until release is called or the process ends, however it ends.
func (o Options) Claim() (release func() error, err error) {
	if err := os.MkdirAll(o.Dir(), 0o755); err != nil {
		return nil, fmt.Errorf("make the run's folder: %w", err)
	}
	lock := flock.New(filepath.Join(o.Dir(), ".lock"))
	taken, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the run's folder %q: %w", o.Dir(), err)
	}
	if !taken {
		return nil, fmt.Errorf("another process is training in %q: wait for it, or take another -name", o.Dir())
	}
	return lock.Close, nil
}
