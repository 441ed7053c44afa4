package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"

	// The file systems: local files, and by their schemes gs:// and s3://.
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/gcs"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/local"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/s3"

	"cyclegan/infer/atomicfile"
	"cyclegan/infer/pixels"
)

// schemeOf returns the part before ://, which is empty for local files.
func schemeOf(path string) string {
	if scheme, _, found := strings.Cut(path, "://"); found {
		return scheme
	}
	return ""
}

func isLocal(path string) bool { return schemeOf(path) == "" }

// known reports an error if there is no file system for the path.
func known(path string) error {
	switch scheme := schemeOf(path); scheme {
	case "", "gs", "s3", "memfs":
		return nil
	default:
		return fmt.Errorf("%q: unknown file system %s://; use a local path, gs:// or s3://", path, scheme)
	}
}

// systems are the open file systems of this process. They stay open, because the client of an
// object store has connections.
var systems struct {
	sync.Mutex
	open map[string]filesystem.Interface
}

func systemOf(path string) (system filesystem.Interface, err error) {
	scheme := schemeOf(path)
	systems.Lock()
	defer systems.Unlock()
	if system, ok := systems.open[scheme]; ok {
		return system, nil
	}
	defer func() {
		if r := recover(); r != nil { // Beam panics instead of returning an error
			err = fmt.Errorf("file system of %q: %v", path, r)
		}
	}()
	// Not the caller's context: renewing credentials outlives it.
	if system, err = filesystem.New(context.Background(), path); err != nil {
		return nil, fmt.Errorf("file system of %q: %w", path, err)
	}
	if systems.open == nil {
		systems.open = map[string]filesystem.Interface{}
	}
	systems.open[scheme] = system
	return system, nil
}

// Exists reports whether a file exists. If a store cannot be reached it returns false, and the next
// access reports the reason.
func Exists(ctx context.Context, path string) bool {
	if isLocal(path) {
		info, err := os.Stat(path)
		return err == nil && !info.IsDir()
	}
	system, err := systemOf(path)
	if err != nil {
		return false
	}
	_, err = system.Size(ctx, path)
	return err == nil
}

// read returns the content of a file of at most most bytes.
func read(ctx context.Context, path string, most int64) ([]byte, error) {
	system, err := systemOf(path)
	if err != nil {
		return nil, err
	}
	f, err := system.OpenRead(ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return pixels.ReadAll(f, 0, most)
}

// write writes a file and creates its parent folders. Readers see the old file or the whole new
// one.
func write(ctx context.Context, path string, data []byte) error {
	system, err := systemOf(path)
	if err != nil {
		return err
	}
	// An aborted upload leaves no object behind if its context ends.
	ctx, end := context.WithCancel(ctx)
	defer end()
	if !isLocal(path) { // an object appears only when it is whole
		return filesystem.Write(ctx, system, path, data)
	}
	beside := filepath.Join(filepath.Dir(path), strings.Replace(atomicfile.Pattern, "*", fmt.Sprintf("%016x", rand.Uint64()), 1))
	err = filesystem.Write(ctx, system, beside, data)
	if err == nil {
		err = filesystem.Rename(ctx, system, beside, path)
	}
	if err != nil {
		os.Remove(beside)
		return err
	}
	return nil
}
