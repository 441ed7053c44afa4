package dataset

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// domain is one side of a dataset: its pictures, and those kept decoded.
type domain struct {
	source   source
	channels int
	opt      *Options
	room     *room // shared by all domains
	report   func(name string, err error)
	entries  []entry
	decoded  atomic.Int64
	cached   atomic.Int64
}

// entry is the state of one picture. Its lock is held while the picture is
// decoded, so that two threads that want it do the work once.
type entry struct {
	mu   sync.Mutex
	tile *tile // nil while not kept
	err  error // why it cannot be used, once that is known
}

func newDomain(s source, channels int, o *Options, room *room, report func(string, error)) *domain {
	return &domain{source: s, channels: channels, opt: o, room: room, report: report, entries: make([]entry, s.size())}
}

// errNothingReadable is what a domain comes to whose last picture turns out
// damaged.
var errNothingReadable = errors.New("no picture can be read")

// tile returns picture i, or where that one is damaged the next that is not,
// with the index it has found.
func (d *domain) tile(i int) (*tile, int, error) {
	n := d.source.size()
	for k := range n {
		j := (i + k) % n
		if t := d.get(j); t != nil {
			return t, j, nil
		}
	}
	return nil, 0, fmt.Errorf("domain %s: %w: all %d are damaged, %s among them (%v)",
		d.source.title(), errNothingReadable, n, d.source.name(i), d.entries[i].err)
}

// get returns picture i, nil when it is damaged.
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
		d.report(d.source.name(i), err)
		return nil
	}
	if size := int64(len(t.pix)); d.room.take(size) {
		e.tile = t
		d.cached.Add(size)
	}
	return t
}

func (d *domain) decode(i int) (*tile, error) {
	d.decoded.Add(1)
	img, err := d.source.load(i)
	if err != nil {
		return nil, err
	}
	return d.opt.prepare(img, d.channels)
}

// room bounds the memory of kept pictures. What does not fit is decoded anew
// each time, and nothing is evicted: an epoch uses every picture about once, so
// throwing one out for another gains nothing.
type room struct {
	mu   sync.Mutex
	left int64
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
