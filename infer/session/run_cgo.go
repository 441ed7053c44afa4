//go:build cgo

package session

import (
	"context"
	"fmt"
	"math"
	"runtime"

	ort "github.com/yalue/onnxruntime_go"

	"cyclegan/infer/onnx"
)

// run fills outputs. Where the shapes of the outputs are known from an earlier run, ONNX Runtime writes into Go's memory;
// otherwise it makes them itself, and they are copied.
func (s *Session) run(ctx context.Context, inputs, outputs []Tensor) error {
	var pins runtime.Pinner
	defer pins.Unpin()
	in := make([]ort.Value, len(inputs), len(inputs)+len(s.constants))
	defer destroy(in)
	for i, t := range inputs {
		v, err := value(t, s.about.Inputs[i].Type, &pins)
		if err != nil {
			return err
		}
		in[i] = v
	}
	all := append(in, s.constants...)
	known := s.shapes.find(inputs)
	out := make([]ort.Value, len(outputs))
	defer func() { destroy(out) }()
	if err := s.prepare(out, outputs, known, &pins); err != nil {
		return err
	}
	err := s.runUntil(ctx, all, out)
	if err != nil && known != nil && ctx.Err() == nil {
		// The shapes may depend on the values: then nothing is known from an earlier run.
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
		return reason(err)
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

// prepare makes the outputs that ONNX Runtime is to write into, and leaves those nil that it is to make itself.
func (s *Session) prepare(out []ort.Value, outputs []Tensor, known [][]int64, pins *runtime.Pinner) error {
	for i, p := range s.about.Outputs {
		var err error
		switch {
		case p.Type != onnx.Float32 && !narrow(p):
		case p.Shape != nil && len(p.Shape) == 0:
			// the wrapper cannot make these itself
			out[i], err = ort.NewEmptyScalar[float32]()
		case known != nil && len(known[i]) > 0:
			data := room(outputs[i].Data, elementCount(known[i]))
			pins.Pin(&data[0])
			out[i], err = ort.NewTensor(ort.Shape(known[i]), data)
		}
		if err != nil {
			out[i] = nil
			return err
		}
	}
	return nil
}

// value makes a tensor of an element type. One of float32 stays where it is in Go's memory.
func value(t Tensor, element onnx.DataType, pins *runtime.Pinner) (ort.Value, error) {
	shape := ort.Shape(t.Shape)
	switch element {
	case onnx.Float32:
		return pinned(shape, t.Data, pins)
	case onnx.Float64:
		return pinned(shape, doubles(t.Data), pins)
	case onnx.Float16:
		return custom(shape, halves(t.Data, onnx.EncodeFloat16), ort.TensorElementDataTypeFloat16, pins)
	case onnx.BFloat16:
		return custom(shape, halves(t.Data, onnx.EncodeBFloat16), ort.TensorElementDataTypeBFloat16, pins)
	case onnx.Uint8:
		return pinned(shape, integers[uint8](t.Data, 0, math.MaxUint8), pins)
	case onnx.Int8:
		return pinned(shape, integers[int8](t.Data, math.MinInt8, math.MaxInt8), pins)
	case onnx.Uint16:
		return pinned(shape, integers[uint16](t.Data, 0, math.MaxUint16), pins)
	case onnx.Int16:
		return pinned(shape, integers[int16](t.Data, math.MinInt16, math.MaxInt16), pins)
	case onnx.Uint32:
		return pinned(shape, integers[uint32](t.Data, 0, math.MaxUint32), pins)
	case onnx.Int32:
		return pinned(shape, integers[int32](t.Data, math.MinInt32, math.MaxInt32), pins)
	case onnx.Uint64:
		return pinned(shape, integers[uint64](t.Data, 0, math.MaxUint64), pins)
	case onnx.Int64:
		return pinned(shape, integers[int64](t.Data, math.MinInt64, math.MaxInt64), pins)
	}
	return nil, fmt.Errorf("%v cannot be run", element)
}

// pinned makes a tensor that ONNX Runtime reads where it lies.
func pinned[T ort.TensorData](shape ort.Shape, data []T, pins *runtime.Pinner) (ort.Value, error) {
	pins.Pin(&data[0])
	v, err := ort.NewTensor(shape, data)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func custom(shape ort.Shape, data []byte, kind ort.TensorElementDataType, pins *runtime.Pinner) (ort.Value, error) {
	pins.Pin(&data[0])
	v, err := ort.NewCustomDataTensor(shape, data, kind)
	if err != nil {
		return nil, err
	}
	return v, nil
}

// read takes an output's values over into t.
func read(p onnx.Port, t *Tensor, v ort.Value) error {
	t.Shape = v.GetShape()
	if t.Shape == nil {
		t.Shape = []int64{}
	}
	switch v := v.(type) {
	case *ort.Tensor[float32]:
		t.Data = v.GetData()
	case *ort.Scalar[float32]:
		t.Data = room(t.Data, 1)
		t.Data[0] = v.GetData()
	case *ort.Tensor[float64]:
		t.Data = floats(t.Data, v.GetData())
	case *ort.Tensor[uint8]:
		t.Data = floats(t.Data, v.GetData())
	case *ort.Tensor[int8]:
		t.Data = floats(t.Data, v.GetData())
	case *ort.Tensor[uint16]:
		t.Data = floats(t.Data, v.GetData())
	case *ort.Tensor[int16]:
		t.Data = floats(t.Data, v.GetData())
	case *ort.Tensor[uint32]:
		t.Data = floats(t.Data, v.GetData())
	case *ort.Tensor[int32]:
		t.Data = floats(t.Data, v.GetData())
	case *ort.Tensor[uint64]:
		t.Data = floats(t.Data, v.GetData())
	case *ort.Tensor[int64]:
		t.Data = floats(t.Data, v.GetData())
	default:
		return fmt.Errorf("output %v: what can be read is %s", p, convertibles())
	}
	return nil
}

// runUntil runs the network and breaks off when ctx ends.
func (s *Session) runUntil(ctx context.Context, in, out []ort.Value) error {
	run := func(o *ort.RunOptions) error {
		call := func() error { return s.ort.RunWithOptions(in, out, o) }
		if s.options.Provider == OpenVINO { // compiles a part of a model for new shapes
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
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		opts.Terminate()
	})
	err = run(opts)
	if !stop() {
		<-told // the options must outlive the call that uses them
	}
	return err
}
