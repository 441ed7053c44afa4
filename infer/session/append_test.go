//go:build cgo

package session

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"cyclegan/third_party/native"
)

// ownChoice skips the test if the user has chosen a library, which every provider would get.
func ownChoice(t *testing.T) {
	t.Helper()
	if os.Getenv(native.EnvONNXRuntime) != "" {
		if _, named, err := native.FindONNXRuntimeWith(native.CPU); named || err != nil {
			t.Skipf("%s names the library to use", native.EnvONNXRuntime)
		}
	}
	if os.Getenv(native.EnvWith) != "" {
		t.Skipf("%s names the libraries to use", native.EnvWith)
	}
}

// samples returns inputs of several shapes for a fixture.
func samples(name string) [][]Tensor {
	if name == "two.onnx" {
		return [][]Tensor{{{[]int64{2, 2}, []float32{1, 2, 3, 4}}, {[]int64{2, 2}, []float32{10, 20, 30, 40}}}}
	}
	var list [][]Tensor
	for _, side := range []int64{16, 40, 16} {
		in := Tensor{[]int64{1, 3, side, side + 8}, make([]float32, 3*side*(side+8))}
		for i := range in.Data {
			in.Data[i] = float32(math.Sin(float64(i)))
		}
		list = append(list, []Tensor{in})
	}
	return list
}

// onProvider checks that the outputs of the provider and of the CPU differ by at most tolerance.
func onProvider(t *testing.T, opt Options, tolerance float64) {
	t.Helper()
	for _, name := range []string{"invert.onnx", "conv.onnx", "multiple8.onnx", "two.onnx"} {
		var want [][]Tensor
		// A process has one library at a time. The provider's could run on the CPU too, but is not
		// the reference.
		cpu := open(t, name, nil)
		for _, in := range samples(name) {
			out, err := cpu.Run(t.Context(), in...)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, out)
		}
		cpu.Close()
		shutdown(t)
		s := open(t, name, &opt)
		for i, in := range samples(name) {
			got, err := s.Run(t.Context(), in...)
			if err != nil {
				t.Fatal(err)
			}
			for o := range got {
				if !slices.Equal(got[o].Shape, want[i][o].Shape) {
					t.Fatalf("%s: shape %v, want %v", name, got[o].Shape, want[i][o].Shape)
				}
				if d := largestDifference(got[o].Data, want[i][o].Data); !(d <= tolerance) {
					t.Errorf("%s: output %d is off by %g", name, o, d)
				}
			}
		}
		s.Close()
		shutdown(t)
	}
}

func shutdown(t *testing.T) {
	t.Helper()
	if err := Shutdown(); err != nil {
		t.Fatal(err)
	}
}

func largestDifference(a, b []float32) (d float64) {
	for i := range a {
		d = max(d, math.Abs(float64(a[i])-float64(b[i])))
	}
	return d
}

// alone runs the test in a process of its own, since a process can use the providers of one library
// only. It reports whether this is that process.
func alone(t *testing.T) bool {
	t.Helper()
	const variable = "TEST_BY_ITSELF"
	if os.Getenv(variable) == t.Name() {
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), variable+"="+t.Name())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	} else if strings.Contains(string(out), "--- SKIP") {
		t.Skip(string(out))
	}
	return false
}

