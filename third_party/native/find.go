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

// FindTensorFlow is the folder with TensorFlow's include and lib. Nothing is fetched:
// the error is [ErrNotFound] where TensorFlow is neither named nor cached, and another one where [EnvTensorFlow] names a folder that lacks something.
func FindTensorFlow() (dir string, err error) {
	if dir := os.Getenv(EnvTensorFlow); dir != "" {
		return tensorFlowIn(dir, runtime.GOOS)
	}
	return find(tensorFlow)
}

// FindONNXRuntime is the path of ONNX Runtime's shared library. Nothing is fetched:
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
	dir, err := find(onnxRuntime)
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
	return fetch(ctx, log, tensorFlow)
}

// FetchONNXRuntime is [FindONNXRuntime], fetching the library into the cache if it is not found. Progress goes to log.
func FetchONNXRuntime(ctx context.Context, log io.Writer) (path string, err error) {
	path, err = FindONNXRuntime()
	if !errors.Is(err, ErrNotFound) {
		return path, err
	}
	dir, err := fetch(ctx, log, onnxRuntime)
	if err != nil {
		return "", err
	}
	return onnxRuntimeIn(filepath.Join(dir, "lib"), runtime.GOOS)
}

func find(library string) (dir string, err error) {
	w, err := here(library)
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
	return dir, nil
}

func fetch(ctx context.Context, log io.Writer, library string) (dir string, err error) {
	w, err := here(library)
	if err != nil {
		return "", err
	}
	return w.install(ctx, log)
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
