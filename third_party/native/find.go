package native

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// FindTensorFlow is the folder with TensorFlow's include and lib, of the set that [With] gives. Nothing is fetched:
// the error is [ErrNotFound] where TensorFlow is neither named nor cached, and another one where [EnvTensorFlow] names a folder that lacks something.
func FindTensorFlow() (dir string, err error) {
	if dir := os.Getenv(EnvTensorFlow); dir != "" {
		return tensorFlowIn(dir, runtime.GOOS)
	}
	set, err := tensorFlowSet()
	if err != nil {
		return "", err
	}
	return find(tensorFlow, set)
}

// tensorFlowSet is the set in use, for a library that OpenVINO has no build of.
func tensorFlowSet() (string, error) {
	set, err := With()
	if set == OpenVINO {
		set = CPU
	}
	return set, err
}

// FindONNXRuntime is the path of ONNX Runtime's shared library, of the set that [With] gives. Nothing is fetched:
// the error is [ErrNotFound] where ONNX Runtime is neither named nor cached, and another one where [EnvONNXRuntime] names something else.
func FindONNXRuntime() (path string, err error) {
	if path := os.Getenv(EnvONNXRuntime); path != "" {
		found, err := onnxRuntimeIn(path, runtime.GOOS)
		if err != nil {
			err = withMend(fmt.Errorf("%s=%s: %w", EnvONNXRuntime, path, err),
				"point %s at ONNX Runtime's shared library or at the folder that holds it, or let it be fetched: unset %[1]s", EnvONNXRuntime)
		}
		return found, err
	}
	set, err := With()
	if err != nil {
		return "", err
	}
	return onnxRuntimeOf(set)
}

// onnxRuntimeOf is the library in the cache.
func onnxRuntimeOf(set string) (path string, err error) {
	dir, err := find(onnxRuntime, set)
	if err != nil {
		return "", err
	}
	return onnxRuntimeIn(filepath.Join(dir, "lib"), runtime.GOOS)
}

// ONNXRuntime is [FindONNXRuntime] for callers that do not care why it is missing.
func ONNXRuntime() (path string, ok bool) {
	path, err := FindONNXRuntime()
	return path, err == nil
}

// FetchTensorFlow is [FindTensorFlow], fetching the library into the cache if it is not found. Progress goes to log.
func FetchTensorFlow(ctx context.Context, log io.Writer) (dir string, err error) {
	dir, err = FindTensorFlow()
	if !errors.Is(err, ErrNotFound) {
		return dir, err
	}
	set, err := tensorFlowSet()
	if err != nil {
		return "", err
	}
	return fetch(ctx, log, tensorFlow, set)
}

// FetchONNXRuntime is [FindONNXRuntime], fetching the library into the cache if it is not found. Progress goes to log.
func FetchONNXRuntime(ctx context.Context, log io.Writer) (path string, err error) {
	path, err = FindONNXRuntime()
	if !errors.Is(err, ErrNotFound) {
		return path, err
	}
	set, err := With()
	if err != nil {
		return "", err
	}
	dir, err := fetch(ctx, log, onnxRuntime, set)
	if err != nil {
		return "", err
	}
	return onnxRuntimeIn(filepath.Join(dir, "lib"), runtime.GOOS)
}

func find(library, set string) (dir string, err error) {
	w, err := here(library, set)
	if err != nil {
		// a machine without a build of its own may still have the library elsewhere
		return "", fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	dir, ok, err := w.cached()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if !ok {
		return "", fmt.Errorf("%w: %s is not in %s", ErrNotFound, w, dir)
	}
	for _, n := range w.needs() {
		if dir, ok, err := n.cached(); err != nil || !ok {
			return "", fmt.Errorf("%w: %s is not in %s, and %s needs it", ErrNotFound, n, dir, w)
		}
	}
	return dir, nil
}

func fetch(ctx context.Context, log io.Writer, library, set string) (dir string, err error) {
	w, err := here(library, set)
	if err != nil {
		return "", err
	}
	for _, n := range w.needs() {
		if _, err := n.install(ctx, log); err != nil {
			return "", err
		}
	}
	return w.install(ctx, log)
}

// needs are the libraries that w finds in the cache when it runs.
func (w Wheel) needs() []Wheel {
	if w.With != CUDA || w.nvidia() {
		return nil
	}
	return slices.DeleteFunc(ofSet(CUDA), func(n Wheel) bool { return !n.nvidia() })
}

// tensorFlowIn checks that a folder named by a person has what compiling, linking and running need.
func tensorFlowIn(dir, goos string) (string, error) {
	so := ".so"
	if goos == "darwin" {
		so = ".dylib"
	}
	for _, name := range []string{"include/tensorflow/c/c_api.h", "lib/libtensorflow" + so, "lib/libtensorflow_framework" + so} {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return "", withMend(fmt.Errorf("%s=%s: the folder lacks %s", EnvTensorFlow, dir, name),
				"point %s at TensorFlow's C library with its headers, or let it be fetched: unset %[1]s", EnvTensorFlow)
		}
	}
	return filepath.Abs(dir)
}

// onnxRuntimeIn finds the shared library at path, which is the file itself, its folder, or the folder above lib.
func onnxRuntimeIn(path, goos string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return filepath.Abs(path)
	}
	for _, dir := range []string{path, filepath.Join(path, "lib")} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		var names []string
		for _, e := range entries {
			if isONNXRuntime(e.Name(), goos) {
				names = append(names, e.Name())
			}
		}
		if len(names) > 0 {
			// the shortest is the one without a version, which whoever made the folder means to be used
			name := slices.MinFunc(names, func(a, b string) int { return len(a) - len(b) })
			return filepath.Abs(filepath.Join(dir, name))
		}
	}
	return "", fmt.Errorf("the folder %s lacks %s", path, onnxRuntimeFile(goos))
}

func onnxRuntimeFile(goos string) string {
	switch goos {
	case "windows":
		return "onnxruntime.dll"
	case "darwin":
		return "libonnxruntime.dylib"
	}
	return "libonnxruntime.so"
}

// isONNXRuntime tells the library itself, with or without its version, from the execution providers beside it.
func isONNXRuntime(name, goos string) bool {
	switch goos {
	case "windows":
		return strings.EqualFold(name, "onnxruntime.dll")
	case "darwin":
		return strings.HasPrefix(name, "libonnxruntime.") && strings.HasSuffix(name, ".dylib")
	}
	return name == "libonnxruntime.so" || strings.HasPrefix(name, "libonnxruntime.so.")
}
