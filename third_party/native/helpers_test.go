package native

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// isolate hides this machine's libraries and settings from a test and returns its cache folder.
func isolate(t *testing.T) (cache string) {
	t.Helper()
	cache = filepath.Join(t.TempDir(), "cache")
	t.Setenv(EnvCache, cache)
	for _, name := range []string{EnvTensorFlow, EnvONNXRuntime, EnvFeatures, EnvWith} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	return cache
}

// stubLibraries makes empty files that pass for the two libraries and names them in the
// environment.
func stubLibraries(t *testing.T) (tf, ort string) {
	t.Helper()
	so := ".so"
	if runtime.GOOS == "darwin" {
		so = ".dylib"
	}
	tf = filepath.Join(t.TempDir(), "tf")
	ort = filepath.Join(t.TempDir(), onnxRuntimeFile(runtime.GOOS))
	for _, name := range []string{"include/tensorflow/c/c_api.h", "lib/libtensorflow" + so, "lib/libtensorflow_framework" + so} {
		touch(t, filepath.Join(tf, name))
	}
	touch(t, ort)
	t.Setenv(EnvTensorFlow, tf)
	t.Setenv(EnvONNXRuntime, ort)
	return tf, ort
}

// pretend puts empty files into the cache that pass for a wheel's.
func pretend(t *testing.T, w Wheel) (dir string) {
	t.Helper()
	dir, _, err := w.Cached()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range w.Files() {
		touch(t, filepath.Join(dir, filepath.FromSlash(name)))
	}
	if err := os.WriteFile(filepath.Join(dir, Marker), []byte(w.SHA256), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// wantError checks that err contains every text, and a fix.
func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, text := range append(texts, "\nFix: ") {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error lacks %q:\n%v", text, err)
		}
	}
}
