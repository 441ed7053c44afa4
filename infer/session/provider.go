package session

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"cyclegan/third_party/native"
)

// The providers that a session can run on: what ONNX Runtime hands a model's operations to. An operation that a provider cannot do
// falls to ONNX Runtime's own code. CPU and OpenVINO (on a processor) have been tried; of the others what comes before
// their device does, such as which library is missing.
const (
	CPU      = "cpu"      // ONNX Runtime's own code, in every build
	CUDA     = "cuda"     // NVIDIA's GPUs
	TensorRT = "tensorrt" // NVIDIA's GPUs, with kernels that are tuned when a model is opened, which takes minutes
	OpenVINO = "openvino" // Intel's processors and GPUs
	CoreML   = "coreml"   // Apple's machines
	DirectML = "directml" // any GPU on Windows
	// Auto takes the best that works: CUDA, else OpenVINO, CoreML or DirectML, else CPU. It never takes TensorRT, for its long start.
	Auto = "auto"
)

// A provider is what has to be known of one.
type provider struct {
	name   string
	title  string   // as ONNX Runtime's options and its makers call it
	set    string   // of native's builds that has it; empty for those that native has none of
	goos   []string // systems that it exists on; nil for every one
	device bool     // takes Options.DeviceID
	auto   bool     // is tried by Auto
	file   string   // the library beside ONNX Runtime's that it opens for the provider, without the system's prefix and suffix; empty for none
	mend   string   // how to come by a build that has it, where set is empty
}

// providers in the order in which Auto tries them.
var providers = []provider{
	{name: CUDA, title: "CUDA", set: native.CUDA, goos: []string{"linux", "windows"}, device: true, auto: true, file: "onnxruntime_providers_cuda"},
	{name: TensorRT, title: "TensorRT", set: native.CUDA, goos: []string{"linux", "windows"}, device: true, file: "onnxruntime_providers_tensorrt"},
	{name: OpenVINO, title: "OpenVINO", set: native.OpenVINO, goos: []string{"linux", "windows"}, auto: true, file: "onnxruntime_providers_openvino"},
	{name: CoreML, title: "CoreML", goos: []string{"darwin", "ios"}, auto: true, mend: "use ONNX Runtime's own build for macOS"},
	{name: DirectML, title: "DirectML", goos: []string{"windows"}, device: true, auto: true,
		mend: "set " + native.EnvONNXRuntime + " to the capi folder of the package onnxruntime-directml (1.24 or later)"},
	{name: CPU, title: "CPU", auto: true},
}

// Providers lists the providers' names, Auto last. Which of them work depends on the machine and on the build of ONNX Runtime.
func Providers() []string {
	var names []string
	for _, p := range providers {
		names = append(names, p.name)
	}
	return append(names, Auto)
}

// known finds a provider by its name.
func known(name string) (provider, bool) {
	i := slices.IndexFunc(providers, func(p provider) bool { return p.name == name })
	if i < 0 {
		return provider{}, false
	}
	return providers[i], true
}

// exists says whether the provider exists on an operating system at all.
func (p provider) exists(goos string) bool { return p.goos == nil || slices.Contains(p.goos, goos) }

// candidates are the providers to try, one after the other.
func (o Options) candidates(goos string) []provider {
	var list []provider
	for _, p := range providers {
		if p.name == o.Provider || o.Provider == Auto && p.auto && p.exists(goos) {
			list = append(list, p)
		}
	}
	return list
}

// validateProvider lists what makes no sense about the provider, its device and its options.
func (o *Options) validateProvider() error {
	name := o.Provider
	if name == "" {
		name = CPU
	}
	p, ok := known(name)
	if !ok && name != Auto {
		return fmt.Errorf("provider %q is unknown: it is one of %s", o.Provider, strings.Join(Providers(), ", "))
	}
	var bad []error
	if o.DeviceID > 0 && ok && !p.device {
		err := fmt.Errorf("device id %d: provider %q takes none", o.DeviceID, name)
		if name == OpenVINO {
			err = fmt.Errorf("%w: its device is the provider option device_type, such as GPU.1", err)
		}
		bad = append(bad, err)
	}
	if len(o.ProviderOptions) == 0 {
		return errors.Join(bad...)
	}
	switch {
	case name == Auto:
		bad = append(bad, fmt.Errorf("provider options are of one provider: name it instead of %q", Auto))
	case name == CPU:
		bad = append(bad, fmt.Errorf("provider options %s: provider %q takes none", optionList(o.ProviderOptions), CPU))
	}
	for _, key := range slices.Sorted(maps.Keys(o.ProviderOptions)) {
		switch value := o.ProviderOptions[key]; {
		case key == "" || strings.ContainsRune(key+value, 0):
			bad = append(bad, fmt.Errorf("provider option %q=%q: it is a name and a value without zero bytes", key, value))
		case key == "device_id" && p.device && o.DeviceID > 0:
			bad = append(bad, fmt.Errorf("provider option device_id=%s and device id %d name the same thing: leave one out", value, o.DeviceID))
		case key == "device_type" && name == OpenVINO && !openVINODevice.MatchString(value):
			// OpenVINO takes any word for a device, and then leaves the model to the CPU provider
			bad = append(bad, fmt.Errorf("provider option device_type=%s: it is CPU, GPU, GPU.1 and so on, NPU, or a list of them as in AUTO:GPU,CPU", value))
		}
	}
	return errors.Join(bad...)
}

