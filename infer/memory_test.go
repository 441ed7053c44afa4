//go:build linux

package infer

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"cyclegan/infer/internal/imagetest"
)

// processMemory returns a field of /proc/self/status in MB.
func processMemory(t *testing.T, key string) int {
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

// inProcess runs the test in a separate process, to measure its memory, and reports whether this is
// that process.
func inProcess(t *testing.T) bool {
	t.Helper()
	const child = "CYCLEGAN_TEST_MEMORY"
	if os.Getenv(child) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), child+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "PASS") {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
	return false
}

// Winograd filters are four times as large as those of the model. They are in memory once, even
// with a second session.
func TestFastFormMemory(t *testing.T) {
	open(t, "conv.onnx", nil)
	if !inProcess(t) {
		return
	}
	const channels, layers = 512, 4
	const plain, fast = 4 * 9 * channels * channels * layers >> 20, 4 * 36 * channels * channels * layers >> 20 // MB
	file := wide(channels, layers)
	before := processMemory(t, "VmRSS")
	m, err := New(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.sessions.large(); err != nil {
		t.Fatal(err)
	}
	took := processMemory(t, "VmHWM") - before
	t.Logf("filters of %d MB, %d MB in the fast form: %d MB", plain, fast, took)
	// The rest is ONNX Runtime itself and the copy of the model that New makes.
	if most := fast + 2*plain + 60; took > most {
		t.Errorf("it took %d MB, more than %d", took, most)
	}
}

// Translating a large image takes little more memory than the image and its result.
func TestTilesMemory(t *testing.T) {
	const w, h = 4000, 3000 // 48 MB, and as much again for the result
	open(t, "tiles_batch.onnx", nil)
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	if !inProcess(t) {
		return
	}
	m := open(t, "tiles_batch.onnx", &Options{MaxPixels: 512 * 512})
	if _, err := m.Translate(t.Context(), scenery(64, 64)); err != nil {
		t.Fatal(err)
	}
	before := processMemory(t, "VmRSS")
	out, err := m.Translate(t.Context(), scenery(w, h))
	if err != nil || out.Bounds().Dx() != w {
		t.Fatal(err)
	}
	took := processMemory(t, "VmHWM") - before
	t.Logf("%v: %d MB", m.Tiling(w, h), took)
	// Without tiles, this model takes some 130 bytes per pixel: more than 1500 MB.
	if took > 400 {
		t.Errorf("a image of %dx%d took %d MB", w, h, took)
	}
}

var raceDetector bool

// With the detail of the input, a large image takes no more memory than itself, its result and the
// copy.
func TestDetailMemory(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector takes twice the memory")
	}
	const w, h = 4000, 3000
	open(t, "tiles_batch.onnx", nil)
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	if !inProcess(t) {
		return
	}
	m := open(t, "tiles_batch.onnx", &Options{TrainSize: 64})
	if _, err := m.Translate(t.Context(), scenery(64, 85)); err != nil {
		t.Fatal(err)
	}
	img := imagetest.Pattern(w, h)
	before := processMemory(t, "VmRSS")
	begin := time.Now()
	if _, err := m.Translate(t.Context(), img); err != nil {
		t.Fatal(err)
	}
	took := processMemory(t, "VmHWM") - before
	t.Logf("%v: %d MB in %v", m.Tiling(w, h), took, time.Since(begin))
	if most := 4*w*h>>20 + 30; took > most {
		t.Errorf("an image of %dx%d took %d MB, more than %d", w, h, took, most)
	}
}
