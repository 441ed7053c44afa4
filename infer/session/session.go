// Package session runs ONNX models with ONNX Runtime. Its central type is [Session], which takes
// and returns float32 tensors, whatever number types the model itself uses (see [Session.Run]).
//
// It knows nothing about images. Package infer translates images with it.
//
//	s, err := session.Open("G_AB.onnx", nil)
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//	out, err := s.Run(ctx, session.Tensor{Shape: []int64{1, 3, 256, 256}, Data: pixels})
//
// # The shared library
//
// ONNX Runtime is a shared library that the first session loads. It is searched for in this order:
// Options.Library, the environment variable CYCLEGAN_ONNXRUNTIME, the user's cache, the system's
// loader. The cache may hold several builds (see package native): the provider decides which one is
// loaded. A process holds one at a time.
//
// # Other users of onnxruntime_go
//
// A process has one ONNX Runtime environment, which all users of onnxruntime_go share. The first
// session initializes it, unless the program already has, and closing sessions never destroys it.
// If other code calls onnxruntime_go's DestroyEnvironment while sessions are open, Run returns
// [ErrDestroyed]; opening another session initializes the environment again. A program that wants
// to load another build calls [Shutdown].
package session

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
)

var (
	// ErrClosed is the error of Run after Close.
	ErrClosed = errors.New("the session is closed")

	// ErrDestroyed is the error of Run after other code destroyed the ONNX Runtime environment.
	ErrDestroyed = errors.New("other code in this process destroyed the ONNX Runtime environment. " +
		"Fix: call DestroyEnvironment of onnxruntime_go only when no model is open")

	// ErrNoCgo is the error of opening a model in a program that was built without cgo.
	ErrNoCgo = errors.New("this program was built without cgo, which ONNX Runtime needs. " +
		"Fix: install a C compiler and build with CGO_ENABLED=1")
)

// Options configure a session. Nil and the zero value are the defaults.
type Options struct {
	// Library is the ONNX Runtime library file or a folder that holds it. Default: search for it
	// (see the package comment).
	Library string
	// Provider runs the model: CPU, CUDA, TensorRT, OpenVINO, CoreML, DirectML, or Auto for the
	// best that works. Default CPU. A named provider that does not work is an error; only Auto
	// falls back.
	Provider string
	// DeviceID is the number of the GPU, for CUDA, TensorRT and DirectML. Default 0.
	DeviceID int
	// ProviderOptions are the provider's own options, as ONNX Runtime documents them, such as
	// cudnn_conv_algo_search for CUDA and device_type for OpenVINO. An unknown option is an error.
	ProviderOptions map[string]string
	// Inputs and Outputs name the inputs that Run takes and the outputs that it returns, in order.
	// Default: every input without a default value, and every output.
	Inputs, Outputs []string
	// Constants are float32 inputs, by name, that have the same value in every run and that Run
	// does not take. They are not copied: their data must be outside Go's heap, or pinned, and must
	// stay valid until the session is closed.
	Constants map[string]Tensor
	// IntraThreads is the number of threads that share one operation. Default GOMAXPROCS.
	IntraThreads int
	// InterThreads is the number of operations that run concurrently. Default 1, which is best for
	// networks that are one long chain.
	InterThreads int
	// NoArena frees memory after each run instead of keeping it for the next. It saves about a
	// quarter of the memory of a large run, and costs between a sixth and a half of the speed.
	NoArena bool
}

// Validate reports every invalid option with its value.
func (o *Options) Validate() error {
	if o == nil {
		return nil
	}
	bad := []error{o.validateProvider()}
	for _, n := range []struct {
		name  string
		value int
	}{{"device id", o.DeviceID}, {"intra threads", o.IntraThreads}, {"inter threads", o.InterThreads}} {
		if n.value < 0 {
			bad = append(bad, fmt.Errorf("%s %d is negative", n.name, n.value))
		}
	}
	return errors.Join(bad...)
}

// resolved returns o with its defaults filled in.
func (o *Options) resolved() Options {
	var r Options
	if o != nil {
		r = *o
	}
	r.Provider = cmp.Or(r.Provider, CPU)
	r.IntraThreads = cmp.Or(r.IntraThreads, runtime.GOMAXPROCS(0))
	r.InterThreads = cmp.Or(r.InterThreads, 1)
	return r
}
