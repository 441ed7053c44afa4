//go:build !cgo

package session

import "context"

const withCgo = false

type runtimeSession struct{}

func (s *Session) open(source) error                                       { return ErrNoCgo }
func (s *Session) run(ctx context.Context, inputs, outputs []Tensor) error { return ErrNoCgo }
func (s *Session) close() error                                            { return nil }

// Preload does nothing in a program that was built without cgo.
func Preload(opt *Options) {}

// Shutdown does nothing in a program that was built without cgo.
func Shutdown() error { return nil }
