package native

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// onLinux skips the test where the sets have no builds.
func onLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the sets are built for Linux on x86-64")
	}
}

// withDriver adds a file that passes for NVIDIA's driver.
func withDriver(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	touch(t, filepath.Join(dir, driverName))
	t.Setenv("LD_LIBRARY_PATH", "/nowhere"+string(filepath.ListSeparator)+dir)
	if got := NVIDIADriver(); got != filepath.Join(dir, driverName) {
		t.Errorf("NVIDIADriver: %q", got)
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		named string
		works bool
		want  string
	}{
		{"", false, CPU}, {"", true, CUDA}, {CPU, true, CPU}, {CUDA, false, CUDA}, {OpenVINO, true, OpenVINO},
	} {
		if got, err := choose(c.named, func() bool { return c.works }); got != c.want || err != nil {
			t.Errorf("%q with CUDA %v: %q, %v", c.named, c.works, got, err)
		}
	}
	isolate(t)
	t.Setenv(EnvWith, "gpu")
	for _, find := range []func() (string, error){ActiveSet, FindTensorFlow, FindONNXRuntime} {
		_, err := find()
		wantError(t, err, EnvWith+"=gpu: unknown set", "cpu, cuda or openvino")
	}
}

// A complete CUDA set is used by default on a machine with the driver.
func TestCUDASet(t *testing.T) {
	onLinux(t)
	cache := isolate(t)
	cpu := map[string]string{}
	for _, library := range []string{TensorFlow, ONNXRuntime} {
		w, err := Pick(library, CPU)
		if err != nil {
			t.Fatal(err)
		}
		cpu[library] = pretend(t, w)
	}
	dirs := map[string]string{}
	for _, w := range OfSet(CUDA) {
		dirs[w.Library] = pretend(t, w)
	}
	withDriver(t)
	if !Installed(CUDA) || Installed(OpenVINO) {
		t.Errorf("installed: cuda %v, openvino %v", Installed(CUDA), Installed(OpenVINO))
	}
	want := func(set map[string]string) {
		t.Helper()
		if dir, err := FindTensorFlow(); dir != set[TensorFlow] || err != nil {
			t.Errorf("TensorFlow: %s, %v; want %s", dir, err, set[TensorFlow])
		}
		if path, err := FindONNXRuntime(); filepath.Dir(filepath.Dir(path)) != set[ONNXRuntime] || err != nil {
			t.Errorf("ONNX Runtime: %s, %v; want it in %s", path, err, set[ONNXRuntime])
		}
	}
	want(dirs)
	if got := NVIDIALibrary("libcudnn.so.9"); got != filepath.Join(cache, nvidiaFolder, "cudnn", "lib", "libcudnn.so.9") {
		t.Errorf("cuDNN: %q", got)
	}
	for _, name := range []string{"libc.so.6", "libonnxruntime_providers_cuda.so", "LICENSE"} {
		if got := NVIDIALibrary(name); got != "" {
			t.Errorf("%s: %q, want none", name, got)
		}
	}
	// The launcher names a library in the cache, which must not override a program's choice of set.
	t.Setenv(EnvONNXRuntime, filepath.Join(cpu[ONNXRuntime], "lib", "libonnxruntime.so.1.32.0"))
	if path, named, err := FindONNXRuntimeWith(CUDA); named || err != nil || !strings.HasPrefix(path, dirs[ONNXRuntime]) {
		t.Errorf("with cuda: %s, named %v, %v", path, named, err)
	}
	_, ort := stubLibraries(t)
	if path, named, err := FindONNXRuntimeWith(CUDA); !named || err != nil || path != ort {
		t.Errorf("library named by the user: %s, named %v, %v", path, named, err)
	}
	t.Setenv(EnvTensorFlow, "")
	t.Setenv(EnvONNXRuntime, "")

	t.Setenv(EnvWith, CPU)
	want(cpu)
	t.Setenv(EnvWith, "")
	if err := os.Remove(filepath.Join(cache, nvidiaFolder, "cudnn", "lib", "libcudnn.so.9")); err != nil {
		t.Fatal(err)
	}
	want(cpu)
	t.Setenv(EnvWith, CUDA)
	_, err := FindTensorFlow()
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("without cuDNN: %v", err)
	}
	if err == nil || !strings.Contains(err.Error(), "NVIDIA cuDNN 9.3.0.75 is not in ") {
		t.Errorf("the error does not name the missing library: %v", err)
	}
	_, _, err = FindONNXRuntimeWith(CUDA)
	wantError(t, err, "NVIDIA cuDNN", "go run ./third_party install -with cuda")
}

// The CUDA build of TensorFlow finds NVIDIA's libraries through its run path, which leads from lib
// to ../nvidia.
func TestCUDALayout(t *testing.T) {
	onLinux(t)
	isolate(t)
	w, err := pick(TensorFlow, CUDA, "linux", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	dir := pretend(t, w)
	for _, l := range w.Links {
		if l.LeadsOut() {
			if err := os.Symlink(l.Target, filepath.Join(dir, l.Name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, n := range w.Needs() {
		pretend(t, n)
	}
	for _, name := range []string{"cublas/lib/libcublas.so.12", "cudnn/lib/libcudnn.so.9", "cusolver/lib/libcusolver.so.11", "cuda_nvcc/bin/ptxas"} {
		if _, err := os.Stat(filepath.Join(dir, "lib", "..", "nvidia", filepath.FromSlash(name))); err != nil {
			t.Errorf("from TensorFlow's lib folder: %v", err)
		}
	}
	// The libraries find each other: cuDNN looks for NVRTC in ../../nvrtc/lib.
	if _, err := os.Stat(filepath.Join(dir, "nvidia", "cudnn", "lib", "..", "..", "nvrtc", "lib", "libnvrtc.so.12")); err != nil {
		t.Error(err)
	}
}

func TestOpenVINOSet(t *testing.T) {
	onLinux(t)
	isolate(t)
	w, err := Pick(TensorFlow, CPU)
	if err != nil {
		t.Fatal(err)
	}
	tf := pretend(t, w)
	ort := pretend(t, OfSet(OpenVINO)[0])
	t.Setenv(EnvWith, OpenVINO)
	if dir, err := FindTensorFlow(); dir != tf || err != nil {
		t.Errorf("TensorFlow: %s, %v", dir, err)
	}
	if path, err := FindONNXRuntime(); path != filepath.Join(ort, "lib", "libonnxruntime.so.1.24.1") || err != nil {
		t.Errorf("ONNX Runtime: %s, %v", path, err)
	}
}

func TestInLoaderCache(t *testing.T) {
	table := []byte("glibc-ld.so.cache1.1\x01\x02libcuda.so.1\x00/usr/lib/a/libcuda.so.1\x00libcudart.so.12\x00/opt/libcudart.so.12\x00/usr/lib32/libcuda.so.1\x00/x/libcuda.so.1.1\x00")
	if got, want := inLoaderCache(table, driverName), []string{"/usr/lib/a", "/usr/lib32"}; !slices.Equal(got, want) {
		t.Errorf("folders %q, want %q", got, want)
	}
}
