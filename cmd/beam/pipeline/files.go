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

	// What can be read and written: local files, and by their schemes gs:// and s3://.
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/gcs"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/local"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/s3"

	"cyclegan/infer/atomicfile"
	"cyclegan/infer/pixels"
)

// schemeOf is what stands before the ://, empty for local files.
func schemeOf(path string) string {
	scheme, _, found := strings.Cut(path, "://")
	if !found {
		return ""
	}
	return scheme
}

func isLocal(path string) bool { return schemeOf(path) == "" }

// known tells whether there is a file system for the path.
func known(path string) error {
	switch scheme := schemeOf(path); scheme {
	case "", "gs", "s3", "memfs":
		return nil
	default:
		return fmt.Errorf("%q: there is no file system %s://: name a local path, gs:// or s3://", path, scheme)
	}
}

// whole tells whether a file appears under its name at once, when it is whole, as in object stores.
func whole(path string) bool { return !isLocal(path) }

// systems are the file systems that this process has opened. They stay open: a client of an object store has connections.
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
		if r := recover(); r != nil { // in the place of an error
			err = fmt.Errorf("file system of %q: %v", path, r)
		}
	}()
	// Not the caller's context, since what renews credentials outlives it.
	if system, err = filesystem.New(context.Background(), path); err != nil {
		return nil, fmt.Errorf("file system of %q: %w", path, err)
	}
	if systems.open == nil {
		systems.open = map[string]filesystem.Interface{}
	}
	systems.open[scheme] = system
	return system, nil
}

// Exists tells whether there is a file of that name. Where a store cannot say it the answer is no, and what follows meets the reason.
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

// read gives the content of a file of no more than most bytes.
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

// write gives a file its content, and makes the folders that lead to it. Whoever looks at path sees the old file or the whole new one.
func write(ctx context.Context, path string, data []byte) error {
	system, err := systemOf(path)
	if err != nil {
		return err
	}
	// An upload that is broken off leaves no object if its context ends.
	ctx, end := context.WithCancel(ctx)
	defer end()
	if whole(path) {
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
