package fetch

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"cyclegan/third_party/native"
)

// A program stays executable, and a link to another library's folder may be dangling.
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
	w := native.Wheel{
		Library: "madeup", Title: "Made-up",
		Parts: []native.Part{{From: "bin/ptxas", To: "bin/ptxas"}},
		Links: []native.Link{{Name: "nvidia", Target: "../later"}},
	}
	if runtime.GOOS == "windows" {
		t.Skip("needs symbolic links and modes")
	}
	if err := unpack(t.Context(), io.Discard, w, file, dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "bin", "ptxas")); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if target, err := os.Readlink(filepath.Join(dir, "nvidia")); target != "../later" || err != nil {
		t.Errorf("the link leads to %q, %v", target, err)
	}
}
func TestPlace(t *testing.T) {
	w := native.Wheels()[0] // TensorFlow for Linux
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
		if got := place(w, name); got != want {
			t.Errorf("place(%s): %q, want %q", name, got, want)
		}
	}
}

func TestProgress(t *testing.T) {
	var log bytes.Buffer
	p := newProgress(&log, "fetching it", 20e6)
	p.at(15e6)
	p.end()
	if got, want := log.String(), "fetching it (20 MB)\n"; got != want {
		t.Errorf("output to a file: %q, want %q", got, want)
	}

	log.Reset()
	p = &progress{log: &log, what: "fetching it", total: 20e6, terminal: true}
	p.at(0)
	p.at(1e6)
	p.last = p.last.Add(-time.Second)
	p.at(5e6)
	p.end()
	want := "\rfetching it: 0.0 MB of 20 MB, 0%   \rfetching it: 5.0 MB of 20 MB, 25%   \n"
	if got := log.String(); got != want {
		t.Errorf("output to a terminal: %q, want %q", got, want)
	}
}
