//go:build tensorflow

package fetch

import (
	"debug/elf"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// TestLibraries fetches the real libraries, if nobody has yet. It runs only where they are needed
// anyway.
func TestLibraries(t *testing.T) {
	tf, err := TensorFlow(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	ort, err := ONNXRuntime(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "linux" {
		return
	}
	exports(t, filepath.Join(tf, "lib", "libtensorflow.so"), "TF_Version", "TF_SessionRun", "TF_AddGradientsWithPrefix", "TF_NewServer")
	exports(t, ort, "OrtGetApiBase")
}

// exports checks that a shared library has functions.
func exports(t *testing.T, path string, functions ...string) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range functions {
		if !slices.ContainsFunc(symbols, func(s elf.Symbol) bool { return s.Name == name && s.Section != elf.SHN_UNDEF }) {
			t.Errorf("%s lacks %s", path, name)
		}
	}
}
