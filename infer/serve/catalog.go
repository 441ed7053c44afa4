package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cyclegan/infer"
	"cyclegan/infer/batch"
	"cyclegan/infer/session"
)

// A translator is an open generator. *infer.Model implements it.
type translator interface {
	batch.Translator
	Info() infer.Info
	Close() error
}

// An opener opens a generator.
type opener func(Generator, *infer.Options) (translator, error)

func openGenerator(g Generator, o *infer.Options) (translator, error) {
	if g.Path != "" {
		return infer.Open(g.Path, o)
	}
	return infer.New(g.Data, o)
}

// A tensorModel is the network of a generator as it is in the file. *session.Session implements it.
type tensorModel interface {
	About() *session.Description
	Run(ctx context.Context, inputs ...session.Tensor) ([]session.Tensor, error)
	Close() error
}

func openTensors(g Generator, o *infer.Options) (tensorModel, error) {
	// Large tensors are rare, and their memory must not stay.
	so := &session.Options{Library: o.Library, Provider: o.Provider, DeviceID: o.DeviceID, ProviderOptions: o.ProviderOptions,
		IntraThreads: o.Threads, NoArena: true}
	if g.Path != "" {
		return session.Open(g.Path, so)
	}
	return session.New(g.Data, so)
}

// A catalog holds the generators that are served. One whose file changes is replaced as a whole:
// requests that use it finish, and it is closed after the last of them.
type catalog struct {
	opt     *Options
	open    opener
	tensors func(Generator, *infer.Options) (tensorModel, error)
	metrics *metrics

	refreshing sync.Mutex
	found      [][]Generator     // at the last refresh, by source
	seen       map[string]string // version at the last refresh, by key
	failed     map[string]string // version of what could not be opened, by key

	mu    sync.Mutex
	list  []*network // in the order of the sources; replaced as a whole
	clock int64      // counts uses
}

// A keyed generator has a key that identifies it across its versions.
type keyed struct {
	Generator
	key string
}

// A network is a generator with what is known about it.
type network struct {
	keyed     // as it was when its file was opened
	info      infer.Info
	direction string
	id        string // names it alone, while Model may name two
	latest    atomic.Pointer[Generator]
	opening   sync.Mutex

	// Guarded by catalog.mu.
	model   translator  // nil: not in memory
	raw     tensorModel // nil: not in memory
	refs    int         // requests that use it
	used    int64       // the clock at its last use
	retired bool        // no longer in the list
}

// errGone is the error of using a generator that has been replaced or removed since it was found.
var errGone = errors.New("the model has been removed")

func newCatalog(o *Options, open opener, m *metrics) *catalog {
	return &catalog{opt: o, open: open, tensors: openTensors, metrics: m,
		found: make([][]Generator, len(o.Sources)), failed: map[string]string{}}
}

// watch refreshes the catalog until ctx ends.
func (c *catalog) watch(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		text := ""
		if err := c.refresh(); err != nil {
			text = err.Error()
		}
		if text != last && text != "" {
			c.opt.Log.Error("models cannot be read; the previous ones stay", "error", text)
		}
		last = text
	}
}

// collect returns what the sources find. A file that several of them find is one generator. A
// source that fails keeps what it found before, and collect returns its error too.
func (c *catalog) collect() (found []keyed, err error) {
	taken := map[string]bool{}
	for i, source := range c.opt.Sources {
		generators, failed := source.Find()
		if failed == nil {
			c.found[i] = generators
		}
		err = errors.Join(err, failed)
		for _, g := range c.found[i] {
			key := cmp.Or(g.Path, g.Model+"/"+g.Direction)
			if g.Path != "" && taken[key] {
				continue
			}
			for taken[key] { // the networks record their directions
				key += "+"
			}
			taken[key] = true
			found = append(found, keyed{g, key})
		}
	}
	return found, err
}

