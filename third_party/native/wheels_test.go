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
			t.Errorf("%s for %s/%s: the hash %q is invalid or used twice", w, w.GOOS, w.GOARCH, w.SHA256)
		}
		if folders[w.folder()] {
			t.Errorf("two libraries share the folder %s", w.folder())
		}
		hashes[w.SHA256], folders[w.folder()] = true, true
		files := w.Files()
		if !slices.ContainsFunc(files, func(name string) bool { return strings.Contains(name, "LICENSE") }) {
			t.Errorf("%s for %s/%s: no licence file", w, w.GOOS, w.GOARCH)
		}
		if w.Library == ONNXRuntime && !isONNXRuntime(strings.TrimPrefix(files[0], "lib/"), w.GOOS) {
			t.Errorf("%s for %s/%s: a search does not find %s", w, w.GOOS, w.GOARCH, files[0])
		}
		for _, l := range w.Links {
			if l.LeadsOut() {
				if target := path.Join(w.folder(), path.Dir(l.Name), l.Target); target != nvidiaFolder {
					t.Errorf("%s: %s links to %s", w, l.Name, target)
				}
				continue
			}
			if !slices.Contains(files, "lib/"+l.Target) {
				t.Errorf("%s for %s/%s: %s links to %s, which is not unpacked", w, w.GOOS, w.GOARCH, l.Name, l.Target)
			}
		}
	}
}

func TestPick(t *testing.T) {
	for _, platform := range [][2]string{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "arm64"}} {
		for _, library := range []string{TensorFlow, ONNXRuntime} {
			if w, err := pick(library, CPU, platform[0], platform[1]); err != nil || w.Library != library || w.GOOS != platform[0] || w.GOARCH != platform[1] {
				t.Errorf("%s for %v: %+v, %v", library, platform, w, err)
			}
		}
	}
	if _, err := pick(ONNXRuntime, CPU, "windows", "amd64"); err != nil {
		t.Error(err)
	}
	_, err := pick(TensorFlow, CPU, "windows", "amd64")
	if !errors.Is(err, ErrNoBuild) {
		t.Errorf("error %v, want ErrNoBuild", err)
	}
	wantError(t, err, "TensorFlow for windows/amd64", "linux/amd64, linux/arm64, darwin/arm64", EnvTensorFlow)
	_, err = pick(ONNXRuntime, CPU, "plan9", "386")
	wantError(t, err, "ONNX Runtime for plan9/386", EnvONNXRuntime)
	for _, set := range []string{CUDA, OpenVINO} {
		if w, err := pick(ONNXRuntime, set, "linux", "amd64"); err != nil || w.With != set {
			t.Errorf("with %s: %+v, %v", set, w, err)
		}
		_, err = pick(ONNXRuntime, set, "darwin", "arm64")
		wantError(t, err, "ONNX Runtime with "+set+" for darwin/arm64", "available: linux/amd64", EnvWith+" to cpu")
	}
}
