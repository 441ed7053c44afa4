package serve

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"
)

// A gate bounds the images under way: by their pixels, which take memory, and by their number,
// because more than the processors can compute only take memory too.
//
// Those that wait are ordered by the time of their arrival plus a time in proportion to their
// pixels. So small images pass large ones, but only those that arrived a few seconds before. While
// the first of the order has no room, others may begin if they leave enough for it once the images
// before it are done: no image waits forever, and none waits for nothing.
type gate struct {
	capacity int64 // pixels under way
	least    int64 // pixels that an image counts as
	most     int   // images that may wait

	mu      sync.Mutex
	used    int64
	running int
	waiting []*ticket
	first   *ticket // the first of those that wait, at the last look
	passed  int64   // pixels of the images that have begun since then, and are still under way
	service float64 // seconds that an image takes, a moving average
}

type ticket struct {
	weight int64
	due    time.Time
	let    chan struct{} // closed when the image may begin
	before *ticket       // the first one when this one began, which it has passed
}

// lead is the time by which an image of the whole capacity lets smaller ones that arrive later
// pass.
const lead = 10 * time.Second

var errFull = errors.New("too many images are waiting")

// newGate returns a gate for a number of pixels, of places, and of images that may wait.
func newGate(capacity int64, places, most int) *gate {
	return &gate{capacity: capacity, least: max(1, capacity/int64(places)), most: most, service: 1}
}

// enter waits until an image of some pixels may begin. It fails with errFull if too many images
// wait, and with the cause of ctx. The caller calls leave when the image is done.
func (g *gate) enter(ctx context.Context, pixels int64) (leave func(), err error) {
	g.mu.Lock()
	// The largest image leaves room for one of the smallest.
	t := &ticket{weight: max(g.least, min(pixels, g.capacity-g.least)), let: make(chan struct{})}
	t.due = time.Now().Add(time.Duration(float64(lead) * float64(pixels) / float64(g.capacity)))
	i, _ := slices.BinarySearchFunc(g.waiting, t, func(a, b *ticket) int { return a.due.Compare(b.due) })
	g.waiting = slices.Insert(g.waiting, i, t)
	g.advance()
	if len(g.waiting) > g.most && !t.begun() {
		g.drop(t)
		g.mu.Unlock()
		return nil, errFull
	}
	g.mu.Unlock()
	select {
	case <-t.let:
	case <-ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		if t.begun() {
			g.end(t)
		} else {
			g.drop(t)
		}
		return nil, context.Cause(ctx)
	}
	began := time.Now()
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.service += (time.Since(began).Seconds() - g.service) / 16
		g.end(t)
	}, nil
}

func (t *ticket) begun() bool {
	select {
	case <-t.let:
		return true
	default:
		return false
	}
}

func (g *gate) end(t *ticket) {
	g.used -= t.weight
	g.running--
	if t.before != nil && t.before == g.first {
		g.passed -= t.weight
	}
	g.advance()
}

// drop removes an image that no longer waits.
func (g *gate) drop(t *ticket) {
	i := slices.Index(g.waiting, t)
	g.waiting = slices.Delete(g.waiting, i, i+1)
	g.advance()
}

// advance lets all images begin that may.
func (g *gate) advance() {
	for i := 0; i < len(g.waiting); {
		t := g.waiting[i]
		if i == 0 && t != g.first {
			g.first, g.passed = t, 0
		}
		if g.used+t.weight > g.capacity || i > 0 && g.passed+t.weight > g.capacity-g.first.weight {
			i++
			continue
		}
		if i > 0 {
			t.before = g.first
			g.passed += t.weight
		}
		g.used += t.weight
		g.running++
		close(t.let)
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
	if len(g.waiting) == 0 {
		g.first = nil
	}
}

// full reports whether an image would be refused, so that its file need not be read.
func (g *gate) full() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting) > 0 && len(g.waiting) >= g.most
}

// gateState is what a gate holds at a moment.
type gateState struct {
	running, waiting int
	pixels           int64
}

func (g *gate) state() gateState {
	g.mu.Lock()
	defer g.mu.Unlock()
	return gateState{g.running, len(g.waiting), g.used}
}

// retryAfter returns the number of seconds after which there is probably room in the queue.
func (g *gate) retryAfter() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	wait := g.service * float64(len(g.waiting)+1) / float64(max(g.running, 1))
	return int(min(max(math.Ceil(wait), 1), 60))
}
