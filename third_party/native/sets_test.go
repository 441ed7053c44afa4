package native

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// pretend puts empty files into the cache that pass for a wheel's.
func pretend(t *testing.T, w Wheel) (dir string) {
	t.Helper()
	dir, _, err := w.cached()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range w.files() {
		touch(t, filepath.Join(dir, filepath.FromSlash(name)))
	}
	if err := os.WriteFile(filepath.Join(dir, marker), []byte(w.SHA256), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// onLinux skips where the sets have no builds.
func onLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the sets are built for Linux on x86-64")
	}
}

// withDriver gives the machine a file that passes for NVIDIA's driver.
func withDriver(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	touch(t, filepath.Join(dir, driverName))
	t.Setenv("LD_LIBRARY_PATH", "/nowhere"+string(filepath.ListSeparator)+dir)
	if got := NVIDIADriver(); got != filepath.Join(dir, driverName) {
		t.Errorf("the driver is %q", got)
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
	alone(t)
	t.Setenv(EnvWith, "gpu")
	for _, find := range []func() (string, error){With, FindTensorFlow, FindONNXRuntime} {
		_, err := find()
		wantError(t, err, EnvWith+"=gpu: there is no such set", "cpu, cuda or openvino")
	}
}

// Where the set for CUDA is whole and the machine has the driver, it is used by itself.
func TestCUDASet(t *testing.T) {
	onLinux(t)
	cache := alone(t)
	cpu := map[string]string{}
	for _, library := range []string{tensorFlow, onnxRuntime} {
		w, err := here(library, CPU)
		if err != nil {
			t.Fatal(err)
		}
		cpu[library] = pretend(t, w)
	}
	dirs := map[string]string{}
	for _, w := range ofSet(CUDA) {
		dirs[w.Library] = pretend(t, w)
	}
	withDriver(t)
	if !Installed(CUDA) || Installed(OpenVINO) {
		t.Errorf("installed: cuda %v, openvino %v", Installed(CUDA), Installed(OpenVINO))
	}
	want := func(set map[string]string) {
		t.Helper()
		if dir, err := FindTensorFlow(); dir != set[tensorFlow] || err != nil {
			t.Errorf("TensorFlow is in %s, %v; want %s", dir, err, set[tensorFlow])
		}
		if path, err := FindONNXRuntime(); filepath.Dir(filepath.Dir(path)) != set[onnxRuntime] || err != nil {
			t.Errorf("ONNX Runtime is %s, %v; want it in %s", path, err, set[onnxRuntime])
		}
	}
	want(dirs)
	if got := NVIDIALibrary("libcudnn.so.9"); got != filepath.Join(cache, nvidiaFolder, "cudnn", "lib", "libcudnn.so.9") {
		t.Errorf("cuDNN is %q", got)
	}
	for _, name := range []string{"libc.so.6", "libonnxruntime_providers_cuda.so", "LICENSE"} {
		if got := NVIDIALibrary(name); got != "" {
			t.Errorf("%s is %q", name, got)
		}
	}
	// what Environ sets is the cache's own, and does not bind a program that asks for another set
	t.Setenv(EnvONNXRuntime, filepath.Join(cpu[onnxRuntime], "lib", "libonnxruntime.so.1.28.0"))
	if path, named, err := FindONNXRuntimeWith(CUDA); named || err != nil || !strings.HasPrefix(path, dirs[onnxRuntime]) {
		t.Errorf("with cuda: %s, named %v, %v", path, named, err)
	}
	_, ort := stubLibraries(t)
	if path, named, err := FindONNXRuntimeWith(CUDA); !named || err != nil || path != ort {
		t.Errorf("what a person names: %s, named %v, %v", path, named, err)
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
		t.Errorf("the library that is missing is not named: %v", err)
	}
	_, _, err = FindONNXRuntimeWith(CUDA)
	wantError(t, err, "NVIDIA cuDNN", "go run ./third_party install -with cuda")
}

// The CUDA build of TensorFlow finds NVIDIA's libraries by its own run path, which leads from lib to ../nvidia.
func TestCUDALayout(t *testing.T) {
	onLinux(t)
	alone(t)
	w, err := pick(tensorFlow, CUDA, "linux", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	dir := pretend(t, w)
	for _, l := range w.links {
		if l.leadsOut() {
			if err := os.Symlink(l.target, filepath.Join(dir, l.name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, n := range w.needs() {
		pretend(t, n)
	}
	for _, name := range []string{"cublas/lib/libcublas.so.12", "cudnn/lib/libcudnn.so.9", "cusolver/lib/libcusolver.so.11", "cuda_nvcc/bin/ptxas"} {
		if _, err := os.Stat(filepath.Join(dir, "lib", "..", "nvidia", filepath.FromSlash(name))); err != nil {
			t.Errorf("from TensorFlow's lib folder: %v", err)
		}
	}
	// and these find each other: cuDNN looks for NVRTC in ../../nvrtc/lib
	if _, err := os.Stat(filepath.Join(dir, "nvidia", "cudnn", "lib", "..", "..", "nvrtc", "lib", "libnvrtc.so.12")); err != nil {
		t.Error(err)
	}
}

func TestOpenVINOSet(t *testing.T) {
	onLinux(t)
	alone(t)
	w, err := here(tensorFlow, CPU)
	if err != nil {
		t.Fatal(err)
	}
	tf := pretend(t, w)
	ort := pretend(t, ofSet(OpenVINO)[0])
	t.Setenv(EnvWith, OpenVINO)
	if dir, err := FindTensorFlow(); dir != tf || err != nil {
		t.Errorf("TensorFlow is in %s, %v", dir, err)
	}
	if path, err := FindONNXRuntime(); path != filepath.Join(ort, "lib", "libonnxruntime.so.1.24.1") || err != nil {
		t.Errorf("ONNX Runtime is %s, %v", path, err)
	}
}

func TestFetchWith(t *testing.T) {
	onLinux(t)
	cache := alone(t)
	for _, set := range []string{"", CPU, "gpu"} {
		_, err := FetchWith(t.Context(), io.Discard, set)
		wantError(t, err, "there is no such set", "cuda")
	}
	// NVIDIA's libraries come before what needs them
	var order []string
	for _, w := range ofSet(CUDA) {
		order = append(order, w.Library)
		if w.nvidia() {
			pretend(t, w)
		}
	}
	if at := slices.Index(order, tensorFlow); at < 11 || len(order) != 13 {
		t.Errorf("the order is %q", order)
	}
	_, file := madeUp(t)
	withPip(t, file)
	_, err := FetchWith(t.Context(), io.Discard, CUDA)
	wantError(t, err, "fetch TensorFlow 2.18.1 with cuda", "the hash is ")
	for _, w := range ofSet(CUDA) {
		if !w.nvidia() {
			pretend(t, w)
		}
	}
	places, err := FetchWith(t.Context(), io.Discard, CUDA)
	if err != nil || len(places) != 13 || places[0] != (Place{"NVIDIA CUDA runtime 12.5.82", filepath.Join(cache, nvidiaFolder, "cuda_runtime")}) {
		t.Errorf("%v, %v", places, err)
	}
}

func TestInLoaderCache(t *testing.T) {
	table := []byte("glibc-ld.so.cache1.1\x01\x02libcuda.so.1\x00/usr/lib/a/libcuda.so.1\x00libcudart.so.12\x00/opt/libcudart.so.12\x00/usr/lib32/libcuda.so.1\x00/x/libcuda.so.1.1\x00")
	if got, want := inLoaderCache(table, driverName), []string{"/usr/lib/a", "/usr/lib32"}; !slices.Equal(got, want) {
		t.Errorf("folders %q, want %q", got, want)
	}
}

// A wheel for every Python is asked for without the tags of one.
func TestPipArgs(t *testing.T) {
	args := strings.Join(nvidiaWheel("cuDNN", "cudnn", "9", "0", 1).pipArgs(), " ")
	if !strings.Contains(args, "--python-version 3") || strings.Contains(args, "--abi") || strings.Contains(args, "--implementation") {
		t.Errorf("pip is run with %s", args)
	}
}

// A program stays one, and a link to another library's folder may lead to what is not there yet.
func TestUnpackProgramAndLink(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "bin/ptxas"}
	h.SetMode(0o744)
	f, err := z.CreateHeader(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("program")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	file, dir := filepath.Join(t.TempDir(), "w.whl"), t.TempDir()
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	w := Wheel{Library: "madeup", Title: "Made-up", parts: []part{{"bin/ptxas", "bin/ptxas"}}, links: []link{{"nvidia", "../later"}}}
	if runtime.GOOS == "windows" {
		t.Skip("needs symbolic links and modes")
	}
	if err := w.unpack(t.Context(), io.Discard, file, dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "bin", "ptxas")); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if target, err := os.Readlink(filepath.Join(dir, "nvidia")); target != "../later" || err != nil {
		t.Errorf("the link leads to %q, %v", target, err)
	}
}
