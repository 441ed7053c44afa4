package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"cyclegan/train/metric"
	"cyclegan/train/metric/features"
)

// cache stores what was computed of the real folder for the next evaluation against it.
type cache struct {
	dir                string
	pictures, features string // paths of the entries to store, "" for none
	warn               func(format string, args ...any)
}

const (
	cacheVersion = 3
	resizeMethod = "bicubic, opaque"
	unusedFor    = 30 * 24 * time.Hour // an unused entry is removed after this time
	largestSet   = 256 << 20           // bound on the stored images for SWD, in bytes
)

// newCache returns the cache for a folder and the options. An entry is named by a hash of
// everything that it depends on. Images count by their content, because files with equal names,
// sizes, and times can differ.
func newCache(ctx context.Context, cfg *config, f *folder, swd *metric.SWD, e *features.Extractor, warn func(string, ...any)) (*cache, error) {
	dir, err := cfg.cacheFolder()
	if err != nil || dir == "" {
		return &cache{}, err
	}
	if err := f.hash(ctx); err != nil {
		return nil, err
	}
	c := &cache{dir: dir, warn: warn}
	parts := []any{cfg.width, cfg.height, resizeMethod, cfg.window.String()}
	for _, p := range f.files {
		parts = append(parts, p.sum[:])
	}
	if swd != nil {
		size := swd.Size()
		if size.X*size.Y*3*min(len(f.files), swd.Options().MaxImages) <= largestSet {
			c.pictures = filepath.Join(dir, key(append(parts, size, swd.Options())...)+".pictures")
		}
	}
	if e != nil && !e.Info().External { // the hash of a model does not cover weights in other files
		i := e.Info()
		c.features = filepath.Join(dir, key(append(parts, i.SHA256, i.Input, i.Output, i.Width, i.Height, i.Provider, i.Runtime)...)+".features")
	}
	return c, nil
}

// key returns the name of an entry that depends on parts.
func key(parts ...any) string {
	text, err := json.Marshal(append([]any{cacheVersion}, parts...))
	if err != nil {
		panic(err) // parts are plain values
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// load reads what is stored of s, and reports what that is.
func (c *cache) load(s *side, swd *metric.SWD) string {
	var found []string
	if c.pictures != "" {
		if set, err := swd.LoadSet(c.pictures); c.usable(c.pictures, err) {
			c.pictures, s.set, found = "", set, append(found, "images")
		}
	}
	if c.features != "" {
		if vectors, err := metric.LoadFeatures(c.features); c.usable(c.features, err) {
			c.features, s.features, found = "", vectors, append(found, "features")
		}
	}
	return strings.Join(found, ", ")
}

// usable reports whether an entry was read, and marks it as used.
func (c *cache) usable(path string, err error) bool {
	if err == nil {
		now := time.Now()
		os.Chtimes(path, now, now) // keeps it from being pruned; a cache on a read-only disk still works
		return true
	}
	if !errors.Is(err, fs.ErrNotExist) {
		c.warn("ignoring cached statistics: %v", err)
	}
	return false
}

// save stores what was not stored before, and removes entries that nothing has used for some time.
// A failure is only a warning.
func (c *cache) save(s *side) {
	if c.pictures == "" && c.features == "" {
		return
	}
	err := os.MkdirAll(c.dir, 0o777)
	if err == nil && c.pictures != "" {
		err = s.set.Save(c.pictures)
	}
	if err == nil && c.features != "" {
		err = s.features.Save(c.features)
	}
	if err != nil {
		c.warn("the statistics of %s are not cached: %v", s.dir, err)
		return
	}
	c.prune()
}

// entry matches the names of entries.
var entry = regexp.MustCompile(`^[0-9a-f]{32}\.(pictures|features)$`)

func (c *cache) prune() {
	files, _ := os.ReadDir(c.dir)
	for _, f := range files {
		if info, err := f.Info(); err == nil && entry.MatchString(f.Name()) && time.Since(info.ModTime()) > unusedFor {
			os.Remove(filepath.Join(c.dir, f.Name()))
		}
	}
}
