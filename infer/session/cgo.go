//go:build cgo

package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"cyclegan/third_party/native"
)

// A Session is a model that is ready to run. It may be used from several goroutines at once.
type Session struct {
	about   *Description
	options Options
	version string

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
	about, err := Describe(data)
	if err != nil {
		return nil, fmt.Errorf("open model %q: %w", path, err)
	}
	s, err := newSession(about, opt, func(in, out []string, o *ort.SessionOptions) (*ort.DynamicAdvancedSession, error) {
		if !about.External {
			return ort.NewDynamicAdvancedSessionWithONNXData(data, in, out, o)
		}
		return ort.NewDynamicAdvancedSession(path, in, out, o)
	})
	if err != nil {
		return nil, fmt.Errorf("open model %q: %w", path, err)
	}
	return s, nil
}

// New makes a session of the bytes of an ONNX file, which may be changed afterwards.
func New(model []byte, opt *Options) (*Session, error) {
	about, err := Describe(model)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	if about.External {
		return nil, errors.New("open model: its weights lie in files of their own: open it by its path")
	}
	s, err := newSession(about, opt, func(in, out []string, o *ort.SessionOptions) (*ort.DynamicAdvancedSession, error) {
		return ort.NewDynamicAdvancedSessionWithONNXData(model, in, out, o)
	})
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	return s, nil
}

type opener func(inputs, outputs []string, o *ort.SessionOptions) (*ort.DynamicAdvancedSession, error)

func newSession(about *Description, opt *Options, open opener) (_ *Session, err error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	if len(about.Inputs) == 0 {
		return nil, errors.New("the model has no inputs")
	}
	s := &Session{about: about, options: opt.resolved()}
	if err := acquire(s.options.Library); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	s.version = ort.GetVersion()
	settings, err := s.options.settings()
	if err != nil {
		return nil, err
	}
	defer settings.Destroy()
	if s.ort, err = open(names(about.Inputs), names(about.Outputs), settings); err != nil {
		if s.options.Provider == CUDA {
			return nil, cudaError(s.options.DeviceID, err)
		}
		return nil, reason(err)
	}
	return s, nil
}

// settings turns the options into ONNX Runtime's.
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
	if o.InterThreads > 1 {
		if err := so.SetExecutionMode(ort.ExecutionModeParallel); err != nil {
			return nil, err
		}
	}
	if o.Provider == CUDA {
		if err := useCUDA(so, o.DeviceID); err != nil {
			return nil, cudaError(o.DeviceID, err)
		}
	}
	return so, nil
}

func useCUDA(so *ort.SessionOptions, device int) error {
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer cuda.Destroy()
	if err := cuda.Update(map[string]string{"device_id": strconv.Itoa(device)}); err != nil {
		return err
	}
	return so.AppendExecutionProviderCUDA(cuda)
}

// cudaError tells a library without CUDA from a machine without it, since they are mended differently.
func cudaError(device int, err error) error {
	text := strings.ToLower(err.Error())
	if strings.Contains(text, "not enabled in this build") || strings.Contains(text, "libonnxruntime_providers_shared") {
		return fmt.Errorf("provider %q: the ONNX Runtime in use was built without CUDA: set %s to the folder of one with it (the capi folder of the package onnxruntime-gpu, 1.24.4 for CUDA 12), or use provider %q: %w",
			CUDA, native.EnvONNXRuntime, CPU, reason(err))
	}
	return fmt.Errorf("provider %q: GPU %d cannot be used: see with nvidia-smi that it is there and that CUDA and cuDNN are installed, or use provider %q: %w", CUDA, device, CPU, reason(err))
}

// reason drops what the wrapper says about its own C calls.
func reason(err error) error {
	text := err.Error()
	for _, prefix := range []string{"Error creating C session: ", "Error creating C session from file: ", "Error running network: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return fmt.Errorf("ONNX Runtime: %s", text)
}

func names(ports []Port) []string {
	n := make([]string, len(ports))
	for i, p := range ports {
		n[i] = p.Name
	}
	return n
}

// About is what the model says about itself. It must not be changed.
func (s *Session) About() *Description { return s.about }

// Version is that of the ONNX Runtime in use.
func (s *Session) Version() string { return s.version }

// Options are those in use, with the defaults filled in.
func (s *Session) Options() Options { return s.options }

// Run gives the model's outputs, in their order, for its inputs in theirs. The tensors' data must not change until Run returns.
// When ctx ends, the run is broken off after the operation that it is at, and the error is ctx's.
func (s *Session) Run(ctx context.Context, inputs ...Tensor) ([]Tensor, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, fmt.Errorf("run model: %w", ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("run model: %w", context.Cause(ctx))
	}
	if err := checkInputs(s.about.Inputs, inputs); err != nil {
		return nil, fmt.Errorf("run model: %w", err)
	}
	outputs, err := s.run(ctx, inputs)
	if err != nil {
		// ONNX Runtime's own words for a broken-off run say less than the context's.
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("run model: %w", err)
	}
	return outputs, nil
}

func (s *Session) run(ctx context.Context, inputs []Tensor) ([]Tensor, error) {
	// ONNX Runtime reads the tensors where they lie in Go's memory.
	var pins runtime.Pinner
	defer pins.Unpin()
	in := make([]ort.Value, len(inputs))
	for i, t := range inputs {
		pins.Pin(&t.Data[0])
		v, err := ort.NewTensor(ort.Shape(t.Shape), t.Data)
		if err != nil {
			return nil, err
		}
		defer v.Destroy()
		in[i] = v
	}
	out := make([]ort.Value, len(s.about.Outputs))
	defer func() {
		for _, v := range out {
			if v != nil {
				v.Destroy()
			}
		}
	}()
	for i, p := range s.about.Outputs {
		// The wrapper makes an output's tensor by itself, save for scalars.
		if p.Shape != nil && len(p.Shape) == 0 && p.Type == "float32" {
			v, err := ort.NewEmptyScalar[float32]()
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
	}
	if err := s.runUntil(ctx, in, out); err != nil {
		return nil, reason(err)
	}
	outputs := make([]Tensor, len(out))
	for i, v := range out {
		switch v := v.(type) {
		case *ort.Tensor[float32]:
			outputs[i] = Tensor{Shape: v.GetShape(), Data: v.GetData()}
		case *ort.Scalar[float32]:
			outputs[i] = Tensor{Shape: []int64{}, Data: []float32{v.GetData()}}
		default:
			return nil, fmt.Errorf("output %s is not float32: only float32 can be read", s.about.Outputs[i])
		}
	}
	return outputs, nil
}

// runUntil runs the network and breaks off when ctx ends.
func (s *Session) runUntil(ctx context.Context, in, out []ort.Value) error {
	if ctx.Done() == nil {
		return s.ort.Run(in, out)
	}
	opts, err := ort.NewRunOptions()
	if err != nil {
		return err
	}
	defer opts.Destroy()
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		opts.Terminate()
	})
	err = s.ort.RunWithOptions(in, out, opts)
	if !stop() {
		<-told // the options must outlive the call that uses them
	}
	return err
}

// Close frees the model after the runs that are under way. It may be called more than once.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(s.ort.Destroy(), release())
}