// refresh makes the catalog what the sources find. A new version that cannot be opened leaves the
// previous one in place. The error is about a source, or about ONNX Runtime.
func (c *catalog) refresh() error {
	c.refreshing.Lock()
	defer c.refreshing.Unlock()
	found, failed := c.collect()
	if failed != nil && c.seen == nil {
		return failed // at the start, every source must work
	}
	before := c.networks()
	old := map[string]*network{}
	for _, n := range before {
		old[n.key] = n
	}
	seen, owner := map[string]string{}, map[string]string{} // keys of names: who has one keeps it
	for _, g := range found {
		seen[g.key] = g.Version
		if n := old[g.key]; n != nil {
			owner[n.id] = g.key
		}
	}
	var list []*network
	for _, g := range found {
		key := g.key
		n := old[key]
		// A file whose version was another one a moment ago may still be written to.
		settled := c.seen == nil || c.seen[key] == g.Version
		bad, known := c.failed[key]
		if settled && (n == nil || n.Version != g.Version) && !(known && bad == g.Version) {
			loaded, err := c.load(g)
			switch {
			case errors.As(err, new(*session.NotFoundError)), errors.Is(err, session.ErrNoCgo):
				return err
			case err != nil:
				c.fail(g, err)
			case cmp.Or(owner[loaded.id], key) != key:
				c.retire(loaded)
				c.fail(g, fmt.Errorf("another model has the name %s", loaded.id))
			default:
				n = loaded
				owner[n.id] = key
			}
		}
		if n != nil {
			n.latest.Store(&g.Generator)
			list = append(list, n)
		}
	}
	c.seen = seen
	if !slices.Equal(list, before) {
		clear(c.failed) // what failed because of a name may work now
		c.publish(list)
	}
	return failed
}

func (c *catalog) load(g keyed) (*network, error) {
	if err := g.validate(); err != nil {
		return nil, err
	}
	model, err := c.openModel(g.Generator)
	if err != nil {
		return nil, err
	}
	n := &network{keyed: g, info: model.Info(), model: model}
	n.direction = cmp.Or(n.info.Direction, g.Direction, "AtoB")
	n.id = n.Model + "-" + n.direction
	c.opt.Log.Info("model loaded", "model", n.id, "is", n.info.Name())
	return n, nil
}

func (c *catalog) openModel(g Generator) (translator, error) {
	o := c.opt.Infer
	model, err := c.open(g, &o)
	c.metrics.loaded(err)
	return model, err
}

func (c *catalog) fail(g keyed, err error) {
	c.failed[g.key] = g.Version
	c.opt.Log.Error("model cannot be served", "model", g.Model, "error", err)
}

// publish makes list the catalog, and retires what is no longer in it.
func (c *catalog) publish(list []*network) {
	c.mu.Lock()
	before := c.list
	c.list = list
	c.mu.Unlock()
	for _, n := range before {
		if !slices.Contains(list, n) {
			c.opt.Log.Info("model retired", "model", n.id)
			c.retire(n)
		}
	}
	c.closeIdle()
}

// networks returns the generators that are served.
func (c *catalog) networks() []*network {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list
}

// find returns the generator of a model for a direction. An empty model is the first one, an empty
// direction the first one of the model.
func (c *catalog) find(model, direction string) (*network, error) {
	var names, directions []string
	for _, n := range c.networks() {
		names = append(names, n.Model)
		if n.Model != cmp.Or(model, names[0]) {
			continue
		}
		if direction == "" || direction == n.direction {
			return n, nil
		}
		directions = append(directions, n.direction)
	}
	switch {
	case len(names) == 0:
		return nil, problemf(http.StatusServiceUnavailable, "no model is served at the moment")
	case len(directions) > 0:
		return nil, problemf(http.StatusNotFound, "model %q has no direction %q, only %s", cmp.Or(model, names[0]), direction, strings.Join(directions, " and "))
	}
	return nil, problemf(http.StatusNotFound, "no model %q; there are: %s", model, strings.Join(slices.Compact(names), ", "))
}

