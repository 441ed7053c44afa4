package native

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// Names of the libraries, as in [Wheel.Library].
const (
	tensorFlow  = "tensorflow"
	onnxRuntime = "onnxruntime"
)

// Wheel is one library built for one platform, as the Python package registry has it.
// Nothing of Python is used from it: a wheel is a zip file that happens to hold the shared library (and TensorFlow's headers).
type Wheel struct {
	Library string // "tensorflow", "onnxruntime", or "nvidia-" and one of NVIDIA's
	With    string // the set that the build belongs to, [CUDA] or [OpenVINO]; empty for the builds that everybody gets
	Title   string // the library's name in messages
	Version string
	Package string // name of the Python package
	GOOS    string
	GOARCH  string
	Tag     string // platform tag to ask for
	Python  string // Python version to ask for; "3" for a wheel that suits every one
	License string // SPDX expression
	SHA256  string // of the wheel, in hexadecimal
	Bytes   int64  // of the wheel
	Tried   bool   // whether the project has been run with it

	// what to take out of the wheel and where to put it
	parts []part
	links []link
	// place in the cache, where it is not the usual one
	dir string
}

// part is a file of the wheel, or with a trailing slash the headers of a folder, and its place in the library's folder.
type part struct{ from, to string }

// link is a second name: for an unpacked file in the same folder, or for another library's folder.
type link struct{ name, target string }

// Wheels lists every library for every platform, in a fixed order.
func Wheels() []Wheel { return slices.Concat(wheels, cudaWheels, openVINOWheels) }

// wheels are the builds for the CPU, which everybody gets.
var wheels = []Wheel{
	tensorFlowWheel("linux", "amd64", "tensorflow-cpu", "manylinux_2_17_x86_64", true,
		"810c75d7149d2da0cb2092187817b0dcabb80728ca9f9cf3a61f3f42fadd1298", 230236181),
	tensorFlowWheel("linux", "arm64", "tensorflow", "manylinux_2_17_aarch64", false,
		"8a6485edd2148f70d011dbd1d8dc2c775e91774a5a159466e83d0d1f21580944", 231937898,
		// the library's run path leads to this one's place beside lib
		part{"tensorflow.libs/libomp-6196b3b5.so.5", "tensorflow.libs/libomp-6196b3b5.so.5"}),
	tensorFlowWheel("darwin", "arm64", "tensorflow", "macosx_12_0_arm64", false,
		"661029cd769b311db910b79a3a6ef50a5a61ecc947172228c777a49989722508", 239549037,
		part{"tensorflow/include/tensorflow/compiler/xla/tsl/c/", "include/tensorflow/compiler/xla/tsl/c/"}),
	onnxRuntimeWheel("linux", "amd64", "manylinux_2_28_x86_64", true,
		"a166b78ee04f3a37fa1ef82034b6a3ce96d9684e582d4d30b296de83e9998bb5", 19193162, "libonnxruntime.so.1.28.0"),
	onnxRuntimeWheel("linux", "arm64", "manylinux_2_28_aarch64", false,
		"8d66f9ceb29909c70839e4e4fb3435c7b490050d8f162bd5f3aba4ca01ee517f", 17039880, "libonnxruntime.so.1.28.0"),
	onnxRuntimeWheel("darwin", "arm64", "macosx_14_0_arm64", false,
		"f5c5daabd28aad610f83fdcf32acec8fb57e6adc6c6a39fe2a3c755db957b410", 19130506, "libonnxruntime.1.28.0.dylib"),
	onnxRuntimeWheel("windows", "amd64", "win_amd64", false,
		"0d650aeee29368414367b65529e90afe4bf1bab76254789063b8b2f7ea3013c8", 13752539, "onnxruntime.dll"),
}

