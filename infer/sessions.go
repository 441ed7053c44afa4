package infer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"cyclegan/infer/internal/fastconv"
	"cyclegan/infer/onnx"
	"cyclegan/infer/session"
)

// runner is a session, or a wrapper of one.
type runner interface {
	About() *session.Description
	RunInto(ctx context.Context, outputs []session.Tensor, inputs ...session.Tensor) error
	Close() error
}

// arenaPixels is the size up to which an image runs in a session that keeps its memory between
// runs. That is faster, but takes more memory for larger images.
const arenaPixels = 512 * 512

// sessions are the ONNX Runtime sessions of a model. All but main are opened when they are needed.
type sessions struct {
	model   *onnx.Model
	options session.Options
	filters fastconv.Filters // in memory once for all sessions
	wrap    func(runner) runner

	main runner
	// concurrent has fewer threads than main, for images that are computed at the same time: runs
	// that share all threads wait for each other at the end of every operator. On two processors an
	// image of 256x256 takes a sixth less time. Its open is nil if there are no threads to divide.
	concurrent     lazy
	concurrentRuns atomic.Int32 // runs that started during another one
	// expectConcurrent lets the concurrent session do every run, so that main never takes memory
	// for one.
	expectConcurrent bool
	// lean keeps no memory between runs, for images of more than arenaPixels.
	lean lazy
}

// openSessions opens the main session and completes info.
func openSessions(model *onnx.Model, about *session.Description, info *Info, opt *session.Options) (*sessions, error) {
	s := &sessions{model: model, options: *opt}
	s.options.Inputs, s.options.Outputs = []string{info.Input.Name}, []string{info.Output.Name}
	opened, err := s.open(model, &s.options)
	if err != nil {
		return nil, errors.Join(err, s.filters.Close())
	}
	used := opened.Options()
	info.Runtime, info.Provider, info.Threads = opened.Version(), used.Provider, used.IntraThreads
	for _, r := range opened.Refused() {
		info.Refused = append(info.Refused, Refusal(r))
	}
	s.options.Provider, s.options.DeviceID = used.Provider, used.DeviceID // also if auto was requested
	s.options.IntraThreads = used.IntraThreads
	s.wrap = newBatchAxis(about, info).wrap
	s.main = s.wrap(opened)
	lean := s.options
	lean.NoArena = true
	s.lean.open = func() (runner, error) { return s.reopen(lean) }
	return s, nil
}

// splitThreads prepares the concurrent session, which has one nth of the threads.
func (s *sessions) splitThreads(n int) {
	if s.options.Provider != session.CPU || s.options.IntraThreads < 2 || n < 2 {
		return
	}
	o := s.options
	o.IntraThreads = max(1, o.IntraThreads/n)
	s.concurrent.open = func() (runner, error) { return s.reopen(o) }
}

// reopen opens another session for the model.
func (s *sessions) reopen(o session.Options) (runner, error) {
	opened, err := s.open(s.model, &o)
	if err != nil {
		return nil, err
	}
	return s.wrap(opened), nil
}

// open opens a session. On the CPU it replaces convolutions and float16 by forms that are faster
// there; other providers choose such forms themselves. A model with separate weight files is left
// as it is.
func (s *sessions) open(model *onnx.Model, o *session.Options) (*session.Session, error) {
	if o.Provider != "" && o.Provider != session.CPU {
		opened, err := session.OpenModel(model, o)
		if err != nil || opened.Options().Provider != session.CPU {
			return opened, err
		}
		defer opened.Close() // auto found nothing better than the CPU
	}
	if model.External() {
		return session.OpenModel(model, o)
	}
	r := fastconv.Rewrite(model, &s.filters)
	if r == nil {
		return session.OpenModel(model, o)
	}
	with := *o
	with.Constants = r.Inputs()
	// ONNX Runtime does not read the filters before the first run.
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Transform()
	}()
	opened, err := session.OpenModel(r.Model, &with)
	<-done
	return opened, err
}

// minConcurrentRuns is the number of concurrent runs up to which opening another session takes
// longer than it saves.
const minConcurrentRuns = 8

// pick returns the session for a run of w x h pixels.
func (s *sessions) pick(w, h int, concurrent bool) (runner, error) {
	if w*h > arenaPixels {
		return s.large()
	}
	if s.concurrent.open != nil && (s.expectConcurrent || concurrent && s.concurrentRuns.Add(1) > minConcurrentRuns) {
		return s.concurrent.get()
	}
	return s.main, nil
}

// large returns the session for large images and tiles. It saves memory of the CPU only.
func (s *sessions) large() (runner, error) {
	if s.options.Provider != session.CPU {
		return s.main, nil
	}
	return s.lean.get()
}

// acceptsBatches reports whether a run may take any number of images.
func (s *sessions) acceptsBatches() bool {
	_, wrapped := s.main.(*batchAxis)
	free := func(p onnx.Port) bool { return len(p.Shape) == 0 || p.Shape[0] < 0 }
	return !wrapped && free(s.main.About().Inputs[0]) && free(s.main.About().Outputs[0])
}

func (s *sessions) close() error {
	return errors.Join(s.main.Close(), s.concurrent.close(), s.lean.close(), s.filters.Close())
}

// lazy is a session that is opened when it is first needed.
type lazy struct {
	open func() (runner, error)

	mu  sync.Mutex
	run runner
}

func (l *lazy) get() (runner, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.run == nil {
		run, err := l.open()
		if err != nil {
			return nil, err
		}
		l.run = run
	}
	return l.run, nil
}

// close is called when nobody uses the session any more.
func (l *lazy) close() error {
	if l.run == nil {
		return nil
	}
	return l.run.Close()
}

// uses counts the translations under way, each of which may be several runs.
type uses struct {
	mu     sync.Mutex
	closed bool
	active sync.WaitGroup
}

func (u *uses) begin() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return session.ErrClosed
	}
	u.active.Add(1)
	return nil
}

func (u *uses) end() { u.active.Done() }

// close lets none begin, and waits for those that have begun.
func (u *uses) close() {
	u.mu.Lock()
	u.closed = true
	u.mu.Unlock()
	u.active.Wait()
}

// A limiter bounds the images that are in a model at once.
type limiter struct {
	size    int64 // shares
	unit    int   // pixels per share
	sem     *semaphore.Weighted
	running atomic.Int32
}

func newLimiter(size, unit int) *limiter {
	return &limiter{size: int64(size), unit: unit, sem: semaphore.NewWeighted(int64(size))}
}

// acquire waits until there is room for an image of w x h pixels. Concurrent reports whether
// another image is in the model.
func (l *limiter) acquire(ctx context.Context, w, h int) (release func(), concurrent bool, err error) {
	shares := min(l.size, int64((w*h-1)/l.unit+1))
	if err := l.sem.Acquire(ctx, shares); err != nil {
		return nil, false, context.Cause(ctx)
	}
	concurrent = l.running.Add(1) > 1
	return func() {
		l.running.Add(-1)
		l.sem.Release(shares)
	}, concurrent, nil
}
