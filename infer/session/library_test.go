package session

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"cyclegan/third_party/native"
)

// cannotLoad is a loader that finds nothing and records the names.
type cannotLoad struct{ asked []string }

func (c *cannotLoad) load(name string) error {
	c.asked = append(c.asked, name)
	return errors.New("cannot open " + name)
}

// emptyHome empties every place where a library could be found.
func emptyHome(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(native.EnvONNXRuntime, "")
	t.Setenv(native.EnvWith, "")
	t.Setenv(native.EnvCache, filepath.Join(dir, "cache"))
	for _, v := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(v, dir)
	}
}

func touch(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSearchOrder(t *testing.T) {
	emptyHome(t)
	system := systemNames(runtime.GOOS)
	byOption := touch(t, filepath.Join(t.TempDir(), system[0]))
	byEnv := touch(t, filepath.Join(t.TempDir(), system[0]))

	var none cannotLoad
	_, err := search("", CPU, none.load)
	var missing *NotFoundError
	if !errors.As(err, &missing) || !slices.Equal(none.asked, system) {
		t.Fatalf("asked for %q, error %v", none.asked, err)
	}
	last := 0
	for _, part := range []string{"Options.Library", native.EnvONNXRuntime, "the user's cache", "the system", "go run ./third_party install"} {
		i := strings.Index(err.Error()[last:], part)
		if i < 0 {
			t.Fatalf("%q is missing or out of order in:\n%v", part, err)
		}
		last += i
	}

	t.Setenv(native.EnvONNXRuntime, filepath.Dir(byEnv))
	none = cannotLoad{}
	if _, err := search("", CPU, none.load); err == nil || errors.As(err, &missing) || !strings.Contains(err.Error(), native.EnvONNXRuntime) || !slices.Equal(none.asked, []string{byEnv}) {
		t.Errorf("by environment: asked for %q, error %v", none.asked, err)
	}
	none = cannotLoad{}
	if _, err := search(byOption, CPU, none.load); err == nil || !strings.Contains(err.Error(), "Options.Library") || !slices.Equal(none.asked, []string{byOption}) {
		t.Errorf("by option: asked for %q, error %v", none.asked, err)
	}
	if _, err := search(filepath.Join(byOption, "no"), CPU, none.load); err == nil || errors.As(err, &missing) {
		t.Errorf("an option that names nothing: %v", err)
	}
	t.Setenv(native.EnvONNXRuntime, filepath.Join(byEnv, "no"))
	if _, err := search("", CPU, none.load); err == nil || errors.As(err, &missing) {
		t.Errorf("an environment variable that names nothing: %v", err)
	}
	if _, err := search(byOption, CPU, func(string) error { return nil }); err != nil {
		t.Errorf("a library that loads: %v", err)
	}
}

func TestLibraryAt(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the names are for Linux")
	}
	for _, c := range []struct {
		name  string
		files []string
		want  string
	}{
		{"wheel", []string{"capi/libonnxruntime.so.1.28.0", "capi/libonnxruntime_providers_shared.so"}, "capi/libonnxruntime.so.1.28.0"},
		{"archive", []string{"lib/libonnxruntime.so.1.24.1", "lib/libonnxruntime.so", "lib/libonnxruntime.so.1"}, "lib/libonnxruntime.so"},
		{"flat", []string{"libonnxruntime.so", "lib/libonnxruntime.so"}, "libonnxruntime.so"},
		{"providers alone", []string{"libonnxruntime_providers_shared.so"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, f := range c.files {
				touch(t, filepath.Join(dir, filepath.FromSlash(f)))
			}
			got, err := libraryAt(dir)
			if c.want == "" {
				if err == nil {
					t.Errorf("found %s", got)
				}
				return
			}
			if err != nil || got != filepath.Join(dir, filepath.FromSlash(c.want)) {
				t.Errorf("found %q (%v), want %s", got, err, c.want)
			}
		})
	}
}

func TestIsLibrary(t *testing.T) {
	for _, c := range []struct {
		goos, name string
		want       bool
	}{
		{"linux", "libonnxruntime.so", true}, {"linux", "libonnxruntime.so.1.28.0", true}, {"linux", "libonnxruntime_providers_cuda.so", false},
		{"linux", "libonnxruntime.sox", false}, {"darwin", "libonnxruntime.1.28.0.dylib", true}, {"darwin", "libonnxruntime.dylib", true},
		{"darwin", "libonnxruntime.so", false}, {"windows", "onnxruntime.dll", true}, {"windows", "onnxruntime_providers_shared.dll", false},
	} {
		if got := isLibrary(c.name, c.goos); got != c.want {
			t.Errorf("%s on %s: %v", c.name, c.goos, got)
		}
	}
}
