package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cyclegan/train/metric"
	"cyclegan/train/metric/features"
)

// cache keeps what the real folder has given, for the next folder that is judged by it.
type cache struct {
	dir              string // empty: nothing is kept
	pictures         string // file names by what they depend on; empty: not to be kept
	vectors, moments string
	note             func(format string, args ...any)
}

const (
	cacheVersion = 1
	// unusedFor is how long an entry stays that nobody asks for.
	unusedFor = 30 * 24 * time.Hour
	// largestKept bounds the pictures kept for SWD, in bytes; more are read again.
	largestKept = 256 << 20
)

// newCache names the entries for a folder under the present options.
func newCache(cfg *config, f *folder, swd *metric.SWD, e *features.Extractor, note func(string, ...any)) (*cache, error) {
	dir, err := cfg.cacheFolder()
	if err != nil || dir == "" {
		return &cache{note: note}, err
	}
	c := &cache{dir: dir, note: note}
	type entry struct {
		Name        string
		Size, Mtime int64
	}
	var entries []entry
	for _, p := range f.files {
		entries = append(entries, entry{p.name, p.size, p.mtime})
	}
	resize := [2]int{cfg.width, cfg.height}
	if swd != nil {
		if size := swd.Size(); size.X*size.Y*3*min(len(f.files), swd.Options().MaxPictures) <= largestKept {
			if k := key(entries, resize, size, swd.Options()); k != "" {
				c.pictures = k + ".pictures"
			}
		}
	}
	// What weights in other files say can't be told from the model's file.
	if e != nil && !e.Info().External {
		i := e.Info()
		if k := key(entries, resize, i.SHA256, i.Input, i.Output, i.Width, i.Height); k != "" {
			c.vectors, c.moments = k+".features", k+".statistics"
		}
	}
	return c, nil
}

// key is the beginning of a file name for all that an entry depends on.
func key(parts ...any) string {
	text, err := json.Marshal(append([]any{cacheVersion}, parts...))
	if err != nil {
		return "" // nothing is kept then
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// load gives the side what is kept of it.
func (c *cache) load(s *side, swd *metric.SWD) {
	if c.pictures != "" {
		if set, err := swd.LoadSet(c.path(c.pictures)); c.usable(c.pictures, err) {
			s.set, s.judged = set, set.Seen()
		}
	}
	if c.vectors == "" {
		return
	}
	vectors, err := metric.LoadFeatures(c.path(c.vectors))
	if !c.usable(c.vectors, err) {
		return
	}
	moments, err := metric.LoadStatistics(c.path(c.moments))
	if !c.usable(c.moments, err) {
		return
	}
	if moments.N() == vectors.N() && moments.Dim() == vectors.Dim() {
		s.features, s.statistics, s.judged = vectors, moments, vectors.N()
	}
}

func (c *cache) path(name string) string { return filepath.Join(c.dir, name) }

// usable says whether an entry was read, and marks it as used.
func (c *cache) usable(name string, err error) bool {
	if err == nil {
		now := time.Now()
		os.Chtimes(c.path(name), now, now) // lest it is removed; a cache that can't be written is read all the same
		return true
	}
	if !errors.Is(err, fs.ErrNotExist) {
		c.note("cached statistics can't be used, the pictures are read instead: %v", err)
	}
	return false
}

// save keeps what was not kept before. Failing to is no failure of the judgement.
func (c *cache) save(s *side, set, vectors bool) {
	if c.dir == "" || len(s.failed) > 0 {
		return
	}
	err := os.MkdirAll(c.dir, 0o777)
	if err == nil && set && c.pictures != "" {
		err = s.set.Save(c.path(c.pictures))
	}
	if err == nil && vectors && c.vectors != "" {
		err = errors.Join(s.features.Save(c.path(c.vectors)), s.statistics.Save(c.path(c.moments)))
	}
	if err != nil {
		c.note("the reference statistics are not cached: %v", err)
		return
	}
	c.prune()
}

// prune removes entries that nobody has used for a while.
func (c *cache) prune() {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		name, ext, _ := strings.Cut(e.Name(), ".")
		ours := len(name) == 32 && (ext == "pictures" || ext == "features" || ext == "statistics")
		if err == nil && ours && time.Since(info.ModTime()) > unusedFor {
			os.Remove(c.path(e.Name()))
		}
	}
}

// cached says in words what came from the cache.
func cached(set, vectors bool) string {
	var parts []string
	if set {
		parts = append(parts, "pictures")
	}
	if vectors {
		parts = append(parts, "features")
	}
	return strings.Join(parts, ", ")
}
