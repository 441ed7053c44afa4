//go:build cgo

package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"cyclegan/infer/onnx"
)

// A Session is a model that is ready to run. It may be used from several goroutines at once.
type Session struct {
	about   *Description
	options Options
	version string
	refused []Refusal
	shapes  shapes
	// constants go into every run after its own inputs.
	constants []ort.Value

	// mu lets runs go side by side and makes Close wait for them.
	mu     sync.RWMutex
	ort    *ort.DynamicAdvancedSession
	closed bool
}

// Open reads the model at path. Weights that lie in files beside it are found there.
func Open(path string, opt *Options) (*Session, error) {
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

// New makes a session of the bytes of an ONNX file, which may be changed afterwards.
func New(model []byte, opt *Options) (*Session, error) {
	s, err := parseAndOpen(model, "", opt)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	return s, nil
}

// OpenModel makes a session of a model that is already parsed. External weights are read from its Dir.
func OpenModel(model *onnx.Model, opt *Options) (*Session, error) {
	s, err := newSession(model, nil, opt)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	return s, nil
}

func parseAndOpen(data []byte, folder string, opt *Options) (*Session, error) {
	m, err := onnx.Parse(data)
	if err != nil {
		return nil, err
	}
	m.Dir = folder
	return newSession(m, data, opt)
}

// newSession makes a session of a model. data is the encoded model, nil to encode it here.
func newSession(parsed *onnx.Model, data []byte, opt *Options) (_ *Session, err error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	s := &Session{options: opt.resolved()}
	about := Describe(parsed)
	names, err := about.fix(s.options.Constants)
	if err != nil {
		return nil, err
	}
	if s.about, err = about.Select(s.options.Inputs, s.options.Outputs); err != nil {
		return nil, err
	}
	if len(s.about.Inputs) == 0 {
		return nil, errors.New("the model has no inputs")
	}
	m := model{inputs: slices.Concat(portNames(s.about.Inputs), names)}
	wide, outputs, err := widened(parsed, s.about.Outputs)
	if err != nil {
		return nil, err
	}
	m.outputs = outputs
	if about.External {
		if parsed.Dir == "" {
			return nil, errors.New("its weights are in files of their own. Fix: open it by its path")
		}
		if m.folder, err = filepath.Abs(parsed.Dir); err != nil {
			return nil, err
		}
	}
	if m.data = data; data == nil || wide != parsed {
		m.data = wide.Encode()
	}
	r, err := acquire(s.options.Library, s.options.Provider)
	if err != nil {
		return nil, err
	}
	s.version = r.version
	if err = s.makeConstants(names); err == nil {
		err = s.open(m, r)
	}
	if err != nil {
		destroy(s.constants)
		return nil, errors.Join(err, release())
	}
	return s, nil
}

// A model is what ONNX Runtime opens.
type model struct {
	data            []byte
	folder          string // of the weights that are not in data; empty if all are
	inputs, outputs []string
}

// open gives the model to the first provider that works.
func (s *Session) open(m model, r runtimeInUse) error {
	asked := s.options
	var last error
	for _, p := range asked.candidates(runtime.GOOS) {
		s.options.Provider = p.name
		if asked.Provider == Auto && !p.device {
			s.options.DeviceID = 0 // the GPU's, not this one's
		}
		last = withSignals(func() (err error) {
			s.ort, err = p.open(m, s.options, r)
			return err
		})
		if last == nil {
			return nil
		}
		s.refused = append(s.refused, Refusal{p.name, last})
		s.options = asked
	}
	return last
}

// open gives the model to the provider.
func (p provider) open(m model, o Options, r runtimeInUse) (*ort.DynamicAdvancedSession, error) {
	so, err := o.settings()
	if err != nil {
		return nil, err
	}
	defer so.Destroy()
	if m.folder != "" {
		if err := so.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", m.folder); err != nil {
			return nil, reason(err)
		}
	}
	if err := p.use(so, o, r); err != nil {
		return nil, err
	}
	s, err := ort.NewDynamicAdvancedSessionWithONNXData(m.data, m.inputs, m.outputs, so)
	switch {
	case err == nil:
		return s, nil
	case p.name == CPU:
		return nil, reason(err)
	}
	return nil, p.failed(o, err)
}