func tensorFlowWheel(goos, goarch, pkg, tag string, tried bool, sha256 string, bytes int64, more ...part) Wheel {
	so := func(name, version string) string {
		if goos == "darwin" {
			return name + version + ".dylib"
		}
		return name + ".so" + version
	}
	cc, framework := so("libtensorflow_cc", ".2"), so("libtensorflow_framework", ".2")
	return Wheel{
		Library: tensorFlow, Title: "TensorFlow", Version: "2.18.1", Package: pkg, GOOS: goos, GOARCH: goarch,
		Tag: tag, Python: "3.11", License: "Apache-2.0", SHA256: sha256, Bytes: bytes, Tried: tried,
		parts: append([]part{
			{"tensorflow/include/tensorflow/c/", "include/tensorflow/c/"},
			{"tensorflow/include/tensorflow/core/platform/ctstring.h", "include/tensorflow/core/platform/ctstring.h"},
			{"tensorflow/include/tsl/platform/ctstring.h", "include/tsl/platform/ctstring.h"},
			{"tensorflow/include/tsl/platform/ctstring_internal.h", "include/tsl/platform/ctstring_internal.h"},
			{"tensorflow/include/xla/tsl/c/", "include/xla/tsl/c/"},
			{"tensorflow/" + cc, "lib/" + cc},
			{"tensorflow/" + framework, "lib/" + framework},
			{"tensorflow/include/LICENSE", "LICENSE"},
			{"tensorflow/THIRD_PARTY_NOTICES.txt", "THIRD_PARTY_NOTICES.txt"},
		}, more...),
		// the C++ library has the whole C API, and these are the names that the linker looks for
		links: []link{
			{"lib/" + so("libtensorflow", ""), cc},
			{"lib/" + so("libtensorflow_framework", ""), framework},
		},
	}
}

func onnxRuntimeWheel(goos, goarch, tag string, tried bool, sha256 string, bytes int64, file string) Wheel {
	return Wheel{
		Library: onnxRuntime, Title: "ONNX Runtime", Version: "1.28.0", Package: "onnxruntime", GOOS: goos, GOARCH: goarch,
		Tag: tag, Python: "3.11", License: "MIT", SHA256: sha256, Bytes: bytes, Tried: tried,
		parts: []part{
			{"onnxruntime/capi/" + file, "lib/" + file},
			{"onnxruntime/LICENSE", "LICENSE"},
			{"onnxruntime/ThirdPartyNotices.txt", "ThirdPartyNotices.txt"},
		},
	}
}

// String names the library and its version as messages do.
func (w Wheel) String() string {
	if w.With != "" && !w.nvidia() {
		return w.Title + " " + w.Version + " with " + w.With
	}
	return w.Title + " " + w.Version
}

// Requirement is the package and version in pip's form.
func (w Wheel) Requirement() string { return w.Package + "==" + w.Version }

// PythonTag is the interpreter and ABI tag of the wheel.
func (w Wheel) PythonTag() string {
	if w.Python == "3" {
		return "py3"
	}
	return "cp" + strings.ReplaceAll(w.Python, ".", "")
}

// folder is the name of the library's folder in the cache.
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

// files are the paths, relative to the library's folder, without which the library is not whole.
func (w Wheel) files() []string {
	var names []string
	for _, p := range w.parts {
		if !strings.HasSuffix(p.to, "/") {
			names = append(names, p.to)
		}
	}
	for _, l := range w.links {
		if !l.leadsOut() {
			names = append(names, l.name)
		}
	}
	return names
}

// leadsOut says that what the link leads to is another library's, which may come later.
func (l link) leadsOut() bool { return strings.HasPrefix(l.target, "../") }

// pick finds the build of a library for a platform; set is the set that it belongs to, or [CPU].
func pick(library, set, goos, goarch string) (Wheel, error) {
	with := set
	if set == CPU {
		with = ""
	}
	var title string
	var have []string
	for _, w := range Wheels() {
		if w.Library != library || w.With != with {
			continue
		}
		if w.GOOS == goos && w.GOARCH == goarch {
			return w, nil
		}
		title = w.Title
		have = append(have, w.GOOS+"/"+w.GOARCH)
	}
	env := EnvTensorFlow
	if library == onnxRuntime {
		env = EnvONNXRuntime
	}
	if with == "" {
		return Wheel{}, withMend(fmt.Errorf("%s for %s/%s: %w (there is %s)", title, goos, goarch, ErrNoBuild, strings.Join(have, ", ")),
			"use one of these platforms, or set %s to a build of your own", env)
	}
	return Wheel{}, withMend(fmt.Errorf("%s with %s for %s/%s: %w (there is %s)", title, with, goos, goarch, ErrNoBuild, strings.Join(have, ", ")),
		"use one of these platforms, set %s to a build of your own, or set %s to %s", env, EnvWith, CPU)
}

// here is the build of a library for this machine.
func here(library, set string) (Wheel, error) {
	return pick(library, set, runtime.GOOS, runtime.GOARCH)
}
