package session

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"cyclegan/third_party/native"
)

func TestValidateProvider(t *testing.T) {
	for _, c := range []struct {
		opt  Options
		want string
	}{
		{Options{}, ""},
		{Options{Provider: Auto, DeviceID: 1}, ""},
		{Options{Provider: TensorRT, DeviceID: 1, ProviderOptions: map[string]string{"trt_fp16_enable": "1"}}, ""},
		{Options{Provider: OpenVINO, ProviderOptions: map[string]string{"device_type": "AUTO:GPU.1,CPU"}}, ""},
		{Options{Provider: OpenVINO, ProviderOptions: map[string]string{"device_type": "NPU"}}, ""},
		{Options{Provider: "gpu"}, `provider "gpu" is unknown; it is one of cuda, tensorrt, openvino, coreml, directml, cpu, auto`},
		{Options{DeviceID: 1}, `device id 1: provider "cpu" has none`},
		{Options{Provider: CoreML, DeviceID: 1}, `provider "coreml" has none`},
		{Options{Provider: OpenVINO, DeviceID: 1}, `the provider option device_type, such as GPU.1`},
		{Options{ProviderOptions: map[string]string{"b": "2", "a": "1"}}, `provider options a=1 b=2: provider "cpu" has none`},
		{Options{Provider: Auto, ProviderOptions: map[string]string{"a": "1"}}, `name it instead of "auto"`},
		{Options{Provider: CUDA, DeviceID: 1, ProviderOptions: map[string]string{"device_id": "2"}}, "leave one out"},
		{Options{Provider: CUDA, ProviderOptions: map[string]string{"": "2"}}, `provider option ""="2"`},
		{Options{Provider: CUDA, ProviderOptions: map[string]string{"a": "2\x00"}}, "zero bytes"},
		{Options{Provider: OpenVINO, ProviderOptions: map[string]string{"device_type": "TPU"}}, "device_type=TPU must be CPU, GPU"},
		{Options{Provider: OpenVINO, ProviderOptions: map[string]string{"device_type": "CPU,"}}, "device_type=CPU,"},
	} {
		err := c.opt.Validate()
		if c.want == "" {
			if err != nil {
				t.Errorf("%+v: %v", c.opt, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want one with %q", c.opt, err, c.want)
		}
	}
}

func TestCandidates(t *testing.T) {
	for _, c := range []struct{ goos, provider, want string }{
		{"linux", Auto, "cuda openvino cpu"},
		{"windows", Auto, "cuda openvino directml cpu"},
		{"darwin", Auto, "coreml cpu"},
		{"linux", CPU, "cpu"},
		{"linux", TensorRT, "tensorrt"},
		// A named provider is tried on every system and fails with its reason.
		{"linux", CoreML, "coreml"},
	} {
		var names []string
		for _, p := range (Options{Provider: c.provider}).candidates(c.goos) {
			names = append(names, p.name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s on %s: %s, want %s", c.provider, c.goos, got, c.want)
		}
	}
}

// providerFile links this test program, an ELF file that needs libraries, as a provider's library.
func providerFile(t *testing.T, p provider) runtimeInUse {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if len(needed(self)) == 0 {
		t.Skip("the test program is not an ELF file that needs shared libraries")
	}
	dir := t.TempDir()
	r := runtimeInUse{version: "9.9", library: filepath.Join(dir, "libonnxruntime.so")}
	if err := os.Symlink(self, r.file(p, "linux")); err != nil {
		t.Fatal(err)
	}
	return r
}

// The error names the first missing library, what needs it and how to get it.
func TestReady(t *testing.T) {
	emptyHome(t)
	cuda, _ := known(CUDA)
	r := providerFile(t, cuda)
	libraries := needed(r.file(cuda, "linux"))

	var asked []string
	if err := cuda.ready(r, "linux", func(name string) error { asked = append(asked, name); return nil }); err != nil {
		t.Error(err)
	}
	if want := append([]string{"libcuda.so.1"}, libraries...); !slices.Equal(asked, want) {
		t.Errorf("opened %q, want %q", asked, want)
	}

	last := libraries[len(libraries)-1]
	noLast := func(name string) error {
		if name == last {
			return errors.New("no such file")
		}
		return nil
	}
	wantError(t, cuda.ready(r, "linux", noLast), `provider "cuda": cannot open `+last+", which libonnxruntime_providers_cuda.so needs: no such file",
		"\nFix: go run ./third_party install -with cuda")
	wantError(t, cuda.ready(r, "linux", func(name string) error { return errors.New("cannot open " + name) }),
		`provider "cuda": NVIDIA's driver is missing: cannot open libcuda.so.1`, "nvidia-smi", `use provider "cpu"`)

	// A build without the provider's library.
	r.library = filepath.Join(t.TempDir(), "libonnxruntime.so")
	wantError(t, cuda.ready(r, "linux", nil), "was built without CUDA")
	// The library's place is unknown: ONNX Runtime checks it.
	if err := cuda.ready(runtimeInUse{}, "linux", nil); err != nil {
		t.Error(err)
	}
}

func TestProviderFile(t *testing.T) {
	cuda, _ := known(CUDA)
	cpu, _ := known(CPU)
	dir := t.TempDir()
	r := runtimeInUse{library: filepath.Join(dir, "x")}
	for goos, want := range map[string]string{
		"linux": "libonnxruntime_providers_cuda.so", "windows": "onnxruntime_providers_cuda.dll",
	} {
		if got := r.file(cuda, goos); got != filepath.Join(dir, want) {
			t.Errorf("on %s: %s", goos, got)
		}
	}
	if got := r.file(cpu, "linux"); got != "" {
		t.Errorf("the CPU provider has the file %s", got)
	}
	if got := (runtimeInUse{library: "libonnxruntime.so"}).file(cuda, "linux"); got != "" {
		t.Errorf("the folder of the library is unknown, but file returns %s", got)
	}
}

// Libraries in the folder of the one that needs them are opened there, where the loader may not
// search.
func TestReadySameFolder(t *testing.T) {
	emptyHome(t)
	p, _ := known(OpenVINO)
	r := providerFile(t, p)
	near := touch(t, filepath.Join(filepath.Dir(r.library), needed(r.file(p, "linux"))[0]))
	var asked []string
	if err := p.ready(r, "linux", func(name string) error { asked = append(asked, name); return nil }); err != nil {
		t.Error(err)
	}
	if !slices.Contains(asked, near) {
		t.Errorf("opened %q, want %s among them", asked, near)
	}
}

func TestMissing(t *testing.T) {
	emptyHome(t)
	rt, _ := known(TensorRT)
	wantError(t, rt.missing("libnvinfer.so.10", "libonnxruntime_providers_tensorrt.so", errors.New("gone")),
		`provider "tensorrt": cannot open libnvinfer.so.10`, "install TensorRT 10", "LD_LIBRARY_PATH")
	wantError(t, rt.missing("libcudnn.so.9", "libonnxruntime_providers_tensorrt.so", errors.New("gone")), "install -with cuda")
}

// The advice about a build without the provider depends on how the build was chosen.
func TestWithout(t *testing.T) {
	emptyHome(t)
	for _, c := range []struct {
		provider string
		r        runtimeInUse
		want     []string
	}{
		{CUDA, runtimeInUse{version: "1.28.0", library: "/cache/libonnxruntime.so"},
			[]string{`provider "cuda": ONNX Runtime 1.28.0 in /cache/libonnxruntime.so was built without CUDA`, "install -with cuda"}},
		{OpenVINO, runtimeInUse{version: "1.28.0", named: byOption}, []string{"ONNX Runtime 1.28.0 was built without OpenVINO", "let Options.Library name a build with it", "install -with openvino"}},
		{TensorRT, runtimeInUse{named: byEnvironment}, []string{"let the environment variable " + native.EnvONNXRuntime, "install -with cuda"}},
	} {
		p, _ := known(c.provider)
		if !p.exists(runtime.GOOS) {
			continue
		}
		wantError(t, p.without(c.r), c.want...)
	}
	for _, p := range providers {
		if !p.exists(runtime.GOOS) {
			wantError(t, p.without(runtimeInUse{version: "1.28.0"}), "was built without "+p.title, `use provider "cpu" or "auto"`, "exists on "+p.goos[0])
		}
	}
}

// If nothing is installed, a provider with a build of its own asks for that build.
func TestSearchForProvider(t *testing.T) {
	emptyHome(t)
	for _, name := range []string{CUDA, TensorRT, OpenVINO} {
		p, _ := known(name)
		var none cannotLoad
		_, err := search("", name, none.load)
		var missing *NotFoundError
		if errors.As(err, &missing) || !slices.Equal(none.asked, systemNames(runtime.GOOS)) {
			t.Errorf("%s: asked for %q, error %v", name, none.asked, err)
		}
		wantError(t, err, `provider "`+name+`"`, "no ONNX Runtime with "+p.title)
		if runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
			wantError(t, err, "go run ./third_party install -with "+p.set)
		}
	}
	// Auto accepts the default build.
	var none cannotLoad
	_, err := search("", Auto, none.load)
	var missing *NotFoundError
	if !errors.As(err, &missing) {
		t.Errorf("auto: %v", err)
	}
	t.Setenv(native.EnvWith, "abacus")
	_, err = search("", CPU, none.load)
	wantError(t, err, native.EnvWith+"=abacus")
}

func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is missing in:\n%v", word, err)
		}
	}
}
