package features

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// open opens a fixture. It skips the test if ONNX Runtime is missing.
func open(t *testing.T, name string, opt *Options) *Extractor {
	t.Helper()
	e, err := Open(filepath.Join("testdata", name+".onnx"), opt)
	skipWithoutRuntime(t, err)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func skipWithoutRuntime(t *testing.T, err error) {
	t.Helper()
	var missing *session.NotFoundError
	if errors.As(err, &missing) || errors.Is(err, session.ErrNoCgo) {
		t.Skip(err)
	}
}

// drawn matches the function picture in testdata/make.py.
func drawn(w, h, seed int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			p := img.Pix[img.PixOffset(x, y):]
			for c := range 3 {
				p[c] = uint8(x*(5+seed) + y*7*(1+c) + x*y + 31*seed)
			}
			p[3] = 255
		}
	}
	return img
}

type reference struct {
	Sizes [][2]int
	Tiny  [][]float64
}

func readReference(t *testing.T) (r reference, pictures []*image.NRGBA) {
	t.Helper()
	data, err := os.ReadFile("testdata/features.json")
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil || len(r.Sizes) == 0 || len(r.Sizes) != len(r.Tiny) {
		t.Fatalf("reference of %d images: %v", len(r.Sizes), err)
	}
	for i, s := range r.Sizes {
		pictures = append(pictures, drawn(s[0], s[1], i))
	}
	return r, pictures
}

// far returns the largest difference between vectors and the wanted ones.
func far(t *testing.T, got []float32, want [][]float64) float64 {
	t.Helper()
	if len(got) != len(want)*len(want[0]) {
		t.Fatalf("%d values, want %d vectors of %d", len(got), len(want), len(want[0]))
	}
	worst := 0.0
	for i, v := range got {
		worst = max(worst, math.Abs(float64(v)-want[i/len(want[0])][i%len(want[0])]))
	}
	return worst
}

func TestVectorsEqualPython(t *testing.T) {
	want, pictures := readReference(t)
	for _, batch := range []int{1, 2, 0} {
		e := open(t, "tiny", &Options{Batch: batch})
		if e.Dim() != 8 || e.Info().Name != "tiny test network" || len(e.Info().SHA256) != 64 || e.Info().Input.Range != pixels.Byte {
			t.Fatalf("extractor %+v with %d values", e.Info(), e.Dim())
		}
		got, err := e.Extract(t.Context(), pictures)
		if err != nil {
			t.Fatal(err)
		}
		d := far(t, got, want.Tiny)
		t.Logf("batches of %d: largest difference %.1e", e.Info().Batch, d)
		if d > 1e-6 {
			t.Errorf("batches of %d: largest difference %v", batch, d)
		}
	}
}

// A model with a fixed batch of three images gets four, with alpha.
func TestFixedBatchAndSize(t *testing.T) {
	want, pictures := readReference(t)
	e := open(t, "fixed", &Options{Range: pixels.Byte})
	for i := 3; i < len(pictures[0].Pix); i += 4 {
		pictures[0].Pix[i] = uint8(i)
	}
	got, err := e.Extract(t.Context(), pictures[:4])
	if err != nil {
		t.Fatal(err)
	}
	if d := far(t, got, want.Tiny[:4]); d > 1e-6 {
		t.Errorf("largest difference %v", d)
	}
	// Images of another size are resized.
	large := drawn(40, 25, 2)
	got, err = e.Extract(t.Context(), []*image.NRGBA{large})
	if err != nil {
		t.Fatal(err)
	}
	direct, err := e.Extract(t.Context(), []*image.NRGBA{pixels.Resize(large, 16, 12)})
	if err != nil || len(got) != 8 || got[0] != direct[0] {
		t.Errorf("features %v of the large image, %v of the resized one, error %v", got, direct, err)
	}
}

func TestOutputAndLayout(t *testing.T) {
	e := open(t, "mean", &Options{Output: "mean", Width: 8, Height: 8})
	if e.Info().Input.Layout != pixels.NHWC || e.Dim() != 0 {
		t.Fatalf("extractor %+v with %d values", e.Info(), e.Dim())
	}
	img := image.NewNRGBA(image.Rect(0, 0, 30, 20))
	for i := range img.Pix {
		img.Pix[i] = []uint8{255, 51, 102, 0}[i%4]
	}
	got, err := e.Extract(t.Context(), []*image.NRGBA{img})
	if err != nil || far(t, got, [][]float64{{1, 0.2, 0.4}}) > 1e-5 || e.Dim() != 3 {
		t.Errorf("features %v of %d values, error %v", got, e.Dim(), err)
	}
	e = open(t, "mean", &Options{Output: "mean", BGR: true})
	if got, err = e.Extract(t.Context(), []*image.NRGBA{img}); err != nil || far(t, got, [][]float64{{0.4, 0.2, 1}}) > 1e-5 {
		t.Errorf("BGR: features %v, error %v", got, err)
	}
}

func TestOpenErrors(t *testing.T) {
	for _, c := range []struct {
		model string
		opt   *Options
		want  string
	}{
		{"absent", nil, "no such file"},
		{"fixed", nil, "its values of black and white"},
		{"fixed", &Options{Range: pixels.Byte, Width: 20, Height: 20}, "its size is not 20x20"},
		{"mean", nil, "negative, mean"},
		{"mean", &Options{Output: "sum"}, `no output "sum"`},
		{"bytes", nil, "uint8"},
		{"damaged", nil, "0 to 255"},
		{"tiny", &Options{Layout: "NHWC"}, "only one side"},
	} {
		_, err := Open(filepath.Join("testdata", c.model+".onnx"), c.opt)
		skipWithoutRuntime(t, err)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.model+".onnx") {
			t.Errorf("%s: error %v, want one with the file and %q", c.model, err, c.want)
		}
	}
	if _, err := Open(filepath.Join("testdata", "fixed.onnx"), nil); !errors.Is(err, ErrNoRange) {
		t.Errorf("without a range: error %v", err)
	}
	err := (&Options{Layout: "HWC", Width: 5, Batch: -1, Range: pixels.Range{Lo: 1, Hi: 1}, Provider: "tpu"}).Validate()
	for _, want := range []string{`"HWC"`, "5x0", "batch -1", "range 1..1", `"tpu"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %s", err, want)
		}
	}
}

func TestExtractErrors(t *testing.T) {
	pictures := []*image.NRGBA{drawn(16, 12, 0), drawn(16, 12, 1)}
	for name, c := range map[string]struct {
		model    string
		pictures []*image.NRGBA
		want     string
	}{
		"vectors for all": {"together", pictures, "1 vectors for 2 images"},
		"a map":           {"map", pictures, "pooling"},
		"not a number":    {"nan", []*image.NRGBA{image.NewNRGBA(image.Rect(0, 0, 4, 4))}, "range"},
	} {
		e := open(t, c.model, nil)
		if _, err := e.Extract(t.Context(), c.pictures); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.model+".onnx") {
			t.Errorf("%s: error %v, want one with the model and %q", name, err, c.want)
		}
	}
	e := open(t, "tiny", nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Extract(ctx, pictures); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
	if got, err := e.Extract(t.Context(), nil); len(got) != 0 || err != nil {
		t.Errorf("no images: features %v, error %v", got, err)
	}
	if err := errors.Join(e.Close(), e.Close()); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, err := e.Extract(t.Context(), pictures); !errors.Is(err, session.ErrClosed) {
		t.Errorf("after Close: error %v", err)
	}
}
