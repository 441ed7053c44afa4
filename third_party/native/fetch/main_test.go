package fetch

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"cyclegan/third_party/native"
)

// TestMain also makes the test binary act, under other names, as the programs that the package
// runs.
func TestMain(m *testing.M) {
	if strings.HasPrefix(filepath.Base(os.Args[0]), "python") {
		os.Exit(standInPip(os.Args[1:]))
	}
	if root := os.Getenv("TEST_START_ROOT"); root != "" {
		os.Unsetenv("TEST_START_ROOT")
		status, err := startIn(context.Background(), root, "./cmd/try")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
		os.Exit(status)
	}
	os.Exit(m.Run())
}

// standInPip imitates pip download. The environment controls it: TEST_WHEEL is the file to
// "download", TEST_SAYS the message to fail with, TEST_CALLS a file that gets a line for each
// download.
func standInPip(args []string) (status int) {
	if slices.Contains(args, "--version") {
		if os.Getenv("TEST_NO_PIP") != "" {
			fmt.Fprintln(os.Stderr, "No module named pip")
			return 1
		}
		return 0
	}
	if f, err := os.OpenFile(os.Getenv("TEST_CALLS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); err == nil {
		fmt.Fprintln(f, strings.Join(args, " "))
		f.Close()
	}
	if says := os.Getenv("TEST_SAYS"); says == "nothing" {
		time.Sleep(time.Minute)
	} else if says != "" {
		fmt.Fprintln(os.Stderr, says)
		return 1
	}
	data, err := os.ReadFile(os.Getenv("TEST_WHEEL"))
	if err == nil {
		// Long enough for concurrent processes to overlap.
		time.Sleep(50 * time.Millisecond)
		err = os.WriteFile(filepath.Join(args[len(args)-1], filepath.Base(os.Getenv("TEST_WHEEL"))), data, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// isolate hides this machine's libraries and settings from a test and returns its cache folder.
func isolate(t *testing.T) (cache string) {
	t.Helper()
	cache = filepath.Join(t.TempDir(), "cache")
	t.Setenv(native.EnvCache, cache)
	t.Setenv("GOENV", "off")
	for _, name := range []string{native.EnvTensorFlow, native.EnvONNXRuntime, native.EnvFeatures, native.EnvWith, "TF_CPP_MIN_LOG_LEVEL", "GOFLAGS", "CGO_CFLAGS", "CGO_LDFLAGS", "CC", "CGO_ENABLED"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	return cache
}

// withPip puts the imitation of Python first on PATH and returns the file that lists its downloads.
func withPip(t *testing.T, wheel string) (calls string) {
	t.Helper()
	calls = filepath.Join(t.TempDir(), "calls")
	t.Setenv("TEST_CALLS", calls)
	t.Setenv("TEST_WHEEL", wheel)
	t.Setenv("PATH", tools(t, "python3")+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return calls
}

// tools returns a folder that holds this test binary under the given names.
func tools(t *testing.T, names ...string) (dir string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs symbolic links")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for _, name := range names {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// madeUp returns a wheel of a small library, with a file that is not needed and two that try to
// escape the folder.
func madeUp(t *testing.T) (w native.Wheel, file string) {
	t.Helper()
	files := []struct{ name, text string }{
		{"lib/libmade.so.1", strings.Repeat("library ", 1000)},
		{"lib/include/c/api.h", "header"},
		{"lib/include/c/deep/more.h", "header"},
		{"lib/include/c/code.cc", "not a header"},
		{"lib/include/c/../../../../escaped.h", "escaped"},
		{"/etc/escaped.h", "escaped"},
		{"lib/python/other.so", "not needed"},
		{"lib/LICENSE", "licence"},
	}
	file = filepath.Join(t.TempDir(), "made_up-1.0-py3-none-any.whl")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for _, part := range files {
		w, err := z.Create(part.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(part.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return native.Wheel{
		Library: "madeup", Title: "Made-up", Version: "1.0", Package: "made-up", GOOS: "some", GOARCH: "machine",
		Tag: "some_tag", Python: "3.11", License: "MIT", SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(data)),
		Parts: []native.Part{
			{From: "lib/libmade.so.1", To: "lib/libmade.so.1"},
			{From: "lib/include/c/", To: "include/c/"},
			{From: "lib/LICENSE", To: "LICENSE"},
		},
		Links: []native.Link{{Name: "lib/libmade.so", Target: "libmade.so.1"}},
	}, file
}

// tree lists the files under dir, with slashes.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return names
}

// stubLibraries makes empty files that pass for the two libraries and the weights, and names them
// in the environment.
func stubLibraries(t *testing.T) (tf, ort string) {
	t.Helper()
	so := ".so"
	if runtime.GOOS == "darwin" {
		so = ".dylib"
	}
	tf = filepath.Join(t.TempDir(), "tf")
	ort = filepath.Join(t.TempDir(), "libonnxruntime"+so)
	for _, name := range []string{"include/tensorflow/c/c_api.h", "lib/libtensorflow" + so, "lib/libtensorflow_framework" + so} {
		touch(t, filepath.Join(tf, name))
	}
	touch(t, ort)
	t.Setenv(native.EnvTensorFlow, tf)
	t.Setenv(native.EnvONNXRuntime, ort)
	t.Setenv(native.EnvFeatures, ort)
	return tf, ort
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

// complete reports whether a library is in the cache.
func complete(w native.Wheel) bool {
	_, ok, err := w.Cached()
	return ok && err == nil
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

// pretend puts empty files into the cache that pass for a wheel's.
func pretend(t *testing.T, w native.Wheel) {
	t.Helper()
	dir, _, err := w.Cached()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range w.Files() {
		touch(t, filepath.Join(dir, filepath.FromSlash(name)))
	}
	if err := os.WriteFile(filepath.Join(dir, native.Marker), []byte(w.SHA256), 0o644); err != nil {
		t.Fatal(err)
	}
}
