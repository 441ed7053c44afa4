package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"cyclegan/infer/onnx"
)

// A Session is a model that is ready to run. It is safe for concurrent use.
type Session struct {
	about   *Description
	options Options
	version string
	refused []Refusal
	shapes  shapes

	mu      sync.RWMutex // held for reading by runs, so that Close waits for them
	runtime runtimeSession
	closed  bool
}

// Open opens the ONNX file at path. External weights are read from its folder.
func Open(path string, opt *Options) (*Session, error) {
	if !withCgo {
		return nil, fmt.Errorf("open model %q: %w", path, ErrNoCgo)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	s, err := parseAndOpen(data, filepath.Dir(path), opt)
	if err != nil {
		return nil, fmt.Errorf("open model %q: %w", path, err)
	}
	return s, nil
}

// New opens the content of an ONNX file. The caller may change model afterwards.
func New(model []byte, opt *Options) (*Session, error) {
	s, err := parseAndOpen(model, "", opt)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	return s, nil
}

// OpenModel opens a parsed model. External weights are read from its Dir.
func OpenModel(model *onnx.Model, opt *Options) (*Session, error) {
	s, err := newSession(model, nil, opt)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	return s, nil
}

func parseAndOpen(data []byte, folder string, opt *Options) (*Session, error) {
	if !withCgo {
		return nil, ErrNoCgo
	}
	m, err := onnx.Parse(data)
	if err != nil {
		return nil, err
	}
	m.Dir = folder
	return newSession(m, data, opt)
}

// A source is what ONNX Runtime opens.
type source struct {
	data            []byte
	folder          string   // of external weights; empty if ONNX Runtime needs none
	inputs, outputs []string // constants are the last inputs
	constants       []string
}

// newSession opens a model. data is the encoded model, or nil to encode it.
func newSession(parsed *onnx.Model, data []byte, opt *Options) (*Session, error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	s := &Session{options: opt.resolved()}
	about := Describe(parsed)
	constants, err := about.removeConstants(s.options.Constants)
	if err != nil {
		return nil, err
	}
	if s.about, err = about.Select(s.options.Inputs, s.options.Outputs); err != nil {
		return nil, err
	}
	if len(s.about.Inputs) == 0 {
		return nil, errors.New("the model has no inputs")
	}
	m := source{data: data, inputs: slices.Concat(portNames(s.about.Inputs), constants), constants: constants}
	wide, outputs, err := widened(parsed, s.about.Outputs)
	if err != nil {
		return nil, err
	}
	m.outputs = outputs
	switch {
	case about.External && parsed.Dir == "":
		return nil, errors.New("the model has external weights. Fix: open it by its path")
	case about.External:
		if m.folder, err = filepath.Abs(parsed.Dir); err != nil {
			return nil, err
		}
	case parsed.Subgraphs():
		// ONNX Runtime before 1.29 asks for the folder of a model when it optimizes the body of an
		// If or Loop that uses weights from outside, although it reads nothing there
		// (https://github.com/microsoft/onnxruntime/issues/28267).
		m.folder = os.DevNull
	}
	if data == nil || wide != parsed {
		m.data = wide.Encode()
	}
	if err := s.open(m); err != nil {
		return nil, err
	}
	return s, nil
}

// About describes the model, with the selected inputs and outputs. The caller must not change it.
func (s *Session) About() *Description { return s.about }

// Version returns the version of ONNX Runtime.
func (s *Session) Version() string { return s.version }

// Options returns the options in use with their defaults filled in. Provider is the one that runs
// the model, even if [Auto] was requested.
func (s *Session) Options() Options { return s.options }

// Refused lists the providers that [Auto] tried before the one in use, with the reasons.
func (s *Session) Refused() []Refusal { return s.refused }

// Run runs the model and returns its outputs in order. The caller must not change the inputs' data
// until Run returns. When ctx ends, the run stops after its current operation with ctx's error.
//
// Inputs of other types than float32 are rounded half to even and clamped to the type's range.
// Outputs are rounded to float32, which is inexact only for float64 and for integers above 24 bits.
func (s *Session) Run(ctx context.Context, inputs ...Tensor) ([]Tensor, error) {
	if s.about == nil {
		return nil, fmt.Errorf("run model: %w", ErrNoCgo)
	}
	outputs := make([]Tensor, len(s.about.Outputs))
	if err := s.RunInto(ctx, outputs, inputs...); err != nil {
		return nil, err
	}
	return outputs, nil
}

// RunInto is [Session.Run] that reuses the memory of outputs, which has one Tensor, zero at first,
// for each of the model's outputs. Outputs must not share memory with inputs or with concurrent
// runs. After an error their values are undefined.
func (s *Session) RunInto(ctx context.Context, outputs []Tensor, inputs ...Tensor) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.runInto(ctx, outputs, inputs); err != nil {
		return fmt.Errorf("run model: %w", err)
	}
	return nil
}

func (s *Session) runInto(ctx context.Context, outputs, inputs []Tensor) error {
	if s.closed {
		return ErrClosed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if len(outputs) != len(s.about.Outputs) {
		return fmt.Errorf("the model has %d outputs (%s), but there are tensors for %d", len(s.about.Outputs), portList(s.about.Outputs), len(outputs))
	}
	if err := checkInputs(s.about.Inputs, inputs); err != nil {
		return err
	}
	err := s.run(ctx, inputs, outputs)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx) // says more than ONNX Runtime's error
	}
	return err
}

// Close waits for the current runs and frees the model. It may be called more than once.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.close()
}
