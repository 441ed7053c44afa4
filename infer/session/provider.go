package session

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"cyclegan/third_party/native"
)

// The execution providers of ONNX Runtime that a session can run on. An operation that a provider
// does not support runs on the CPU provider. CPU and OpenVINO (on a processor) have been tested; of
// the others only the checks that come before the device, such as missing libraries.
const (
	CPU      = "cpu"      // ONNX Runtime's own code, in every build
	CUDA     = "cuda"     // NVIDIA GPUs
	TensorRT = "tensorrt" // NVIDIA GPUs, with kernels tuned for minutes when a model is opened
	OpenVINO = "openvino" // Intel processors and GPUs
	CoreML   = "coreml"   // Apple
	DirectML = "directml" // any GPU on Windows
	// Auto is the first that works of CUDA, OpenVINO, CoreML, DirectML and CPU. It never takes
	// TensorRT, which starts slowly.
	Auto = "auto"
)

type provider struct {
	name   string
	title  string   // as ONNX Runtime's documentation writes it
	set    string   // the build of package native that has it; empty if none has
	goos   []string // operating systems that have it; nil for all
	device bool     // uses Options.DeviceID
	auto   bool     // is tried by Auto
	file   string   // its own library, without the system's prefix and suffix; empty if it has none
	fix    string   // how to get a build with it if set is empty
}

// providers are in the order in which Auto tries them.
var providers = []provider{
	{name: CUDA, title: "CUDA", set: native.CUDA, goos: []string{"linux", "windows"}, device: true, auto: true, file: "onnxruntime_providers_cuda"},
	{name: TensorRT, title: "TensorRT", set: native.CUDA, goos: []string{"linux", "windows"}, device: true, file: "onnxruntime_providers_tensorrt"},
	{name: OpenVINO, title: "OpenVINO", set: native.OpenVINO, goos: []string{"linux", "windows"}, auto: true, file: "onnxruntime_providers_openvino"},
	{name: CoreML, title: "CoreML", goos: []string{"darwin", "ios"}, auto: true, fix: "use ONNX Runtime's own build for macOS"},
	{name: DirectML, title: "DirectML", goos: []string{"windows"}, device: true, auto: true,
		fix: "set " + native.EnvONNXRuntime + " to the capi folder of the package onnxruntime-directml (1.24 or later)"},
	{name: CPU, title: "CPU", auto: true},
}

// Providers returns the names of the providers, Auto last. Which of them work depends on the
// machine and on the build of ONNX Runtime.
func Providers() []string {
	var names []string
	for _, p := range providers {
		names = append(names, p.name)
	}
	return append(names, Auto)
}

// known returns the provider of a name.
func known(name string) (provider, bool) {
	i := slices.IndexFunc(providers, func(p provider) bool { return p.name == name })
	if i < 0 {
		return provider{}, false
	}
	return providers[i], true
}

func (p provider) exists(goos string) bool { return p.goos == nil || slices.Contains(p.goos, goos) }

// candidates returns the providers to try in order.
func (o Options) candidates(goos string) []provider {
	var list []provider
	for _, p := range providers {
		if p.name == o.Provider || o.Provider == Auto && p.auto && p.exists(goos) {
			list = append(list, p)
		}
	}
	return list
}

// validateProvider reports what is invalid about the provider, its device and its options.
func (o *Options) validateProvider() error {
	name := cmp.Or(o.Provider, CPU)
	p, ok := known(name)
	if !ok && name != Auto {
		return fmt.Errorf("provider %q is unknown; it is one of %s", o.Provider, strings.Join(Providers(), ", "))
	}
	var bad []error
	if o.DeviceID > 0 && ok && !p.device {
		err := fmt.Errorf("device id %d: provider %q has none", o.DeviceID, name)
		if name == OpenVINO {
			err = fmt.Errorf("%w. Fix: use the provider option device_type, such as GPU.1", err)
		}
		bad = append(bad, err)
	}
	if len(o.ProviderOptions) == 0 {
		return errors.Join(bad...)
	}
	switch {
	case name == Auto:
		bad = append(bad, fmt.Errorf("provider options belong to one provider. Fix: name it instead of %q", Auto))
	case name == CPU:
		bad = append(bad, fmt.Errorf("provider options %s: provider %q has none", optionList(o.ProviderOptions), CPU))
	}
	for _, key := range slices.Sorted(maps.Keys(o.ProviderOptions)) {
		switch value := o.ProviderOptions[key]; {
		case key == "" || strings.ContainsRune(key+value, 0):
			bad = append(bad, fmt.Errorf("provider option %q=%q must be a name and a value without zero bytes", key, value))
		case key == "device_id" && p.device && o.DeviceID > 0:
			bad = append(bad, fmt.Errorf("provider option device_id=%s and device id %d mean the same. Fix: leave one out", value, o.DeviceID))
		case key == "device_type" && name == OpenVINO && !openVINODevice.MatchString(value):
			// OpenVINO accepts any word and then leaves the model to the CPU provider.
			bad = append(bad, fmt.Errorf("provider option device_type=%s must be CPU, GPU, GPU.1 and so on, NPU, or a list such as AUTO:GPU,CPU", value))
		}
	}
	return errors.Join(bad...)
}

