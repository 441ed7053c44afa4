package infer

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/pixels"
	"cyclegan/third_party/native"
)

// buildHostApp builds the module in testdata that links this one. It builds a copy, because
// building changes go.mod.
func buildHostApp(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for to, from := range map[string]string{"main.go": "testdata/hostapp/main.go", "go.mod": "testdata/hostapp/go.mod", "go.sum": "go.sum"} {
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(from)))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "hostapp.exe")
	for _, args := range [][]string{
		{"mod", "edit", "-replace=cyclegan=" + root},
		{"build", "-mod=mod", "-o", program, "."},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return program
}

// A program of another module links the package and finds ONNX Runtime. If it is missing, the error
// lists the places that were searched.
func TestHostApp(t *testing.T) {
	open(t, "multiple8.onnx", nil).Close()
	program := buildHostApp(t)
	dir := t.TempDir()
	model, err := filepath.Abs(fixturePath("multiple8.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	img := imagetest.Pattern(37, 21)
	input, output := filepath.Join(dir, "in.png"), filepath.Join(dir, "out.png")
	if err := pixels.Save(input, img, pixels.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, model, input, output).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got, err := pixels.Load(output, pixels.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if err := imagetest.Equal(got.Image, imagetest.Negative(img), 0); err != nil {
		t.Error(err)
	}

	cmd := exec.Command(program, model, input, output)
	cmd.Env = []string{"HOME=" + dir, native.EnvCache + "=" + dir}
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Skip("this machine has an ONNX Runtime of its own")
	}
	for _, want := range []string{"Options.Library", native.EnvONNXRuntime, "cache", "system", "go run ./third_party install"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in %q", want, out)
		}
	}
}

// A program that links the package gets neither TensorFlow nor training, whatever the build tags,
// nor code that downloads libraries or runs programs.
func TestImports(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-tags=tensorflow", "cyclegan/infer")
	cmd.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found := false
	unwanted := []string{
		"github.com/wamuir/graft", "cyclegan/graph", "cyclegan/train", "cyclegan/third_party/native/fetch", "os/exec",
	}
	for path := range strings.Lines(string(out)) {
		path = strings.TrimSpace(path)
		found = found || path == "github.com/yalue/onnxruntime_go"
		for _, not := range unwanted {
			if path == not || strings.HasPrefix(path, not+"/") {
				t.Errorf("it imports %s", path)
			}
		}
	}
	if !found {
		t.Error("the list lacks ONNX Runtime's package, and so is not the list")
	}
}
