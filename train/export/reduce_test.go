//go:build cgo

package export

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/third_party/native"
	"cyclegan/train/scenes"
)

// sceneImages are scenes of 32x32, their values multiplied by contrast.
func sceneImages(count int, contrast float32) *Images {
	return &Images{Count: count, H: 32, W: 32, Source: "scenes", Read: func(i int) ([]float32, error) {
		img := scenes.Draw(1, uint64(i), scenes.Summer, 32, 32)
		var values []float32
		for at := 0; at < len(img.Pix); at += 4 {
			for c := range 3 {
				values = append(values, contrast*(float32(img.Pix[at+c])/127.5-1))
			}
		}
		return values, nil
	}}
}

func smallGenerator(t *testing.T) (*graph.Network, graph.Weights) {
	t.Helper()
	n, err := graph.NewGenerator(graph.GeneratorOptions{Architecture: graph.ResNet6, In: 3, Out: 3, Filters: 4, Norm: graph.NormInstance, Upsampling: graph.UpTranspose})
	if err != nil {
		t.Fatal(err)
	}
	w, err := graph.Initialize(n, graph.InitNormal, 0.1, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	return n, w
}

func TestReduce(t *testing.T) {
	if _, err := native.FindONNXRuntime(); err != nil {
		t.Skip("ONNX Runtime was not found; run `go run ./third_party go test ./train/export`")
	}
	n, w := smallGenerator(t)
	full, err := onnxgraph.Marshal(n, w, onnxgraph.Metadata{}, onnxgraph.F32)
	if err != nil {
		t.Fatal(err)
	}
	check := sceneImages(3, 1)
	for _, c := range []struct {
		precision onnxgraph.Precision
		least     float64
	}{{onnxgraph.F16, 60}, {onnxgraph.Int8, 30}} {
		model, loss, err := Exporter{}.reduce(t.Context(), n, w, onnxgraph.Metadata{}, c.precision, full, sceneImages(6, 1), check)
		if err != nil {
			t.Fatal(err)
		}
		if len(model) >= len(full) || loss.Images != 3 || !(loss.Least >= c.least) || loss.Least > loss.PSNR {
			t.Errorf("%s: %d bytes of %d, %v", c.precision, len(model), len(full), loss)
		}
		if !strings.Contains(loss.String(), "on 3 images") {
			t.Errorf("%s", loss)
		}
	}

	broken := &Images{Count: 2, H: 32, W: 32, Read: func(int) ([]float32, error) { return nil, errors.New("file is gone") }}
	short := &Images{Count: 2, H: 32, W: 31, Read: check.Read}
	over := w.Clone()
	over["out.bias"][0] = 1e6
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		word                 string
		ctx                  context.Context
		precision            onnxgraph.Precision
		weights              graph.Weights
		calibration, checked *Images
	}{
		{"there are no images", t.Context(), onnxgraph.Int8, w, nil, check},
		{"there are no images", t.Context(), onnxgraph.Int8, w, &Images{H: 32, W: 32}, check},
		{"compare f16 to f32: there are no images", t.Context(), onnxgraph.F16, w, nil, nil},
		{"calibration: file is gone", t.Context(), onnxgraph.Int8, w, broken, check},
		{"compare int8 to f32: file is gone", t.Context(), onnxgraph.Int8, w, check, broken},
		{"image 0 has 3072 values, want 2976 for 31x32", t.Context(), onnxgraph.Int8, w, short, check},
		{`"out.bias" is 1e+06`, t.Context(), onnxgraph.F16, over, nil, check},
		{`unknown precision "bf16"; the precisions are [f32 f16 int8]`, t.Context(), "bf16", w, check, check},
		{"canceled", ended, onnxgraph.Int8, w, check, check},
		// Ranges from images without contrast are useless.
		{"int8 loses too much: PSNR", t.Context(), onnxgraph.Int8, w, sceneImages(2, 1e-3), check},
	} {
		_, _, err := Exporter{}.reduce(c.ctx, n, c.weights, onnxgraph.Metadata{}, c.precision, full, c.calibration, c.checked)
		if err == nil || !strings.Contains(err.Error(), c.word) {
			t.Errorf("error %v does not contain %q", err, c.word)
		}
	}

	// Force writes it all the same, and f16 has the same limit.
	model, loss, err := Exporter{Force: true}.reduce(t.Context(), n, w, onnxgraph.Metadata{}, onnxgraph.Int8, full, sceneImages(2, 1e-3), check)
	if err != nil || len(model) == 0 || loss.PSNR >= MinPSNR || !loss.Visible() {
		t.Errorf("with force: %d bytes, %v, %v", len(model), loss, err)
	}
	other := w.Clone()
	for i := range other["out.weight"] {
		other["out.weight"][i] *= -1
	}
	negative, err := onnxgraph.Marshal(n, other, onnxgraph.Metadata{}, onnxgraph.F32)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := (Exporter{}).reduce(t.Context(), n, w, onnxgraph.Metadata{}, onnxgraph.F16, negative, nil, check); err == nil || !strings.Contains(err.Error(), "f16 loses too much: PSNR") {
		t.Errorf("f16 of other weights: %v", err)
	}
}
