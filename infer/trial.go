package infer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// sizes are what the sides of images are padded to.
type sizes struct{ multiple, least int }

// A trial finds the sizes that a model takes by running it. It begins when an image fails, for a
// model whose file and options do not tell.
type trial struct {
	wanted bool
	mu     sync.Mutex
	done   bool
	found  atomic.Pointer[sizes] // nil: nothing
}

// A sizeError is the failure of a run whose size may be the cause.
type sizeError struct {
	w, h int
	err  error
}

func (e *sizeError) Error() string {
	return fmt.Sprintf("the model does not take images of %dx%d: %v\nFix: if its sides must be multiples of a number, or have a least size, set Options.SizeMultiple or Options.MinSize", e.w, e.h, e.err)
}

func (e *sizeError) Unwrap() error { return e.err }

// failed returns the error of a run of W x H.
func (e *engine) failed(ctx context.Context, err error, W, H int) error {
	if !e.trial.wanted || ctx.Err() != nil {
		return err
	}
	return &sizeError{W, H, err}
}

// sizes returns what the sides of images are padded to.
func (e *engine) sizes() sizes {
	if s := e.trial.found.Load(); s != nil {
		return *s
	}
	return sizes{e.info.SizeMultiple, e.info.MinSize}
}

// trialSide is a size that every generator takes, except for some that take its multiples only.
const trialSide = 256

// learn reports whether another attempt may succeed after err: whether the sizes that the model
// takes have become known since before.
func (m *Model) learn(ctx context.Context, err error, before sizes) bool {
	var size *sizeError
	if !errors.As(err, &size) {
		return false
	}
	t := &m.trial
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.done {
		s := sizes{multiple: 1}
		for ; !m.takes(ctx, trialSide+s.multiple); s.multiple *= 2 {
			if ctx.Err() != nil {
				return false
			}
			if t.done = s.multiple == trialSide; t.done {
				return false
			}
		}
		for s.least = padded(1, s.multiple, m.info.MinSize); s.least < trialSide && !m.takes(ctx, s.least); s.least *= 2 {
		}
		if ctx.Err() != nil {
			return false
		}
		t.done = true
		t.found.Store(&s)
	}
	return m.sizes() != before
}

// takes reports whether the model takes a square image of the given side.
func (m *Model) takes(ctx context.Context, side int) bool {
	ws := m.workspace(m.in.Len(side, side))
	defer m.workspaces.Put(ws)
	clear(ws.in)
	_, err := m.run(ctx, m.sessions.main, ws, 1, side, side)
	var size *sizeError
	return ctx.Err() == nil && !errors.As(err, &size)
}
