// Package native knows the two native libraries that the project runs on, TensorFlow's C library and ONNX Runtime:
// which build of each fits this machine (a [Wheel]), where it lies, and how to get it there when it is missing.
//
// A library is looked for in this order:
//
//  1. the folder that its environment variable names ([EnvTensorFlow], [EnvONNXRuntime]); a wrong one is an error and never passed over,
//  2. the user's cache, shared by every checkout (see [CacheDir]),
//  3. with the Fetch functions only, the Python package registry, through pip; the result is put into the cache.
//
// There are builds for the CPU, which everybody gets, and sets of others that are fetched when asked for ([FetchWith]): [CUDA] and [OpenVINO].
// They lie side by side in the cache, and [With] says which is used.
//
// A program that links the library part only wants to know what is there:
//
//	path, err := native.FindONNXRuntime()
//	if errors.Is(err, native.ErrNotFound) {
//		// look elsewhere, or call native.FetchONNXRuntime
//	}
//
// The package is pure Go, so that it can be built before anything is fetched.
package native

import (
	"errors"
	"fmt"
)

// Environment variables that people may set.
const (
	// EnvTensorFlow names a folder with include/tensorflow/c/c_api.h and lib/libtensorflow.so
	// (libtensorflow.dylib on macOS), to be used instead of a fetched one.
	EnvTensorFlow = "CYCLEGAN_TENSORFLOW"
	// EnvONNXRuntime names ONNX Runtime's shared library, or a folder that holds it, to be used instead of a fetched one.
	EnvONNXRuntime = "CYCLEGAN_ONNXRUNTIME"
	// EnvCache names the folder to keep fetched libraries and built programs in, instead of the user's cache.
	EnvCache = "CYCLEGAN_CACHE"
)

// ErrNotFound says that a library is neither named by its environment variable nor in the cache.
var ErrNotFound = errors.New("native library not found")

// ErrNoBuild says that there is no build of a library for this platform, so that it cannot be fetched.
var ErrNoBuild = errors.New("no build for this platform")

// mendable is an error for a person: what happened, then how to mend it.
type mendable struct {
	err  error
	mend string
}

func (e *mendable) Error() string { return e.err.Error() + "\nto mend it: " + e.mend }
func (e *mendable) Unwrap() error { return e.err }

// withMend adds to err the one thing to do about it, unless err brings its own.
func withMend(err error, format string, args ...any) error {
	var m *mendable
	if errors.As(err, &m) {
		return err
	}
	return &mendable{err, fmt.Sprintf(format, args...)}
}
