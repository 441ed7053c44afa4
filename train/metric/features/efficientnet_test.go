package features

import (
	"encoding/json"
	"errors"
	"image"
	"os"
	"slices"
	"strings"
	"testing"

	"cyclegan/third_party/native"
)

// openEfficientNet skips the test on a machine without the weights or ONNX Runtime.
func openEfficientNet(t *testing.T) *Extractor {
	t.Helper()
	e, err := Open(EfficientNet, nil)
	if errors.Is(err, native.ErrNotFound) {
		t.Skipf("run this test with `go run ./third_party go test ./train/metric/features`: %v", err)
	}
	skipWithoutRuntime(t, err)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// The features of an image are those of the original network in PyTorch.
func TestEfficientNetEqualsPyTorch(t *testing.T) {
	e := openEfficientNet(t)
	if i := e.Info(); i.Name != "EfficientNet-Lite0" || !strings.HasPrefix(i.SHA256, "57934424") {
		t.Errorf("extractor %+v", i)
	}
	text, err := os.ReadFile("testdata/efficientnet.json")
	var want []float64
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Extract(t.Context(), []*image.NRGBA{drawn(96, 64, 1)})
	if err != nil {
		t.Fatal(err)
	}
	d := far(t, got, [][]float64{want})
	t.Logf("features up to %.2f differ by %.1e", slices.Max(want), d)
	if d > 1e-4 || slices.Max(want) < 1 {
		t.Errorf("features up to %g differ from PyTorch by %g", slices.Max(want), d)
	}
}

// Images that are too small for the network are enlarged.
func TestEfficientNetTakesSmallImages(t *testing.T) {
	e := openEfficientNet(t)
	if got, err := e.Extract(t.Context(), []*image.NRGBA{drawn(16, 40, 1)}); err != nil || len(got) != 1280 {
		t.Errorf("%d features, %v", len(got), err)
	}
}

func TestEfficientNetIsNotInstalled(t *testing.T) {
	t.Setenv(native.EnvCache, t.TempDir())
	t.Setenv(native.EnvFeatures, "")
	if _, err := Open(EfficientNet, &Options{BGR: true}); err == nil || !strings.Contains(err.Error(), "omit them") {
		t.Errorf("with another order of channels: %v", err)
	}
	if _, err := Open(EfficientNet, nil); !errors.Is(err, native.ErrNotFound) || !strings.Contains(err.Error(), "go run ./third_party install") {
		t.Errorf("error %v", err)
	}
}

func BenchmarkEfficientNet(b *testing.B) {
	e, err := Open(EfficientNet, nil)
	if err != nil {
		b.Skip(err)
	}
	defer e.Close()
	images := make([]*image.NRGBA, 100)
	for i := range images {
		images[i] = drawn(128, 128, i)
	}
	for b.Loop() {
		if _, err := e.Extract(b.Context(), images); err != nil {
			b.Fatal(err)
		}
	}
}