// settings turns the options that concern every provider into ONNX Runtime's.
func (o Options) settings() (_ *ort.SessionOptions, err error) {
	so, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			so.Destroy()
		}
	}()
	if err := so.SetLogSeverityLevel(ort.LoggingLevelFatal); err != nil {
		return nil, err
	}
	if err := so.SetIntraOpNumThreads(o.IntraThreads); err != nil {
		return nil, err
	}
	if err := so.SetInterOpNumThreads(o.InterThreads); err != nil {
		return nil, err
	}
	if err := so.SetCpuMemArena(!o.NoArena); err != nil {
		return nil, err
	}
	if o.InterThreads > 1 {
		if err := so.SetExecutionMode(ort.ExecutionModeParallel); err != nil {
			return nil, err
		}
	}
	return so, nil
}

// whereInSource is what ONNX Runtime says first about a fault of a provider: file, function and a number.
var whereInSource = regexp.MustCompile(`^\S+\.(cc|h):\d+ .*?\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : `)

// reason drops what the wrapper says about its own C calls, and ONNX Runtime about its source.
func reason(err error) error {
	text := whereInSource.ReplaceAllString(err.Error(), "")
	for _, prefix := range []string{"Error creating C session: ", "Error creating C session from file: ", "Error running network: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return fmt.Errorf("ONNX Runtime: %s", text)
}

// About is what the model says about itself: the inputs and outputs are those that were chosen. It must not be changed.
func (s *Session) About() *Description { return s.about }

// Version is that of the ONNX Runtime in use.
func (s *Session) Version() string { return s.version }

// Options are those in use, with the defaults filled in. The provider is the one that the model runs on, also where [Auto] was asked for.
func (s *Session) Options() Options { return s.options }

// Refused says which providers [Auto] would have preferred and why each was not taken. It is empty for a provider that was named.
func (s *Session) Refused() []Refusal { return s.refused }

// Run gives the model's outputs, in their order, for its inputs in theirs. The tensors' data must not change until Run returns.
// When ctx ends, the run is broken off after the operation that it is at, and the error is ctx's.
//
// An input of another type than float32 gets its values rounded to the nearest that the type has, ties to even;
// whole numbers are clamped to the type's range. An output of another type is rounded to float32, which is exact for all but
// float64 and whole numbers of more than 24 bits.
func (s *Session) Run(ctx context.Context, inputs ...Tensor) ([]Tensor, error) {
	outputs := make([]Tensor, len(s.about.Outputs))
	if err := s.RunInto(ctx, outputs, inputs...); err != nil {
		return nil, err
	}
	return outputs, nil
}

// RunInto is [Session.Run] with the memory of earlier outputs: outputs has a Tensor for each of the model's, the zero Tensor at first,
// and what their data has room for is written there. Runs that go side by side need outputs of their own, and outputs must not share
// memory with inputs. After an error the outputs' values are of no use.
func (s *Session) RunInto(ctx context.Context, outputs []Tensor, inputs ...Tensor) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return fmt.Errorf("run model: %w", ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("run model: %w", context.Cause(ctx))
	}
	if len(outputs) != len(s.about.Outputs) {
		return fmt.Errorf("run model: it gives %d outputs (%s), and there are tensors for %d", len(s.about.Outputs), portList(s.about.Outputs), len(outputs))
	}
	if err := checkInputs(s.about.Inputs, inputs); err != nil {
		return fmt.Errorf("run model: %w", err)
	}
	if err := s.run(ctx, inputs, outputs); err != nil {
		// ONNX Runtime's own words for a broken-off run say less than the context's.
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("run model: %w", err)
	}
	return nil
}

// Close frees the model after the runs that are under way. It may be called more than once.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	err := withSignals(s.ort.Destroy)
	destroy(s.constants)
	return errors.Join(err, release())
}
