//go:build !cgo

package session

import (
	"context"
	"fmt"

	"cyclegan/infer/onnx"
)

// A Session is a model that is ready to run. Without cgo there is none.
type Session struct{}

// Preload does nothing.
func Preload(opt *Options) (done func()) { return func() {} }

// Open gives an error: the program was built without cgo.
func Open(path string, opt *Options) (*Session, error) {
	return nil, fmt.Errorf("open model %q: %w", path, ErrNoCgo)
}

// New gives an error: the program was built without cgo.
func New(model []byte, opt *Options) (*Session, error) {
	return nil, fmt.Errorf("open model: %w", ErrNoCgo)
}

// OpenModel gives an error: the program was built without cgo.
func OpenModel(model *onnx.Model, opt *Options) (*Session, error) {
	return nil, fmt.Errorf("open model: %w", ErrNoCgo)
}

// About is what the model says about itself.
func (s *Session) About() *Description { return &Description{} }

// Version is that of the ONNX Runtime in use.
func (s *Session) Version() string { return "" }

// Options are those in use.
func (s *Session) Options() Options { return Options{} }

// Refused are the providers that [Auto] did not take.
func (s *Session) Refused() []Refusal { return nil }

// RunInto gives an error: the program was built without cgo.
func (s *Session) RunInto(ctx context.Context, outputs []Tensor, inputs ...Tensor) error {
	return fmt.Errorf("run model: %w", ErrNoCgo)
}

// Run gives an error: the program was built without cgo.
func (s *Session) Run(ctx context.Context, inputs ...Tensor) ([]Tensor, error) {
	return nil, fmt.Errorf("run model: %w", ErrNoCgo)
}

// Close does nothing.
func (s *Session) Close() error { return nil }
