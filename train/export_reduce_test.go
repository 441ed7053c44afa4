//go:build cgo

package train

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

// scenePictures are scenes of 32x32, their values multiplied by contrast.
func scenePictures(count int, contrast float32) *Pictures {
	return &Pictures{Count: count, H: 32, W: 32, Source: "scenes", Read: func(i int) ([]float32, error) {
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
		t.Skip("ONNX Runtime is not here; run this test with `go run ./third_party go test ./train`")
	}
	n, w := smallGenerator(t)
	full, err := onnxgraph.Marshal(n, w, onnxgraph.Metadata{})
	if err != nil {
		t.Fatal(err)
	}
	check := scenePictures(3, 1)
	for _, c := range []struct {
		precision onnxgraph.Precision
		least     float64
	}{{onnxgraph.F16, 60}, {onnxgraph.Int8, 30}} {
		model, loss, err := reduce(t.Context(), n, w, onnxgraph.Metadata{}, c.precision, full, scenePictures(6, 1), check)
		if err != nil {
			t.Fatal(err)
		}
		if len(model) >= len(full) || loss.Pictures != 3 || !(loss.Least >= c.least) || loss.Least > loss.PSNR {
			t.Errorf("%s: %d bytes of %d, %v", c.precision, len(model), len(full), loss)
		}
		if !strings.Contains(loss.String(), "on 3 pictures") {
			t.Errorf("%s", loss)
		}
	}

	broken := &Pictures{Count: 2, H: 32, W: 32, Read: func(int) ([]float32, error) { return nil, errors.New("file is gone") }}
	short := &Pictures{Count: 2, H: 32, W: 31, Read: check.Read}
	over := w.Clone()
	over["out.bias"][0] = 1e6
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		word                string
		ctx                 context.Context
		precision           onnxgraph.Precision
		weights             graph.Weights
		calibration, judged *Pictures
	}{
		{"there are no pictures", t.Context(), onnxgraph.Int8, w, nil, check},
		{"there are no pictures", t.Context(), onnxgraph.Int8, w, &Pictures{H: 32, W: 32}, check},
		{"compare f16 to f32: there are no pictures", t.Context(), onnxgraph.F16, w, nil, nil},
		{"calibration: file is gone", t.Context(), onnxgraph.Int8, w, broken, check},
		{"compare int8 to f32: file is gone", t.Context(), onnxgraph.Int8, w, check, broken},
		{"picture 0 has 3072 values, not the 2976 of 31x32", t.Context(), onnxgraph.Int8, w, short, check},
		{`"out.bias" is 1e+06`, t.Context(), onnxgraph.F16, over, nil, check},
		{`precision "bf16" is none of [f32 f16 int8]`, t.Context(), "bf16", w, check, check},
		{"canceled", ended, onnxgraph.Int8, w, check, check},
		// Ranges learnt from pictures without contrast are of no use.
		{"are too far from those in f32: PSNR", t.Context(), onnxgraph.Int8, w, scenePictures(2, 1e-3), check},
	} {
		_, _, err := reduce(c.ctx, n, c.weights, onnxgraph.Metadata{}, c.precision, full, c.calibration, c.judged)
		if err == nil || !strings.Contains(err.Error(), c.word) {
			t.Errorf("error %v does not say %q", err, c.word)
		}
	}
}