// lookup returns the generator with an id.
func (c *catalog) lookup(id string) (*network, error) {
	var ids []string
	for _, n := range c.networks() {
		if n.id == id {
			return n, nil
		}
		ids = append(ids, n.id)
	}
	return nil, problemf(http.StatusNotFound, "no model %q; there are: %s", id, strings.Join(ids, ", "))
}

// acquire returns the model of a generator, which it opens if it is not in memory. The caller
// releases it.
func (c *catalog) acquire(n *network) (model translator, release func(), err error) {
	c.mu.Lock()
	if n.retired {
		c.mu.Unlock()
		return nil, nil, errGone
	}
	n.refs++
	c.clock++
	n.used = c.clock
	c.mu.Unlock()
	release = func() { c.release(n) }
	n.opening.Lock()
	defer n.opening.Unlock()
	if model = c.opened(n); model != nil {
		return model, release, nil
	}
	if model, err = c.openModel(n.Generator); err != nil {
		release()
		return nil, nil, err
	}
	c.mu.Lock()
	n.model = model
	c.mu.Unlock()
	c.closeIdle()
	return model, release, nil
}

// acquireTensors is acquire for the network as it is in the file.
func (c *catalog) acquireTensors(n *network) (raw tensorModel, release func(), err error) {
	_, release, err = c.acquire(n)
	if err != nil {
		return nil, nil, err
	}
	n.opening.Lock()
	defer n.opening.Unlock()
	c.mu.Lock()
	raw = n.raw
	c.mu.Unlock()
	if raw != nil {
		return raw, release, nil
	}
	raw, err = c.tensors(n.Generator, &c.opt.Infer)
	c.metrics.loaded(err)
	if err != nil {
		release()
		return nil, nil, err
	}
	c.mu.Lock()
	n.raw = raw
	c.mu.Unlock()
	return raw, release, nil
}

func (c *catalog) opened(n *network) translator {
	c.mu.Lock()
	defer c.mu.Unlock()
	return n.model
}

func (c *catalog) release(n *network) {
	c.mu.Lock()
	n.refs--
	surplus := n.takeRetired()
	c.mu.Unlock()
	closeModels(surplus)
	c.closeIdle()
}

// retire closes a generator as soon as no request uses it.
func (c *catalog) retire(n *network) {
	c.mu.Lock()
	n.retired = true
	surplus := n.takeRetired()
	c.mu.Unlock()
	closeModels(surplus)
}

// takeRetired returns the model if nobody will use it again.
func (n *network) takeRetired() []io.Closer {
	if !n.retired || n.refs > 0 {
		return nil
	}
	return n.take()
}

func (n *network) take() (open []io.Closer) {
	if n.model != nil {
		open = append(open, n.model)
	}
	if n.raw != nil {
		open = append(open, n.raw)
	}
	n.model, n.raw = nil, nil
	return open
}

// closeIdle closes the generators that have not been used for the longest time, if more than
// Options.MaxOpen are in memory.
func (c *catalog) closeIdle() {
	c.mu.Lock()
	var idle []*network
	open := 0
	for _, n := range c.list {
		if n.model != nil {
			open++
			if n.refs == 0 {
				idle = append(idle, n)
			}
		}
	}
	slices.SortFunc(idle, func(a, b *network) int { return cmp.Compare(a.used, b.used) })
	var surplus []io.Closer
	for _, n := range idle[:min(len(idle), max(open-c.opt.MaxOpen, 0))] {
		surplus = append(surplus, n.take()...)
	}
	c.mu.Unlock()
	closeModels(surplus)
}

// count returns the number of generators in memory.
func (c *catalog) count() (open int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.list {
		if n.model != nil {
			open++
		}
	}
	return open
}

func (c *catalog) close() error {
	c.publish(nil)
	return nil
}

func closeModels(models []io.Closer) {
	for _, m := range models {
		m.Close() // frees memory only
	}
}
