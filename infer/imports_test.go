package infer

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Who links the package gets neither TensorFlow nor anything of the training, whatever the build tags.
func TestImports(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-tags=tensorflow", "cyclegan/infer")
	cmd.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found := false
	for path := range strings.Lines(string(out)) {
		path = strings.TrimSpace(path)
		found = found || path == "github.com/yalue/onnxruntime_go"
		for _, not := range []string{"github.com/wamuir/graft", "cyclegan/graph", "cyclegan/train"} {
			if path == not || strings.HasPrefix(path, not+"/") {
				t.Errorf("it imports %s", path)
			}
		}
	}
	if !found {
		t.Error("the list lacks ONNX Runtime's package, and so is not the list")
	}
}
