// Package native finds the native libraries that this project runs on, TensorFlow's C library and
// ONNX Runtime, and the weights of its frozen features.
//
// A library is searched for in this order:
//
//  1. Options.Library of package session, for ONNX Runtime only,
//  2. the environment variable [EnvTensorFlow], [EnvONNXRuntime] or [EnvFeatures]; a wrong value is
//     an error,
//  3. the user's cache, which all checkouts share ([CacheDir]),
//  4. the system's loader, for ONNX Runtime only.
//
// This package searches the second and the third place. Package session, which loads ONNX Runtime,
// adds the first and the last.
//
// Several builds can be installed side by side in the cache: those for the CPU and the sets [CUDA]
// and [OpenVINO]. [ActiveSet] reports which one is in use, and a [Wheel] describes one build of one
// library.
//
// This package downloads nothing. Package fetch, in a subfolder, downloads missing libraries:
//
//	path, err := native.FindONNXRuntime()
//	if errors.Is(err, native.ErrNotFound) {
//		path, err = fetch.ONNXRuntime(ctx, os.Stderr)
//	}
package native

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Environment variables that users may set.
const (
	// EnvTensorFlow names a folder with include/tensorflow/c/c_api.h and lib/libtensorflow.so
	// (libtensorflow.dylib on macOS), which replaces the fetched TensorFlow.
	EnvTensorFlow = "CYCLEGAN_TENSORFLOW"
	// EnvONNXRuntime names ONNX Runtime's shared library or its folder, which replaces the fetched
	// one.
	EnvONNXRuntime = "CYCLEGAN_ONNXRUNTIME"
	// EnvFeatures names EfficientNet-Lite0's weights, a file of torch.save, which replaces the
	// fetched one.
	EnvFeatures = "CYCLEGAN_FEATURES"
	// EnvCache names the folder for fetched libraries and built programs, which replaces the user's
	// cache.
	EnvCache = "CYCLEGAN_CACHE"
	// EnvWith names the set of builds to use: [CPU], [CUDA] or [OpenVINO]. See [ActiveSet].
	EnvWith = "CYCLEGAN_WITH"
)

// ErrNotFound reports that a library or the weights are neither named by their environment variable
// nor in the cache.
var ErrNotFound = errors.New("not installed")

// ErrNoBuild reports that no build of a library exists for this platform.
var ErrNoBuild = errors.New("no build for this platform")

// CacheDir returns the folder that holds fetched libraries and built programs: the value of
// CYCLEGAN_CACHE, or else "cyclegan" in the user's cache folder. The folder need not exist.
func CacheDir() (string, error) {
	if dir := os.Getenv(EnvCache); dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("%s=%s: %w", EnvCache, dir, err)
		}
		return abs, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache folder: %w\nFix: set %s to a folder with 1 GB of free space",
			err, EnvCache)
	}
	return filepath.Join(dir, "cyclegan"), nil
}

// FindTensorFlow returns the folder that holds TensorFlow's include and lib. The error is
// [ErrNotFound] if TensorFlow is neither named nor cached, and another one if [EnvTensorFlow] names
// an incomplete folder.
func FindTensorFlow() (dir string, err error) {
	if dir := os.Getenv(EnvTensorFlow); dir != "" {
		return tensorFlowIn(dir, runtime.GOOS)
	}
	set, err := ActiveSet()
	if err != nil {
		return "", err
	}
	return find(TensorFlow, set)
}

// FindONNXRuntime returns the path of ONNX Runtime's shared library. The error is [ErrNotFound] if
// ONNX Runtime is neither named nor cached, and another one if [EnvONNXRuntime] names something
// else.
func FindONNXRuntime() (path string, err error) {
	if path := os.Getenv(EnvONNXRuntime); path != "" {
		found, err := onnxRuntimeIn(path, runtime.GOOS)
		if err != nil {
			err = fmt.Errorf("%s=%s: %w\nFix: set %[1]s to ONNX Runtime's shared library or its folder, "+
				"or unset it to use the fetched library", EnvONNXRuntime, path, err)
		}
		return found, err
	}
	set, err := ActiveSet()
	if err != nil {
		return "", err
	}
	return cachedONNXRuntime(set)
}

