package train

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"cyclegan/infer/atomicfile"
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
	if err := removeLeftovers(o.Dir()); err != nil {
		lock.Close()
		return nil, err
	}
	return lock.Close, nil
}

// removeLeftovers removes what a killed run left half written in its folder
// and in those that it made there.
func removeLeftovers(dir string) error {
	for _, pattern := range []string{atomicfile.Pattern, filepath.Join("*", atomicfile.Pattern)} {
		// The folder's own name may hold what Glob takes for a pattern.
		found, err := fs.Glob(os.DirFS(dir), filepath.ToSlash(pattern))
		if err != nil {
			return fmt.Errorf("look for what a killed run left: %w", err)
		}
		for _, name := range found {
			if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
				return fmt.Errorf("remove what a killed run left: %w", err)
			}
		}
	}
	return nil
}