func TestOpenVINO(t *testing.T) {
	ownChoice(t)
	if !alone(t) {
		return
	}
	if !native.Installed(native.OpenVINO) {
		t.Skip("needs go run ./third_party install -with openvino")
	}
	t.Setenv(native.EnvWith, native.CPU)
	onProvider(t, Options{Provider: OpenVINO}, 1e-5)

	// The default library lacks the provider, and the error says so.
	s := open(t, "invert.onnx", nil)
	_, err := New(fixture(t, "invert.onnx"), &Options{Provider: OpenVINO})
	wantError(t, err, `provider "openvino"`, "was built without OpenVINO", "set "+native.EnvWith+"=openvino", "open the models for \"openvino\" before others")
	s.Close()
	shutdown(t)

	for option, value := range map[string]string{"nonsense": "1", "num_of_threads": "-3", "precision": "FP64", "load_config": "openvino.json"} {
		_, err := New(fixture(t, "invert.onnx"), &Options{Provider: OpenVINO, ProviderOptions: map[string]string{option: value}})
		wantError(t, err, `provider "openvino" with `+option+"="+value+": ONNX Runtime: ", "Fix: check the options in ONNX Runtime's documentation of its OpenVINO provider")
	}
	shutdown(t)
	bf16 := Options{Provider: OpenVINO, ProviderOptions: map[string]string{"load_config": `{"CPU":{"INFERENCE_PRECISION_HINT":"bf16"}}`}}
	onProvider(t, bf16, 0.1)

	// Auto selects it, and a CPU session can use the same library.
	t.Setenv(native.EnvWith, "")
	if native.NVIDIADriver() != "" {
		t.Setenv(native.EnvWith, native.OpenVINO)
	}
	s = open(t, "conv.onnx", &Options{Provider: Auto, DeviceID: 1})
	if s.Options().Provider != OpenVINO || s.Options().DeviceID != 0 {
		t.Errorf("auto selected %q with device %d: %v", s.Options().Provider, s.Options().DeviceID, s.Refused())
	}
	if r := s.Refused(); len(r) != 1 || r[0].Provider != CUDA || !strings.Contains(r[0].String(), "built without CUDA") {
		t.Errorf("refused: %v", r)
	}
	// Providers of two builds would crash the process.
	cuda, _ := known(CUDA)
	other := runtimeInUse{library: filepath.Join(t.TempDir(), "libonnxruntime.so")}
	wantError(t, cuda.claim(other), `provider "cuda": this process has used a provider of the ONNX Runtime in `, "use one of them per process")
	second := open(t, "conv.onnx", nil)
	if second.Version() != s.Version() || second.Options().Provider != CPU {
		t.Errorf("ONNX Runtime %s on %q, with %s open", second.Version(), second.Options().Provider, s.Version())
	}
}

// hasGPU reports whether the machine has an NVIDIA GPU, by the device files of its driver.
func hasGPU() bool {
	for _, name := range []string{"/dev/nvidia0", "/dev/dxg"} {
		if _, err := os.Stat(name); err == nil {
			return native.NVIDIADriver() != ""
		}
	}
	return false
}

// TestCUDA runs on a GPU; without one it checks that the error names what is missing.
func TestCUDA(t *testing.T) {
	ownChoice(t)
	if !alone(t) {
		return
	}
	open(t, "invert.onnx", nil).Close()
	if hasGPU() && native.Installed(native.CUDA) {
		onProvider(t, Options{Provider: CUDA}, 2e-3) // TF32
		s := open(t, "invert.onnx", &Options{Provider: Auto})
		if s.Options().Provider != CUDA || len(s.Refused()) > 0 {
			t.Errorf("auto selected %q: %v", s.Options().Provider, s.Refused())
		}
		return
	}
	s, err := New(fixture(t, "invert.onnx"), &Options{Provider: CUDA})
	if err == nil {
		s.Close()
		t.Skip("the system's own ONNX Runtime has a working CUDA provider")
	}
	want := []string{`provider "cuda"`}
	switch {
	case native.Installed(native.CUDA) && native.NVIDIADriver() != "":
		want = append(want, "GPU 0 cannot be used")
	case native.Installed(native.CUDA):
		want = append(want, "libcuda.so.1")
	case runtime.GOOS == "linux" && runtime.GOARCH == "amd64":
		want = append(want, "Fix: go run ./third_party install -with cuda")
	}
	wantError(t, err, want...)
	t.Skipf("not run on a GPU: %v", err)
}

// A named provider is never replaced by another one.
func TestNamedProviderIsNotReplaced(t *testing.T) {
	open(t, "invert.onnx", nil) // holds the default library
	for _, name := range Providers() {
		s, err := New(fixture(t, "invert.onnx"), &Options{Provider: name})
		if err != nil {
			wantError(t, err, `provider "`+name+`"`, "Fix: ")
			continue
		}
		if got := s.Options().Provider; name != Auto && got != name {
			t.Errorf("%q became %q", name, got)
		}
		if name == Auto && s.Options().Provider == CPU && runtime.GOOS == "linux" {
			var refused []string
			for _, r := range s.Refused() {
				refused = append(refused, r.Provider)
			}
			if !slices.Equal(refused, []string{CUDA, OpenVINO}) {
				t.Errorf("auto does not report the providers that it tried: %v", s.Refused())
			}
		}
		s.Close()
	}
}
