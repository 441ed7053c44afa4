//go:build cgo

package session

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"runtime"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"cyclegan/infer/onnx"
)

const withCgo = true

// A runtimeSession holds what ONNX Runtime owns.
type runtimeSession struct {
	session   *ort.DynamicAdvancedSession
	constants []ort.Value // passed to every run after its own inputs
}

// open opens the model with the first provider that works.
func (s *Session) open(m source) error {
	r, err := acquire(s.options.Library, s.options.Provider)
	if err != nil {
		return err
	}
	s.version = r.version
	if err = s.makeConstants(m.constants); err == nil {
		err = s.tryProviders(m, r)
	}
	if err != nil {
		destroy(s.runtime.constants)
		release()
	}
	return err
}

func (s *Session) makeConstants(names []string) error {
	for _, name := range names {
		c := s.options.Constants[name]
		v, err := ort.NewTensor(ort.Shape(c.Shape), c.Data)
		if err != nil {
			return fmt.Errorf("constant %q: %w", name, runtimeError(err))
		}
		s.runtime.constants = append(s.runtime.constants, v)
	}
	return nil
}

func (s *Session) tryProviders(m source, r runtimeInUse) error {
	asked := s.options
	var last error
	for _, p := range asked.candidates(runtime.GOOS) {
		s.options.Provider = p.name
		if asked.Provider == Auto && !p.device {
			s.options.DeviceID = 0 // the number is a GPU's
		}
		last = withSignals(func() (err error) {
			s.runtime.session, err = p.open(m, s.options, r)
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

func (p provider) open(m source, o Options, r runtimeInUse) (*ort.DynamicAdvancedSession, error) {
	so, err := o.settings()
	if err != nil {
		return nil, err
	}
	defer so.Destroy()
	if m.folder != "" {
		if err := so.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", m.folder); err != nil {
			return nil, runtimeError(err)
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
		return nil, runtimeError(err)
	}
	return nil, p.failed(o, err)
}

// settings returns the session options that do not depend on the provider.
func (o Options) settings() (*ort.SessionOptions, error) {
	so, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		so.SetLogSeverityLevel(ort.LoggingLevelFatal),
		so.SetIntraOpNumThreads(o.IntraThreads),
		so.SetInterOpNumThreads(o.InterThreads),
		so.SetCpuMemArena(!o.NoArena))
	if err == nil && o.InterThreads > 1 {
		err = so.SetExecutionMode(ort.ExecutionModeParallel)
	}
	if err != nil {
		so.Destroy()
		return nil, err
	}
	return so, nil
}

// sourceLine is what ONNX Runtime puts before an error of a provider: file, function and a number.
var sourceLine = regexp.MustCompile(`^\S+\.(cc|h):\d+ .*?\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : `)

// runtimeError removes what the wrapper says about its C calls and ONNX Runtime about its source.
func runtimeError(err error) error {
	text := sourceLine.ReplaceAllString(err.Error(), "")
	for _, prefix := range []string{"Error creating C session: ", "Error creating C session from file: ", "Error running network: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return fmt.Errorf("ONNX Runtime: %s", text)
}

func (s *Session) close() error {
	defer release()
	if !usable() {
		return nil // the model went with the environment
	}
	destroy(s.runtime.constants)
	return withSignals(s.runtime.session.Destroy)
}

// run fills outputs. If the output shapes are known from an earlier run, ONNX Runtime writes into
// Go's memory; otherwise it allocates the outputs and they are copied.
func (s *Session) run(ctx context.Context, inputs, outputs []Tensor) error {
	if !ort.IsInitialized() {
		return ErrDestroyed
	}
	var pins runtime.Pinner
	defer pins.Unpin()
	in := make([]ort.Value, len(inputs), len(inputs)+len(s.runtime.constants))
	defer destroy(in)
	for i, t := range inputs {
		v, err := converters[s.about.Inputs[i].Type].value(t, &pins)
		if err != nil {
			return err
		}
		in[i] = v
	}
	all := append(in, s.runtime.constants...)
	known := s.shapes.find(inputs)
	out := make([]ort.Value, len(outputs))
	defer func() { destroy(out) }()
	if err := s.prepare(out, outputs, known, &pins); err != nil {
		return err
	}
	err := s.runUntil(ctx, all, out)
	if err != nil && known != nil && ctx.Err() == nil {
		// The output shapes may depend on the input values. Let ONNX Runtime allocate.
		destroy(out)
		clear(out)
		if err := s.prepare(out, outputs, nil, &pins); err != nil {
			return err
		}
		if s.runUntil(ctx, all, out) == nil {
			s.shapes.forget()
			err = nil
		}
	}
	if err != nil {
		return runtimeError(err)
	}
	for i, v := range out {
		if err := read(s.about.Outputs[i], &outputs[i], v); err != nil {
			return err
		}
	}
	s.shapes.learn(inputs, outputs)
	return nil
}

func destroy(values []ort.Value) {
	for _, v := range values {
		if v != nil {
			v.Destroy()
		}
	}
}

// prepare makes the outputs whose shapes are known. ONNX Runtime makes those that stay nil.
func (s *Session) prepare(out []ort.Value, outputs []Tensor, known [][]int64, pins *runtime.Pinner) error {
	for i, p := range s.about.Outputs {
		var err error
		switch {
		case p.Type != onnx.Float32 && !narrow(p):
		case p.Shape != nil && len(p.Shape) == 0:
			// The wrapper cannot read scalars that ONNX Runtime allocates.
			out[i], err = ort.NewEmptyScalar[float32]()
		case known != nil && len(known[i]) > 0:
			out[i], err = pinned(known[i], resize(outputs[i].Data, elementCount(known[i])), pins)
		}
		if err != nil {
			out[i] = nil
			return err
		}
	}
	return nil
}

// A converter makes and reads tensors of one element type.
type converter struct {
	value func(Tensor, *runtime.Pinner) (ort.Value, error)
	read  func(out []float32, v ort.Value) ([]float32, bool)
}

var converters = map[onnx.DataType]converter{
	onnx.Float32: {value: func(t Tensor, pins *runtime.Pinner) (ort.Value, error) { return pinned(t.Shape, t.Data, pins) }},
	onnx.Float64: {
		func(t Tensor, pins *runtime.Pinner) (ort.Value, error) {
			return pinned(t.Shape, convert[float64](nil, t.Data), pins)
		},
		readAs[float64],
	},
	onnx.Float16:  converter16(onnx.EncodeFloat16, ort.TensorElementDataTypeFloat16),
	onnx.BFloat16: converter16(onnx.EncodeBFloat16, ort.TensorElementDataTypeBFloat16),
	onnx.Uint8:    integerConverter[uint8](0, math.MaxUint8),
	onnx.Int8:     integerConverter[int8](math.MinInt8, math.MaxInt8),
	onnx.Uint16:   integerConverter[uint16](0, math.MaxUint16),
	onnx.Int16:    integerConverter[int16](math.MinInt16, math.MaxInt16),
	onnx.Uint32:   integerConverter[uint32](0, math.MaxUint32),
	onnx.Int32:    integerConverter[int32](math.MinInt32, math.MaxInt32),
	onnx.Uint64:   integerConverter[uint64](0, math.MaxUint64),
	onnx.Int64:    integerConverter[int64](math.MinInt64, math.MaxInt64),
}

func integerConverter[T integer](low, high T) converter {
	return converter{
		func(t Tensor, pins *runtime.Pinner) (ort.Value, error) {
			return pinned(t.Shape, integers(t.Data, low, high), pins)
		},
		readAs[T],
	}
}

// converter16 is for inputs only: the model converts such outputs to float32.
func converter16(encode func(float32) uint16, kind ort.TensorElementDataType) converter {
	return converter{value: func(t Tensor, pins *runtime.Pinner) (ort.Value, error) {
		data := halves(t.Data, encode)
		pins.Pin(&data[0])
		return ort.NewCustomDataTensor(t.Shape, data, kind)
	}}
}

// pinned makes a tensor that uses Go's memory.
func pinned[T ort.TensorData](shape []int64, data []T, pins *runtime.Pinner) (ort.Value, error) {
	pins.Pin(&data[0])
	return ort.NewTensor(shape, data)
}

func readAs[T integer | float64](out []float32, v ort.Value) ([]float32, bool) {
	t, ok := v.(*ort.Tensor[T])
	if !ok {
		return nil, false
	}
	return convert(out, t.GetData()), true
}

// read copies an output's values to t.
func read(p onnx.Port, t *Tensor, v ort.Value) error {
	t.Shape = v.GetShape()
	if t.Shape == nil {
		t.Shape = []int64{}
	}
	switch v := v.(type) {
	case *ort.Tensor[float32]:
		t.Data = v.GetData()
		return nil
	case *ort.Scalar[float32]:
		t.Data = append(t.Data[:0], v.GetData())
		return nil
	}
	if c := converters[p.Type]; c.read != nil {
		if data, ok := c.read(t.Data, v); ok {
			t.Data = data
			return nil
		}
	}
	return fmt.Errorf("output %v: supported types are %s", p, convertibles())
}

// runUntil runs the network and stops it when ctx ends.
func (s *Session) runUntil(ctx context.Context, in, out []ort.Value) error {
	run := func(o *ort.RunOptions) error {
		call := func() error { return s.runtime.session.RunWithOptions(in, out, o) }
		if s.options.Provider == OpenVINO { // compiles parts of the model for new shapes
			return withSignals(call)
		}
		return call()
	}
	if ctx.Done() == nil {
		return run(nil)
	}
	opts, err := ort.NewRunOptions()
	if err != nil {
		return err
	}
	defer opts.Destroy()
	terminated := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(terminated)
		opts.Terminate()
	})
	err = run(opts)
	if !stop() {
		<-terminated // before opts is destroyed
	}
	return err
}
