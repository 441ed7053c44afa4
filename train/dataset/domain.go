package dataset

import (
	"errors"
	"fmt"
	"image"
	"sync"

	"cyclegan/train/scenes"
)

// source is an ordered list of images: a [Folder] or a sceneSource.
type source interface {
	size() int
	title() string   // name of the domain
	id(i int) string // name of image i
	// load reads or draws image i in its own size.
	load(i int) (*image.NRGBA, error)
	// at is load with the result in the size w x h.
	at(i, w, h int) (*image.NRGBA, error)
}

// sceneSource draws the built-in scenes.
type sceneSource struct {
	seed, first uint64
	n           int
	season      scenes.Season
	side        int // pixels of the square that load draws
}

func (s *sceneSource) size() int       { return s.n }
func (s *sceneSource) title() string   { return s.season.String() }
func (s *sceneSource) id(i int) string { return fmt.Sprintf("scene_%s_%05d", s.season, i) }

func (s *sceneSource) load(i int) (*image.NRGBA, error) { return s.at(i, s.side, s.side) }

func (s *sceneSource) at(i, w, h int) (*image.NRGBA, error) {
	if min(w, h) < 1 || max(w, h) > scenes.MaxSide {
		return nil, fmt.Errorf("scene of %dx%d pixels: sides go from 1 to %d", w, h, scenes.MaxSide)
	}
	return scenes.Draw(s.seed, s.first+uint64(i), s.season, w, h), nil
}

// domain is one side of a dataset: its images, some of them kept decoded.
type domain struct {
	source   source
	channels int
	opt      *Options
	room     *room // shared by all domains
	skip     func(name string, err error)
	entries  []entry
}

// entry is the state of one image. Its lock is held while the image is decoded, so that two threads
// that need it decode it once.
type entry struct {
	mu   sync.Mutex
	tile *tile // nil while not kept
	err  error // why the image is unusable, once that is known
}

func newDomain(s source, channels int, o *Options, room *room, skip func(string, error)) *domain {
	return &domain{source: s, channels: channels, opt: o, room: room, skip: skip, entries: make([]entry, s.size())}
}

// errNothingReadable reports that the last image of a domain is damaged too.
var errNothingReadable = errors.New("no readable image")

// tile returns image i, or the next undamaged image after it, and the index of the one it returns.
func (d *domain) tile(i int) (*tile, int, error) {
	n := d.source.size()
	for k := range n {
		j := (i + k) % n
		if t := d.get(j); t != nil {
			return t, j, nil
		}
	}
	return nil, 0, fmt.Errorf("domain %s: %w: all %d are damaged, such as %s (%v)",
		d.source.title(), errNothingReadable, n, d.source.id(i), d.entries[i].err)
}

// get returns image i, or nil if it is damaged.
func (d *domain) get(i int) *tile {
	e := &d.entries[i]
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tile != nil || e.err != nil {
		return e.tile
	}
	t, err := d.decode(i)
	if err != nil {
		e.err = err
		d.skip(d.source.id(i), err)
		return nil
	}
	if d.room.take(int64(len(t.pix))) {
		e.tile = t
	}
	return t
}

func (d *domain) decode(i int) (*tile, error) {
	img, err := d.source.load(i)
	if err != nil {
		return nil, err
	}
	return d.opt.prepare(img, d.channels)
}

// room limits the memory of decoded images. An image that does not fit is decoded each time.
// Nothing is evicted: an epoch uses every image about once, so replacing one by another gains
// nothing.
type room struct {
	mu   sync.Mutex
	left int64 // bytes
}

func (r *room) take(n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n > r.left {
		return false
	}
	r.left -= n
	return true
}