// FindONNXRuntimeWith returns the path of the ONNX Runtime of a set. A library outside the cache
// that [EnvONNXRuntime] names comes first, and named reports that it was used. The error is
// [ErrNotFound] if the set is not installed.
func FindONNXRuntimeWith(set string) (path string, named bool, err error) {
	if path := os.Getenv(EnvONNXRuntime); path != "" && !inCache(path) {
		path, err := FindONNXRuntime()
		return path, true, err
	}
	path, err = cachedONNXRuntime(set)
	if set != CPU && errors.Is(err, ErrNotFound) && !errors.Is(err, ErrNoBuild) {
		err = fmt.Errorf("%w\nFix: go run ./third_party install -with %s", err, set)
	}
	return path, false, err
}

// FindFeatures returns the path of EfficientNet-Lite0's weights, a state dict of PyTorch. The error
// is [ErrNotFound] if they are neither named nor cached, and another one if [EnvFeatures] names
// something else.
func FindFeatures() (path string, err error) {
	if path := os.Getenv(EnvFeatures); path != "" {
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			return "", fmt.Errorf("%s=%s: there is no such file\nFix: set %[1]s to EfficientNet-Lite0's weights, "+
				"or unset it to use the fetched ones", EnvFeatures, path)
		}
		return filepath.Abs(path)
	}
	dir, err := find(Features, CPU)
	if err != nil {
		return "", fmt.Errorf("%w\nFix: go run ./third_party install", err)
	}
	return filepath.Join(dir, featuresFile), nil
}

func cachedONNXRuntime(set string) (path string, err error) {
	dir, err := find(ONNXRuntime, set)
	if err != nil {
		return "", err
	}
	return onnxRuntimeIn(filepath.Join(dir, "lib"), runtime.GOOS)
}

// inCache reports whether path is a library in the cache. The launcher sets [EnvONNXRuntime] to
// such paths, so they do not express a user's choice.
func inCache(path string) bool {
	cache, err := CacheDir()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(Wheels(), func(w Wheel) bool {
		return strings.HasPrefix(path, filepath.Join(cache, filepath.FromSlash(w.folder()))+string(filepath.Separator))
	})
}

// find returns the cached folder of a library whose every dependency is cached as well.
func find(library, set string) (dir string, err error) {
	w, err := Pick(library, set)
	if err != nil {
		// The library may still be installed elsewhere on this machine.
		return "", fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	dir, ok, err := w.Cached()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if !ok {
		return "", fmt.Errorf("%w: %s is not in %s", ErrNotFound, w, dir)
	}
	for _, n := range w.Needs() {
		if dir, ok, err := n.Cached(); err != nil || !ok {
			return "", fmt.Errorf("%w: %s is not in %s, and %s needs it", ErrNotFound, n, dir, w)
		}
	}
	return dir, nil
}

// tensorFlowIn checks that a folder that the user named has what compiling, linking and running
// need.
func tensorFlowIn(dir, goos string) (string, error) {
	so := ".so"
	if goos == "darwin" {
		so = ".dylib"
	}
	for _, name := range []string{
		"include/tensorflow/c/c_api.h", "lib/libtensorflow" + so, "lib/libtensorflow_framework" + so,
	} {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return "", fmt.Errorf("%s=%s: the folder lacks %s\nFix: set %[1]s to TensorFlow's C library with its headers, "+
				"or unset it to use the fetched library", EnvTensorFlow, dir, name)
		}
	}
	return filepath.Abs(dir)
}

// onnxRuntimeIn finds the shared library at path, which is the file itself, its folder, or the
// parent of lib.
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
			// The shortest name has no version: it is the link that points to the version to use.
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

// isONNXRuntime distinguishes the library, with or without a version in its name, from the
// execution providers next to it.
func isONNXRuntime(name, goos string) bool {
	switch goos {
	case "windows":
		return strings.EqualFold(name, "onnxruntime.dll")
	case "darwin":
		return strings.HasPrefix(name, "libonnxruntime.") && strings.HasSuffix(name, ".dylib")
	}
	return name == "libonnxruntime.so" || strings.HasPrefix(name, "libonnxruntime.so.")
}
