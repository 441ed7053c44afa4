package session

import (
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"cyclegan/third_party/native"
)

// A NotFoundError reports that ONNX Runtime is in none of the places that are searched. A program
// that can fetch it checks for this error with errors.As.
type NotFoundError struct {
	// Cache is why the cache has none.
	Cache error
	// System holds the errors of the system's loader, one per name.
	System []string
}

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("ONNX Runtime was not found. Searched, in this order:\n"+
		"  1. Options.Library: not set\n"+
		"  2. the environment variable %s: not set\n"+
		"  3. the user's cache: %v\n"+
		"  4. the system: %s\n"+
		"Fix: run `go run ./third_party install` in the cyclegan checkout, or set %[1]s to the library or its folder",
		native.EnvONNXRuntime, e.Cache, strings.Join(e.System, "; "))
}

// How a user may name a library, in messages.
const (
	byOption      = "Options.Library"
	byEnvironment = "the environment variable " + native.EnvONNXRuntime
)

// search calls load with a path or name from each place until one loads. A library that the user
// named must load: nothing else is tried after it. From the cache it takes the build with the
// provider. It returns how the user named the library, or "".
func search(library, provider string, load func(name string) error) (named string, err error) {
	var path string
	place := "the user's cache"
	if library != "" {
		place, named = byOption, byOption
		path, err = libraryAt(library)
	} else {
		var set bool
		if path, set, err = cached(provider); set {
			place, named = byEnvironment, byEnvironment
		}
	}
	if errors.Is(err, native.ErrNotFound) {
		return "", searchSystem(provider, err, load)
	}
	if err != nil {
		return "", fmt.Errorf("find ONNX Runtime by %s: %w", place, err)
	}
	if err := load(path); err != nil {
		return named, fmt.Errorf("ONNX Runtime as found by %s cannot be used: %w", place, err)
	}
	return named, nil
}

func searchSystem(provider string, cacheErr error, load func(name string) error) error {
	missing := &NotFoundError{Cache: cacheErr}
	for _, name := range systemNames(runtime.GOOS) {
		err := load(name)
		if err == nil {
			return nil
		}
		missing.System = append(missing.System, err.Error())
	}
	if p, ok := known(provider); ok && p.set != "" {
		// Not a NotFoundError, since programs would then fetch the default build.
		return fmt.Errorf("provider %q: no ONNX Runtime with %s was found. The system: %s. The user's cache: %w",
			provider, p.title, strings.Join(missing.System, "; "), cacheErr)
	}
	return missing
}

// cached returns the build for a provider, from the folder that the environment variable names
// (named) or from the user's cache.
func cached(provider string) (path string, named bool, err error) {
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

// systemNames are the names by which an operating system's loader may know the library.
func systemNames(goos string) []string {
	switch goos {
	case "windows":
		return []string{"onnxruntime.dll"}
	case "darwin", "ios":
		return []string{"libonnxruntime.dylib"}
	}
	return []string{"libonnxruntime.so", "libonnxruntime.so.1"}
}

// libraryAt returns the absolute path of the library at place: the file itself, or in a folder laid
// out like a wheel (capi) or an official archive (lib).
func libraryAt(place string) (string, error) {
	info, err := os.Stat(place)
	if err != nil {
		return "", fmt.Errorf("%w. Fix: name the library or the folder that holds it", err)
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
			// The shortest name has no version and links to the right one.
			name := slices.MinFunc(found, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
			return filepath.Abs(filepath.Join(place, sub, name))
		}
	}
	return "", fmt.Errorf("folder %q holds no %s", place, systemNames(runtime.GOOS)[0])
}

// isLibrary reports whether a file name is ONNX Runtime's, with or without a version:
// libonnxruntime.so.1.28.0, libonnxruntime.1.28.0.dylib.
func isLibrary(name, goos string) bool {
	switch goos {
	case "windows":
		return strings.EqualFold(name, "onnxruntime.dll")
	case "darwin", "ios":
		return strings.HasPrefix(name, "libonnxruntime.") && strings.HasSuffix(name, ".dylib")
	}
	return name == "libonnxruntime.so" || strings.HasPrefix(name, "libonnxruntime.so.")
}

// ready opens the libraries that a provider's own library needs, before ONNX Runtime opens that.
// ONNX Runtime says little about what is missing, and no loader searches the cache for NVIDIA's
// libraries; a library that is open by its path also serves those who need it by its name.
// Only Linux needs it.
func (p provider) ready(r runtimeInUse, goos string, open func(name string) error) error {
	file := r.file(p, goos)
	if file == "" {
		return nil
	}
	if _, err := os.Stat(file); err != nil {
		return p.without(r)
	}
	if goos != "linux" {
		return nil
	}
	if p.set == native.CUDA {
		if err := open("libcuda.so.1"); err != nil {
			return fmt.Errorf("provider %q: NVIDIA's driver is missing: %w\nFix: install the driver (nvidia-smi then lists the GPU), or use provider %q",
				p.name, err, CPU)
		}
	}
	for _, name := range needed(file) {
		// From the provider's folder, the cache, or by the system's loader.
		path := filepath.Join(filepath.Dir(file), name)
		if _, err := os.Stat(path); err != nil {
			path = cmp.Or(native.NVIDIALibrary(name), name)
		}
		if err := open(path); err != nil {
			return p.missing(name, filepath.Base(file), err)
		}
	}
	return nil
}

// needed returns the names of the libraries that an ELF library needs, without the loader itself.
// It returns nil for any other file.
func needed(file string) []string {
	f, err := elf.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, err := f.ImportedLibraries()
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "ld-") })
}
