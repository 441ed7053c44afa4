// Package session runs ONNX models with ONNX Runtime: a [Session] takes float32 tensors in and gives float32 tensors back,
// also where the model itself takes or gives other numbers (float16, float64, uint8 and so on: see [Session.Run]).
//
// It knows nothing about pictures: package infer does pictures with it, and the export's self-check and feature extractors use it as it is.
//
//	s, err := session.Open("G_AB.onnx", nil)
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//	out, err := s.Run(ctx, session.Tensor{Shape: []int64{1, 3, 256, 256}, Data: pixels})
//
// ONNX Runtime is a shared library that is opened when the first session is and closed with the last one. It is looked for in this order:
// Options.Library, the environment variable CYCLEGAN_ONNXRUNTIME, the user's cache, the system's own loader.
// The cache may hold several builds (see package native): the one that is opened suits the provider that is asked for.
// A process holds one at a time, so that a session for another provider may have to be opened first.
package session

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"cyclegan/infer/onnx"
)

// ErrClosed is what Run gives after Close.
var ErrClosed = errors.New("the session is closed")

// ErrNoCgo is what opening a model gives in a program that was built without cgo, through which ONNX Runtime is called.
var ErrNoCgo = errors.New("this program was built without cgo, which ONNX Runtime needs: install a C compiler and build it with CGO_ENABLED=1")

// Options say where and how a session runs. A nil *Options and the zero value are the defaults.
type Options struct {
	// Library is the ONNX Runtime library file, or a folder that holds it. Empty: it is looked for (see the package comment).
	Library string
	// Provider is what the model runs on: CPU, CUDA, TensorRT, OpenVINO, CoreML, DirectML, or Auto for the best that works. Empty: CPU.
	// One that is named and does not work is an error, which says what is missing; only Auto goes on to another.
	Provider string
	// DeviceID is the number of the GPU, from 0. CUDA, TensorRT and DirectML only.
	DeviceID int
	// ProviderOptions are the provider's own, as ONNX Runtime's documentation of that provider lists them, such as
	// cudnn_conv_algo_search for CUDA and device_type for OpenVINO. One that the provider does not know is an error.
	ProviderOptions map[string]string
	// Inputs and Outputs choose what Run takes and gives, by name and in this order. Nil: every input that the file gives no value for,
	// and every output.
	Inputs, Outputs []string
	// Constants are inputs that get the same value in every run, by name: those Run does not take. They are float32, and are not copied: they have
	// to lie outside of Go's heap (or be pinned there), and stay as they are until the session is closed.
	Constants map[string]Tensor
	// IntraThreads is how many threads share the work of one operation. 0: as many as Go uses processors (GOMAXPROCS, which knows container limits).
	IntraThreads int
	// InterThreads is how many operations run side by side. 0: one after the other, which is best for networks that are one long chain.
	InterThreads int
	// NoArena gives memory back after each run instead of keeping it for the next. It saves about a quarter of the memory that a large run takes, since
	// what is kept grows by doubling, and costs a sixth of the speed or more: up to a half where the system gives small pages alone.
	NoArena bool
}

// Validate lists every option that makes no sense, with its value.
func (o *Options) Validate() error {
	if o == nil {
		return nil
	}
	var bad []error
	if err := o.validateProvider(); err != nil {
		bad = append(bad, err)
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"device id", o.DeviceID}, {"intra threads", o.IntraThreads}, {"inter threads", o.InterThreads}} {
		if n.value < 0 {
			bad = append(bad, fmt.Errorf("%s %d is negative: it is 0 or more", n.name, n.value))
		}
	}
	return errors.Join(bad...)
}

// resolved gives o with its defaults filled in.
func (o *Options) resolved() Options {
	var r Options
	if o != nil {
		r = *o
	}
	if r.Provider == "" {
		r.Provider = CPU
	}
	if r.IntraThreads == 0 {
		r.IntraThreads = runtime.GOMAXPROCS(0)
	}
	if r.InterThreads == 0 {
		r.InterThreads = 1
	}
	return r
}

// A Tensor is a dense array of float32 values, the last dimension changing fastest.
type Tensor struct {
	Shape []int64
	Data  []float32
}

// check says why t cannot be the input p, or gives nil.
func (t Tensor) check(p onnx.Port) error {
	if !Convertible(p.Type) {
		return fmt.Errorf("input %q holds %v: what can be run is %s", p.Name, p.Type, convertibles())
	}
	if len(t.Shape) == 0 {
		return fmt.Errorf("input %q: the tensor has no shape", p.Name)
	}
	if !p.Accepts(t.Shape) {
		return fmt.Errorf("input %q: the model takes %s, not %s", p.Name, p.ShapeString(), shapeString(t.Shape))
	}
	if slices.Min(t.Shape) < 1 {
		return fmt.Errorf("input %q: shape %s has a dimension below 1", p.Name, shapeString(t.Shape))
	}
	n := int64(1)
	for _, d := range t.Shape {
		if n > int64(len(t.Data))/d { // the product could overflow
			n = -1
			break
		}
		n *= d
	}
	if n != int64(len(t.Data)) {
		return fmt.Errorf("input %q: %d values do not fill the shape %s", p.Name, len(t.Data), shapeString(t.Shape))
	}
	return nil
}

func shapeString(shape []int64) string { return onnx.Port{Shape: shape}.ShapeString() }

// checkInputs says why the tensors do not fit the ports, or gives nil.
func checkInputs(ports []onnx.Port, inputs []Tensor) error {
	if len(inputs) != len(ports) {
		return fmt.Errorf("the model needs %d inputs (%s), and %d were given", len(ports), portList(ports), len(inputs))
	}
	for i, t := range inputs {
		if err := t.check(ports[i]); err != nil {
			return err
		}
	}
	return nil
}