var openVINODevice = regexp.MustCompile(`^((AUTO|HETERO|MULTI)(:|$))?((CPU|NPU|GPU)(\.\d+)?(,(CPU|NPU|GPU)(\.\d+)?)*)?$`)

func optionList(options map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(options)) {
		parts = append(parts, key+"="+options[key])
	}
	return strings.Join(parts, " ")
}

// A Refusal is a provider that Auto tried without success.
type Refusal struct {
	Provider string
	Err      error
}

func (r Refusal) String() string { return r.Err.Error() }

// A runtimeInUse is the ONNX Runtime that is loaded.
type runtimeInUse struct {
	version string
	library string // its file or name; empty if unknown
	named   string // how the user named it, Options.Library or the environment variable; empty if the user did not
}

func (r runtimeInUse) String() string {
	if r.library == "" {
		return "ONNX Runtime " + r.version
	}
	return "ONNX Runtime " + r.version + " in " + r.library
}

// file returns the path of a provider's own library, or "" if it has none or its folder is unknown.
func (r runtimeInUse) file(p provider, goos string) string {
	if !filepath.IsAbs(r.library) || p.file == "" {
		return ""
	}
	name := "lib" + p.file + ".so"
	if goos == "windows" {
		name = p.file + ".dll"
	}
	return filepath.Join(filepath.Dir(r.library), name)
}

// without returns the error for a build without the provider.
func (p provider) without(r runtimeInUse) error {
	return fmt.Errorf("provider %q: %v was built without %s\nFix: %s", p.name, r, p.title, p.fixBuild(r))
}

func (p provider) fixBuild(r runtimeInUse) string {
	install, installed := p.fix, false
	if p.set != "" {
		installed = native.Installed(p.set)
		install = "go run ./third_party install -with " + p.set
	}
	switch {
	case !p.exists(runtime.GOOS):
		return fmt.Sprintf("use provider %q or %q: %s exists on %s", CPU, Auto, p.title, strings.Join(p.goos, " and "))
	case r.named != "" && p.set != "":
		return fmt.Sprintf("let %s name a build with it, or unset it and run: %s", r.named, install)
	case installed:
		return fmt.Sprintf("set %s=%s, or open the models for %q before others: a process can hold one ONNX Runtime", native.EnvWith, p.set, p.name)
	}
	return install
}

// missing returns the error for a library that the provider needs and that cannot be opened.
func (p provider) missing(library, neededBy string, err error) error {
	fix := "go run ./third_party install -with " + p.set
	if strings.HasPrefix(library, "libnvinfer") || strings.HasPrefix(library, "libnvonnxparser") {
		fix = fmt.Sprintf("install TensorRT 10 for CUDA 12 and add its lib folder to LD_LIBRARY_PATH, or use provider %q", CUDA)
	} else if p.set == "" || native.Installed(p.set) {
		fix = "install " + library + " with the system's package manager, or add its folder to LD_LIBRARY_PATH"
	}
	return fmt.Errorf("provider %q: cannot open %s, which %s needs: %w\nFix: %s", p.name, library, neededBy, err, fix)
}

// lacksProvider reports whether ONNX Runtime's error means that the build lacks the provider.
func lacksProvider(err error) bool {
	return slices.ContainsFunc([]string{
		"not enabled in this build", "not supported in this build", "does not support CoreML", "Specified provider is not supported", "Unknown provider name",
	}, func(words string) bool { return strings.Contains(err.Error(), words) })
}
