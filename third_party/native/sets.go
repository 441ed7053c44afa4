package native

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// The sets of builds.
const (
	CPU      = "cpu"      // the default builds
	CUDA     = "cuda"     // TensorFlow and ONNX Runtime for NVIDIA GPUs, with NVIDIA's libraries
	OpenVINO = "openvino" // ONNX Runtime with OpenVINO, for Intel processors and GPUs
)

// ActiveSet returns the set of builds in use: the value of [EnvWith], or else [CUDA] if it is
// installed and the machine has NVIDIA's driver, or else [CPU].
func ActiveSet() (set string, err error) {
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
	return "", fmt.Errorf("%s=%s: unknown set of libraries\nFix: set %s to %s, %s or %s, or unset it",
		EnvWith, named, EnvWith, CPU, CUDA, OpenVINO)
}

// OfSet returns the wheels that a set adds on this machine, each after the ones that it needs.
func OfSet(set string) []Wheel {
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

// Installed reports whether everything that a set adds is in the cache.
func Installed(set string) bool {
	wheels := OfSet(set)
	for _, w := range wheels {
		if _, ok, err := w.Cached(); err != nil || !ok {
			return false
		}
	}
	return len(wheels) > 0
}

// NVIDIALibrary returns the path of one of NVIDIA's libraries in the cache, given its file name
// such as libcudnn.so.9, or "" if it is not cached.
func NVIDIALibrary(name string) string {
	for _, w := range OfSet(CUDA) {
		for _, p := range w.Parts {
			if !w.nvidia() || p.To != "lib/"+name {
				continue
			}
			if dir, ok, err := w.Cached(); err == nil && ok {
				return filepath.Join(dir, "lib", name)
			}
		}
	}
	return ""
}

// driverName is the library of NVIDIA's driver, which is installed with the system.
const driverName = "libcuda.so.1"

// NVIDIADriver returns the path of libcuda.so.1, or "" if it is not where the loader looks. It
// works on Linux only.
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

// inLoaderCache returns the folders that the loader's cache lists for a library. The cache is a
// table of zero-terminated names, full paths among them.
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
