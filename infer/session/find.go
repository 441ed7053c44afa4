package session

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"cyclegan/third_party/native"
)

// A NotFoundError says that ONNX Runtime was in none of the places where it is looked for.
// A program that can fetch it asks for this error with errors.As.
type NotFoundError struct {
	// Cache says why the cache has none.
	Cache error
	// System is what the system's loader answered for each name that it was asked for.
	System []error
}

func (e *NotFoundError) Error() string {
	var b strings.Builder
	b.WriteString("ONNX Runtime was not found. It was looked for, in this order, by\n")
	b.WriteString("  1. Options.Library: not set\n")
	fmt.Fprintf(&b, "  2. the environment variable %s: not set\n", native.EnvONNXRuntime)
	fmt.Fprintf(&b, "  3. the user's cache: %v\n", e.Cache)
	fmt.Fprintf(&b, "  4. the system: %v\n", joined(e.System))
	fmt.Fprintf(&b, "to mend it: run `go run ./third_party install` in the cyclegan checkout, or set %s to the library or its folder", native.EnvONNXRuntime)
	return b.String()
}

// joined puts errors on one line.
func joined(errs []error) string {
	parts := make([]string, len(errs))
	for i, err := range errs {
		parts[i] = err.Error()
	}
	return strings.Join(parts, "; ")
}

// The places that a person may name a library by, in messages.
const (
	byOption      = "Options.Library"
	byEnvironment = "the environment variable " + native.EnvONNXRuntime
)

// search tries the places in their order: it calls load with a path or name until one loads. A place that the user named
// (library, or the environment variable) must hold a library that loads: nothing else is tried after it, and by tells which it was.
// In the cache it takes the build that has the provider.
func search(library, provider string, load func(name string) error) (by string, err error) {
	if library != "" {
		path, err := libraryAt(library)
		if err != nil {
			return "", fmt.Errorf("find ONNX Runtime by Options.Library: %w", err)
		}
		return byOption, named(byOption, load(path))
	}
	path, own, err := cached(provider)
	if err == nil {
		if own {
			return byEnvironment, named(byEnvironment, load(path))
		}
		return "", named("the user's cache", load(path))
	}
	if !errors.Is(err, native.ErrNotFound) {
		return "", fmt.Errorf("find ONNX Runtime: %w", err)
	}
	missing := &NotFoundError{Cache: err}
	for _, name := range systemNames(runtime.GOOS) {
		err := load(name)
		if err == nil {
			return "", nil
		}
		missing.System = append(missing.System, err)
	}
	if p, ok := known(provider); ok && p.set != "" {
		// a NotFoundError would make programs fetch the usual build
		return "", fmt.Errorf("provider %q: no ONNX Runtime with %s was found. The system: %s. The user's cache: %w", provider, p.title, joined(missing.System), err)
	}
	return "", missing
}

// cached is the build for a provider, in the place that the environment variable names (own) or in the user's cache.
func cached(provider string) (path string, own bool, err error) {
	set, err := native.ActiveSet()
	if err != nil {
		return "", false, err
	}
	p, _ := known(provider)
	switch {
	case p.set != "":
		set = p.set
	case provider == Auto && set == native.CPU && os.Getenv(native.EnvWith) == "" && native.Installed(native.OpenVINO):
		set = native.OpenVINO
	}
	return native.FindONNXRuntimeWith(set)
}

// named says which place brought a library that does not load.
func named(place string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("ONNX Runtime as found by %s cannot be used: %w", place, err)
}

// systemNames are the names that the loader of an operating system may know the library by.
func systemNames(goos string) []string {
	switch goos {
	case "windows":
		return []string{"onnxruntime.dll"}
	case "darwin", "ios":
		return []string{"libonnxruntime.dylib"}
	}
	return []string{"libonnxruntime.so", "libonnxruntime.so.1"}
}

// libraryAt gives the library file at a place that is either that file or a folder with it,
// as the folders of a wheel (capi) and of the official archives (lib) are.
// The path is absolute, since loaders take a bare file name for one to look for elsewhere.
func libraryAt(place string) (string, error) {
	info, err := os.Stat(place)
	if err != nil {
		return "", fmt.Errorf("%w: name the library or the folder that holds it", err)
	}
	if !info.IsDir() {
		return filepath.Abs(place)
	}
	for _, sub := range []string{".", "lib", "capi"} {
		entries, err := os.ReadDir(filepath.Join(place, sub))
		if err != nil {
			continue
		}
		var found []string
		for _, e := range entries {
			if isLibrary(e.Name(), runtime.GOOS) {
				found = append(found, e.Name())
			}
		}
		if len(found) > 0 {
			// The shortest name is the one without a version, made to be linked to the right one.
			name := slices.MinFunc(found, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
			return filepath.Abs(filepath.Join(place, sub, name))
		}
	}
	return "", fmt.Errorf("folder %q holds no %s", place, systemNames(runtime.GOOS)[0])
}

// isLibrary says whether a file name is ONNX Runtime's, with or without a version: libonnxruntime.so.1.28.0, libonnxruntime.1.28.0.dylib.
func isLibrary(name, goos string) bool {
	switch goos {
	case "windows":
		return strings.EqualFold(name, "onnxruntime.dll")
	case "darwin", "ios":
		return strings.HasPrefix(name, "libonnxruntime.") && strings.HasSuffix(name, ".dylib")
	}
	return name == "libonnxruntime.so" || strings.HasPrefix(name, "libonnxruntime.so.")
}
