package native

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestFindByEnvironment(t *testing.T) {
	isolate(t)
	tf, ort := stubLibraries(t)
	if dir, err := FindTensorFlow(); dir != tf || err != nil {
		t.Errorf("TensorFlow: %s, %v", dir, err)
	}
	for _, named := range []string{ort, filepath.Dir(ort)} {
		t.Setenv(EnvONNXRuntime, named)
		if path, err := FindONNXRuntime(); path != ort || err != nil {
			t.Errorf("ONNX Runtime by %s: %s, %v", named, path, err)
		}
	}
}

func TestFindByRelativePath(t *testing.T) {
	isolate(t)
	tf, ort := stubLibraries(t)
	t.Chdir(filepath.Dir(tf))
	t.Setenv(EnvTensorFlow, filepath.Base(tf))
	if dir, err := FindTensorFlow(); !filepath.IsAbs(dir) || err != nil {
		t.Errorf("TensorFlow: %s, %v", dir, err)
	}
	t.Chdir(filepath.Dir(ort))
	t.Setenv(EnvONNXRuntime, ".")
	if path, err := FindONNXRuntime(); !filepath.IsAbs(path) || err != nil {
		t.Errorf("ONNX Runtime: %s, %v", path, err)
	}
}

// A wrong setting is not ignored.
func TestFindWrongEnvironment(t *testing.T) {
	isolate(t)
	tf, _ := stubLibraries(t)
	empty := t.TempDir()
	t.Setenv(EnvONNXRuntime, empty)
	_, err := FindONNXRuntime()
	wantError(t, err, EnvONNXRuntime+"="+empty, "lacks "+onnxRuntimeFile(runtime.GOOS), "unset it")
	if errors.Is(err, ErrNotFound) {
		t.Error("a wrong setting is ErrNotFound")
	}
	t.Setenv(EnvONNXRuntime, filepath.Join(empty, "gone.so"))
	_, err = FindONNXRuntime()
	wantError(t, err, "gone.so", "no such file")

	header := filepath.Join(tf, "include", "tensorflow", "c", "c_api.h")
	if err := os.Remove(header); err != nil {
		t.Fatal(err)
	}
	_, err = FindTensorFlow()
	wantError(t, err, EnvTensorFlow+"="+tf, "lacks include/tensorflow/c/c_api.h", "unset it")
	t.Setenv(EnvTensorFlow, empty+"/gone")
	_, err = FindTensorFlow()
	wantError(t, err, empty+"/gone", "lacks include/tensorflow/c/c_api.h")
}

func TestONNXRuntimeIn(t *testing.T) {
	tests := []struct {
		goos  string
		files []string
		want  string
	}{
		{"linux", []string{"libonnxruntime.so.1.28.0", "libonnxruntime_providers_shared.so"}, "libonnxruntime.so.1.28.0"},
		{"linux", []string{"libonnxruntime.so.1.28.0", "libonnxruntime.so", "libonnxruntime.so.1"}, "libonnxruntime.so"},
		{"linux", []string{"lib/libonnxruntime.so", "include/onnxruntime_c_api.h"}, "lib/libonnxruntime.so"},
		{"linux", []string{"libonnxruntime_providers_shared.so", "onnxruntime.dll"}, ""},
		{"darwin", []string{"libonnxruntime.1.28.0.dylib", "libonnxruntime_providers_shared.dylib"}, "libonnxruntime.1.28.0.dylib"},
		{"darwin", []string{"libonnxruntime.1.28.0.dylib", "libonnxruntime.dylib"}, "libonnxruntime.dylib"},
		{"windows", []string{"onnxruntime.dll", "onnxruntime_providers_shared.dll"}, "onnxruntime.dll"},
		{"windows", []string{"libonnxruntime.so"}, ""},
	}
	for _, test := range tests {
		dir := t.TempDir()
		for _, name := range test.files {
			touch(t, filepath.Join(dir, name))
		}
		got, err := onnxRuntimeIn(dir, test.goos)
		want := ""
		if test.want != "" {
			want = filepath.Join(dir, test.want)
		}
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s, files %v: got %q, %v; want %q", test.goos, test.files, got, err, want)
		}
	}
}

func TestCacheDir(t *testing.T) {
	isolate(t)
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv(EnvCache, "")
	user, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if dir, err := CacheDir(); dir != filepath.Join(user, "cyclegan") || err != nil {
		t.Errorf("default cache: %s, %v", dir, err)
	}
	t.Chdir(home)
	t.Setenv(EnvCache, "mine")
	if dir, err := CacheDir(); !filepath.IsAbs(dir) || filepath.Base(dir) != "mine" || err != nil {
		t.Errorf("cache named by %s: %s, %v", EnvCache, dir, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	t.Setenv(EnvCache, "")
	t.Setenv("HOME", "")
	_, err = CacheDir()
	wantError(t, err, "find the user's cache folder", EnvCache)
	if _, err := FindONNXRuntime(); !errors.Is(err, ErrNotFound) {
		t.Errorf("ONNX Runtime without a cache: %v, want ErrNotFound", err)
	}
}

func TestFindInCache(t *testing.T) {
	cache := isolate(t)
	w, err := Pick(ONNXRuntime, CPU)
	if err != nil {
		t.Skip(err)
	}
	dir := filepath.Join(cache, w.folder())
	for _, name := range w.Files() {
		touch(t, filepath.Join(dir, name))
	}
	for mark, want := range map[string]string{
		"":              "",
		"another":       "",
		w.SHA256 + "\n": filepath.Join(dir, filepath.FromSlash(w.Files()[0])),
	} {
		if err := os.WriteFile(filepath.Join(dir, Marker), []byte(mark), 0o644); err != nil {
			t.Fatal(err)
		}
		path, err := FindONNXRuntime()
		if path != want || (err == nil) != (want != "") {
			t.Errorf("marker %q: %q, %v", mark, path, err)
		}
	}
}

func TestFindNothing(t *testing.T) {
	isolate(t)
	for _, find := range []func() (string, error){FindTensorFlow, FindONNXRuntime} {
		if path, err := find(); !errors.Is(err, ErrNotFound) || path != "" {
			t.Errorf("empty cache: %q, %v", path, err)
		}
	}
}
