package native

import (
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestWheels(t *testing.T) {
	hash := regexp.MustCompile(`^[0-9a-f]{64}$`)
	hashes, folders := map[string]bool{}, map[string]bool{}
	for _, w := range Wheels() {
		if !hash.MatchString(w.SHA256) || hashes[w.SHA256] {
			t.Errorf("%s for %s/%s: the hash %q is none, or another's", w, w.GOOS, w.GOARCH, w.SHA256)
		}
		if folders[w.folder()] {
			t.Errorf("two libraries share the folder %s", w.folder())
		}
		hashes[w.SHA256], folders[w.folder()] = true, true
		files := w.files()
		if !slices.ContainsFunc(files, func(name string) bool { return strings.Contains(name, "LICENSE") }) {
			t.Errorf("%s for %s/%s: the licence is not kept", w, w.GOOS, w.GOARCH)
		}
		if w.Library == onnxRuntime && !isONNXRuntime(strings.TrimPrefix(files[0], "lib/"), w.GOOS) {
			t.Errorf("%s for %s/%s: %s will not be found", w, w.GOOS, w.GOARCH, files[0])
		}
		for _, l := range w.links {
			if l.leadsOut() {
				if target := path.Join(w.folder(), path.Dir(l.name), l.target); target != nvidiaFolder {
					t.Errorf("%s: %s leads to %s", w, l.name, target)
				}
				continue
			}
			if !slices.Contains(files, "lib/"+l.target) {
				t.Errorf("%s for %s/%s: %s leads to %s, which is not unpacked", w, w.GOOS, w.GOARCH, l.name, l.target)
			}
		}
	}
}

func TestPick(t *testing.T) {
	for _, platform := range [][2]string{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "arm64"}} {
		for _, library := range []string{tensorFlow, onnxRuntime} {
			if w, err := pick(library, CPU, platform[0], platform[1]); err != nil || w.Library != library || w.GOOS != platform[0] || w.GOARCH != platform[1] {
				t.Errorf("%s for %v: %+v, %v", library, platform, w, err)
			}
		}
	}
	if _, err := pick(onnxRuntime, CPU, "windows", "amd64"); err != nil {
		t.Error(err)
	}
	_, err := pick(tensorFlow, CPU, "windows", "amd64")
	if !errors.Is(err, ErrNoBuild) {
		t.Errorf("error: %v", err)
	}
	wantError(t, err, "TensorFlow for windows/amd64", "linux/amd64, linux/arm64, darwin/arm64", EnvTensorFlow)
	_, err = pick(onnxRuntime, CPU, "plan9", "386")
	wantError(t, err, "ONNX Runtime for plan9/386", EnvONNXRuntime)
	for _, set := range []string{CUDA, OpenVINO} {
		if w, err := pick(onnxRuntime, set, "linux", "amd64"); err != nil || w.With != set {
			t.Errorf("with %s: %+v, %v", set, w, err)
		}
		_, err = pick(onnxRuntime, set, "darwin", "arm64")
		wantError(t, err, "ONNX Runtime with "+set+" for darwin/arm64", "there is linux/amd64", EnvWith+" to cpu")
	}
}

func TestPlace(t *testing.T) {
	w, err := pick(tensorFlow, CPU, "linux", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"tensorflow/libtensorflow_cc.so.2":                      "lib/libtensorflow_cc.so.2",
		"tensorflow/include/tensorflow/c/c_api.h":               "include/tensorflow/c/c_api.h",
		"tensorflow/include/tensorflow/c/eager/c_api.h":         "include/tensorflow/c/eager/c_api.h",
		"tensorflow/include/xla/tsl/c/tsl_status.h":             "include/xla/tsl/c/tsl_status.h",
		"tensorflow/include/tensorflow/c/BUILD":                 "",
		"tensorflow/include/tensorflow/c":                       "",
		"tensorflow/include/tensorflow/c/../../../../../evil.h": "",
		"/tensorflow/include/tensorflow/c/c_api.h":              "",
		"tensorflow/python/_pywrap_tfe.so":                      "",
		"tensorflow/libtensorflow_cc.so.2.extra":                "",
	} {
		if got := w.place(name); got != want {
			t.Errorf("%s goes to %q, and should go to %q", name, got, want)
		}
	}
}
