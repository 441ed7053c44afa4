//go:build linux

package infer

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// memory gives a line of the kernel's account of this process, in MB.
func memory(t *testing.T, key string) int {
	t.Helper()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	for line := range strings.Lines(string(data)) {
		var kB int
		if n, _ := fmt.Sscanf(line, key+": %d kB", &kB); n == 1 {
			return kB / 1024
		}
	}
	t.Skipf("the kernel does not tell %s", key)
	return 0
}

// A large picture takes little more memory than itself and its result. A process of its own shows how much.
func TestTilesMemory(t *testing.T) {
	const child = "CYCLEGAN_TEST_MEMORY"
	const w, h = 4000, 3000 // 48 MB, and as much again for the result
	if os.Getenv(child) == "" {
		open(t, "tiles_batch.onnx", nil)
		if testing.Short() {
			t.Skip("takes some seconds")
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestTilesMemory$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "PASS") {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("%s", out)
		return
	}
	m := open(t, "tiles_batch.onnx", &Options{MaxPixels: 512 * 512})
	if _, err := m.Translate(t.Context(), scenery(64, 64)); err != nil {
		t.Fatal(err)
	}
	before := memory(t, "VmRSS")
	out, err := m.Translate(t.Context(), scenery(w, h))
	if err != nil || out.Bounds().Dx() != w {
		t.Fatal(err)
	}
	took := memory(t, "VmHWM") - before
	t.Logf("%v: %d MB", m.Tiling(w, h), took)
	// Whole, this model takes some 130 bytes a pixel beside them: more than 1500 MB.
	if took > 400 {
		t.Errorf("a picture of %dx%d took %d MB", w, h, took)
	}
}
