package native

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// marker is the file that is written last into a library's folder. It holds the wheel's hash.
const marker = "complete"

// CacheDir is the folder that fetched libraries and built programs are kept in:
// the one that CYCLEGAN_CACHE names, else "cyclegan" in the user's cache folder. It need not exist.
func CacheDir() (string, error) {
	if dir := os.Getenv(EnvCache); dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("%s=%s: %w", EnvCache, dir, err)
		}
		return abs, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", withMend(fmt.Errorf("find the user's cache folder: %w", err),
			"set %s to a folder with room for the libraries, about 1 GB", EnvCache)
	}
	return filepath.Join(dir, "cyclegan"), nil
}

// whole says whether dir holds the library completely unpacked from this very wheel.
func (w Wheel) whole(dir string) bool {
	mark, err := os.ReadFile(filepath.Join(dir, marker))
	if err != nil || strings.TrimSpace(string(mark)) != w.SHA256 {
		return false
	}
	for _, name := range w.files() {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return false
		}
	}
	return true
}

// cached is the library's folder in the cache and whether the library is there.
func (w Wheel) cached() (dir string, ok bool, err error) {
	cache, err := CacheDir()
	if err != nil {
		return "", false, err
	}
	dir = filepath.Join(cache, filepath.FromSlash(w.folder()))
	return dir, w.whole(dir), nil
}
