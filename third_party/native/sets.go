package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// The sets of builds.
const (
	CPU      = "cpu"      // the builds that everybody gets
	CUDA     = "cuda"     // TensorFlow and ONNX Runtime for NVIDIA's GPUs, with NVIDIA's libraries
	OpenVINO = "openvino" // ONNX Runtime with OpenVINO, for Intel's processors and GPUs
)

// EnvWith names the set of builds to use: [CPU], [CUDA] or [OpenVINO]. Without it, CUDA is used where it is
// installed (see [FetchWith]) and the machine has NVIDIA's driver, and CPU everywhere else.
const EnvWith = "CYCLEGAN_WITH"

// With is the set of builds in use.
func With() (set string, err error) {
	return choose(os.Getenv(EnvWith), func() bool { return Installed(CUDA) && NVIDIADriver() != "" })
}

func choose(named string, cudaWorks func() bool) (set string, err error) {
	switch named {
	case CPU, CUDA, OpenVINO:
		return named, nil
	case "":
		if cudaWorks() {
			return CUDA, nil
		}
		return CPU, nil
	}
	return "", withMend(fmt.Errorf("%s=%s: there is no such set of libraries", EnvWith, named), "set %s to %s, %s or %s, or unset it", EnvWith, CPU, CUDA, OpenVINO)
}

// ofSet are the wheels that a set adds, for this machine, in the order in which they are to be fetched: a library after those that it needs.
func ofSet(set string) []Wheel {
	var first, then []Wheel
	for _, w := range Wheels() {
		switch {
		case w.With != set || w.GOOS != runtime.GOOS || w.GOARCH != runtime.GOARCH:
		case w.nvidia():
			first = append(first, w)
		default:
			then = append(then, w)
		}
	}
	return append(first, then...)
}

func (w Wheel) nvidia() bool { return strings.HasPrefix(w.Library, "nvidia-") }

// Installed says whether everything that a set adds is in the cache.
func Installed(set string) bool {
	wheels := ofSet(set)
	for _, w := range wheels {
		if _, ok, err := w.cached(); err != nil || !ok {
			return false
		}
	}
	return len(wheels) > 0
}

// Place is a library and where it lies.
type Place struct {
	Title string
	Path  string // the library's folder
}

// FetchWith fetches into the cache what a set, [CUDA] or [OpenVINO], adds and what is not there yet. Progress goes to log.
// The error is [ErrNoBuild] where the set has no builds for this platform.
func FetchWith(ctx context.Context, log io.Writer, set string) ([]Place, error) {
	if _, err := choose(set, func() bool { return false }); err != nil || set == "" || set == CPU {
		return nil, withMend(fmt.Errorf("%q: there is no such set of libraries", set), "give %s or %s", CUDA, OpenVINO)
	}
	wheels := ofSet(set)
	if len(wheels) == 0 {
		_, err := here(onnxRuntime, set)
		return nil, err
	}
	var places []Place
	for _, w := range wheels {
		dir, err := w.install(ctx, log)
		if err != nil {
			return nil, err
		}
		places = append(places, Place{w.String(), dir})
	}
	return places, nil
}

// installCommand is what a person runs to get a set.
func installCommand(set string) string { return "go run ./third_party install -with " + set }

// FindONNXRuntimeWith is the path of the ONNX Runtime of a set: the one that [EnvONNXRuntime] names, if it is none of the cache (named),
// else the cache's. The error is [ErrNotFound] where the set is not installed.
func FindONNXRuntimeWith(set string) (path string, named bool, err error) {
	if path := os.Getenv(EnvONNXRuntime); path != "" && !inCache(path) {
		path, err := FindONNXRuntime()
		return path, true, err
	}
	path, err = onnxRuntimeOf(set)
	if set != CPU && errors.Is(err, ErrNotFound) && !errors.Is(err, ErrNoBuild) {
		err = withMend(err, "%s", installCommand(set))
	}
	return path, false, err
}

// inCache says whether a path is that of a library in the cache. [Environ] sets such paths, which then are nobody's own choice.
func inCache(path string) bool {
	cache, err := CacheDir()
	if err != nil {
		return false
	}
	for _, w := range Wheels() {
		if strings.HasPrefix(path, filepath.Join(cache, filepath.FromSlash(w.folder()))+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

// NVIDIALibrary is the path of one of NVIDIA's libraries in the cache, by its file name such as libcudnn.so.9, or "" if it is not there.
func NVIDIALibrary(name string) string {
	for _, w := range ofSet(CUDA) {
		for _, p := range w.parts {
			if !w.nvidia() || p.to != "lib/"+name {
				continue
			}
			if dir, ok, err := w.cached(); err == nil && ok {
				return filepath.Join(dir, "lib", name)
			}
		}
	}
	return ""
}

// driverName is the library of NVIDIA's driver, which no package brings: it belongs to the machine.
const driverName = "libcuda.so.1"

// NVIDIADriver is the path of the driver's library, libcuda.so.1, or "" if the machine has none where its loader looks.
// It is for Linux; elsewhere there is none to be found.
func NVIDIADriver() string {
	if runtime.GOOS != "linux" {
		return ""
	}
	dirs := filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))
	cache, _ := os.ReadFile("/etc/ld.so.cache")
	dirs = append(dirs, inLoaderCache(cache, driverName)...)
	for _, dir := range append(dirs, "/lib64", "/usr/lib64", "/usr/lib") {
		path := filepath.Join(dir, driverName)
		if info, err := os.Stat(path); err == nil && !info.IsDir() && dir != "" {
			return path
		}
	}
	return ""
}

// inLoaderCache are the folders in which the loader's cache has a library. The cache is a table
// whose names, the full paths among them, end with a zero byte each.
func inLoaderCache(cache []byte, name string) (dirs []string) {
	for s := range bytes.SplitSeq(cache, []byte{0}) {
		if dir, ok := strings.CutSuffix(string(s), "/"+name); ok {
			if at := strings.IndexByte(dir, '/'); at >= 0 {
				dirs = append(dirs, dir[at:])
			}
		}
	}
	return dirs
}