var openVINODevice = regexp.MustCompile(`^((AUTO|HETERO|MULTI)(:|$))?((CPU|NPU|GPU)(\.\d+)?(,(CPU|NPU|GPU)(\.\d+)?)*)?$`)

// optionList writes provider options as key=value, in order.
func optionList(options map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(options)) {
		parts = append(parts, key+"="+options[key])
	}
	return strings.Join(parts, " ")
}

// A Refusal says why Auto did not take a provider that it would have preferred.
type Refusal struct {
	Provider string
	Err      error
}

func (r Refusal) String() string { return r.Err.Error() }

// A runtimeInUse is the ONNX Runtime that is open.
type runtimeInUse struct {
	version string
	library string // its file; empty where the program, or the system's loader, chose it
	named   string // what a person named it by, Options.Library or the environment variable; empty where nobody did
	opened  bool   // by the session that asks, rather than by an earlier one
}

func (r runtimeInUse) String() string {
	if r.library == "" {
		return "ONNX Runtime " + r.version
	}
	return "ONNX Runtime " + r.version + " in " + r.library
}

// file is the path of the provider's own library, "" if it has none or its folder is not known.
func (r runtimeInUse) file(p provider, goos string) string {
	if !filepath.IsAbs(r.library) || p.file == "" {
		return ""
	}
	name := "lib" + p.file + ".so"
	switch goos {
	case "windows":
		name = p.file + ".dll"
	case "darwin", "ios":
		name = "lib" + p.file + ".dylib"
	}
	return filepath.Join(filepath.Dir(r.library), name)
}

// offers are the providers with a library of their own that this build has.
func (r runtimeInUse) offers() []string {
	has := []string{CPU}
	for _, p := range providers {
		if file := r.file(p, runtime.GOOS); file != "" {
			if _, err := os.Stat(file); err == nil {
				has = append(has, p.name)
			}
		}
	}
	return has
}

// without is the error for a build that lacks a provider.
func (p provider) without(r runtimeInUse) error {
	return fmt.Errorf("provider %q: %v was built without %s (it has %s)\nto mend it: %s", p.name, r, p.title, strings.Join(r.offers(), ", "), p.mendBuild(r))
}

// mendBuild is what gets a build with the provider into use.
func (p provider) mendBuild(r runtimeInUse) string {
	install := p.mend
	installed := false
	if p.set != "" {
		installed = native.Installed(p.set)
		install = "go run ./third_party install -with " + p.set
	}
	switch {
	case !p.exists(runtime.GOOS):
		return fmt.Sprintf("use provider %q or %q: %s exists on %s", CPU, Auto, p.title, strings.Join(p.goos, " and "))
	case r.named != "" && p.set != "":
		return fmt.Sprintf("let %s name a build with it, or unset it and run: %s", r.named, install)
	case installed && !r.opened:
		return fmt.Sprintf("set %s=%s, or open the models for %q before others: a process can hold one ONNX Runtime", native.EnvWith, p.set, p.name)
	}
	return install
}

// missing is the error for a library that the provider needs and that cannot be opened.
func (p provider) missing(library, neededBy string, err error) error {
	mend := "go run ./third_party install -with " + p.set
	if tensorRTLibrary.MatchString(library) {
		mend = fmt.Sprintf("install TensorRT 10 for CUDA 12 and put its lib folder on LD_LIBRARY_PATH, or use provider %q", CUDA)
	} else if p.set == "" || native.Installed(p.set) {
		mend = "install " + library + " with the system's package manager, or put its folder on LD_LIBRARY_PATH"
	}
	return fmt.Errorf("provider %q: %s cannot be opened, which %s needs: %w\nto mend it: %s", p.name, library, neededBy, err, mend)
}

// mendOption is what to do about a provider option that is not taken, whose fault ONNX Runtime mostly does not tell.
func (p provider) mendOption(key string) string {
	switch {
	case p.name == OpenVINO && key == "device_type":
		return "leave it out, which takes the processor, or see that the device is there and its driver is installed"
	case p.name == OpenVINO && key == "load_config":
		return `give the JSON itself and no file's name, as in {"CPU":{"INFERENCE_PRECISION_HINT":"bf16"}}, with properties that OpenVINO's documentation lists`
	case key == "device_id":
		return "see that the device is there, or leave it out"
	}
	return "leave it out, or see ONNX Runtime's documentation of its " + p.title + " provider for names and values"
}

var tensorRTLibrary = regexp.MustCompile(`^libnv(infer|onnxparser)`)

// noDriver is the error for a machine without NVIDIA's driver, which no installation of ours brings.
func (p provider) noDriver(err error) error {
	return fmt.Errorf("provider %q: NVIDIA's driver is missing: %w\nto mend it: install the driver of a GPU in this machine (nvidia-smi then lists it), or use provider %q", p.name, err, CPU)
}

// lacksProvider says by ONNX Runtime's words whether the build has no such provider.
func lacksProvider(err error) bool {
	for _, words := range []string{
		"not enabled in this build", "not supported in this build", "does not support CoreML", "Specified provider is not supported", "Unknown provider name",
	} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}
