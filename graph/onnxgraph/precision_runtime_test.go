//go:build cgo

package onnxgraph

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"cyclegan/graph"
	"cyclegan/infer/session"
	"cyclegan/third_party/native"
)

// openModel opens a model. It skips the test if ONNX Runtime is missing.
func openModel(t *testing.T, model []byte) *session.Session {
	t.Helper()
	if _, err := native.FindONNXRuntime(); err != nil {
		t.Skip("ONNX Runtime is not here; run this test with `go run ./third_party go test ./graph/onnxgraph`")
	}
	s, err := session.New(model, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// calibrate runs a network on the first images of a batch.
func calibrate(t *testing.T, n *graph.Network, w graph.Weights, x []float32, count, height, width int) *Calibration {
	t.Helper()
	c, err := NewCalibration(n, w)
	if err != nil {
		t.Fatal(err)
	}
	probes, err := c.Probes(height, width, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	one := n.In * height * width
	for _, p := range probes {
		model, err := p.Model()
		if err != nil {
			t.Fatal(err)
		}
		s := openModel(t, model)
		for i := range count {
			out, err := s.Run(t.Context(), session.Tensor{Shape: []int64{1, int64(n.In), int64(height), int64(width)}, Data: x[i*one:][:one]})
			if err != nil {
				t.Fatal(err)
			}
			for j, o := range out {
				if err := p.Add(j, o.Data); err != nil {
					t.Fatal(err)
				}
			}
		}
		s.Close()
	}
	return c
}

// smooth is a batch of images that resemble photographs more than noise does.
func smooth(count, channels, height, width int) []float32 {
	values := make([]float32, 0, count*channels*height*width)
	for i := range count * channels {
		phase := float64(i * i)
		for y := range height {
			for x := range width {
				v := math.Sin(float64(x)/9+phase)*math.Cos(float64(y)/7-phase/3) + 0.4*math.Sin(float64(x*y)/50+phase)
				values = append(values, float32(v/1.4))
			}
		}
	}
	return values
}

// psnr compares images with values in [-1, 1].
func psnr(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return 10 * math.Log10(4*float64(len(a))/sum)
}

// Every generator computes nearly the same images with 16 and with 8 bits, at a size and batch that
// the calibration has not seen, and ONNX Runtime computes all chosen convolutions of the 8-bit file
// with integers.
func TestPrecisionsAgreeWithFloat32(t *testing.T) {
	for _, c := range generatorCases(t, 8) {
		if strings.HasPrefix(c.name, "unet_256") || strings.HasPrefix(c.name, "resnet_9") {
			continue // these have the layers of the smaller ones
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n, w := c.net, noiseWeights(c.net)
			height, width := 32, 40
			if strings.HasPrefix(c.name, "unet") {
				height, width = 128, 128
			}
			half, err := Marshal(n, w, Metadata{}, F16)
			if err != nil {
				t.Fatal(err)
			}
			calibration := calibrate(t, n, w, smooth(6, n.In, height, width), 6, height, width)
			small, err := MarshalInt8(calibration, Metadata{})
			if err != nil {
				t.Fatal(err)
			}
			full := marshal(t, n, w, Metadata{})
			if len(half) > len(full)*6/10 || len(full) > 100_000 && len(small) > len(full)*6/10 {
				t.Errorf("%d bytes in f32, %d in f16, %d in int8", len(full), len(half), len(small))
			}
			height += n.SizeMultiple()
			x := session.Tensor{Shape: []int64{2, int64(n.In), int64(height), int64(width)}, Data: smooth(2, n.In, height, width)}
			var pictures [3]session.Tensor
			for i, model := range [][]byte{full, half, small} {
				out, err := openModel(t, model).Run(t.Context(), x)
				if err != nil {
					t.Fatal(err)
				}
				pictures[i] = out[0]
			}
			if !slices.Equal(pictures[1].Shape, pictures[0].Shape) || !slices.Equal(pictures[2].Shape, pictures[0].Shape) {
				t.Fatalf("shapes %v, %v and %v", pictures[0].Shape, pictures[1].Shape, pictures[2].Shape)
			}
			f16, int8 := psnr(pictures[0].Data, pictures[1].Data), psnr(pictures[0].Data, pictures[2].Data)
			t.Logf("f16 %.1f dB, int8 %.1f dB", f16, int8)
			if !(f16 > 50) || !(int8 > 25) {
				t.Errorf("PSNR to f32: f16 %.1f dB, int8 %.1f dB", f16, int8)
			}
			checkIntegers(t, calibration, small)
		})
	}
}

// checkIntegers counts the operators of a model after ONNX Runtime optimized it.
func checkIntegers(t *testing.T, c *Calibration, model []byte) {
	t.Helper()
	options, err := ort.NewSessionOptions()
	if err != nil {
		t.Fatal(err)
	}
	defer options.Destroy()
	path := filepath.Join(t.TempDir(), "optimized.onnx")
	if err := options.SetOptimizedModelFilePath(path); err != nil {
		t.Fatal(err)
	}
	// It warns that such a file suits only this machine.
	if err := options.SetLogSeverityLevel(ort.LoggingLevelFatal); err != nil {
		t.Fatal(err)
	}
	s, err := ort.NewDynamicAdvancedSessionWithONNXData(model, []string{inputName}, []string{outputName}, options)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Destroy()
	optimized, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	written, made := operators(t, model), operators(t, optimized)
	// In the file a quantizer follows an integer convolution; the last convolution of a generator
	// has none.
	if want := written["Conv"] + written["ConvTranspose"] - 1; made["QLinearConv"] != want || made["Conv"]+made["FusedConv"]+made["ConvTranspose"] != 1 {
		t.Errorf("want %d integer convolutions; ONNX Runtime made %v of %v", want, made, written)
	}
	if chosen := len(c.flow.chosen); chosen == 0 || made["BatchNormalization"] > 0 {
		t.Errorf("%d chosen, %v", chosen, made)
	}
}

// operators counts the operators of a model.
func operators(t *testing.T, model []byte) map[string]int {
	t.Helper()
	count := map[string]int{}
	for _, f := range fields(t, model) {
		if f.num != 7 {
			continue
		}
		for _, f := range fields(t, f.bytes) {
			if f.num == 1 {
				for _, f := range fields(t, f.bytes) {
					if f.num == 4 {
						count[f.text()]++
					}
				}
			}
		}
	}
	return count
}

// A long tail in the values of one channel costs little, since these get two bytes.
func TestTailInTwoBytes(t *testing.T) {
	n := &graph.Network{Name: "tail", In: 1, Out: 1, Layers: []graph.Layer{
		graph.Conv{Name: "c", In: 1, Out: 2, Kernel: 1, Stride: 1}, graph.InstanceNorm{Channels: 2, Epsilon: 1e-5}, graph.ReLU{},
		graph.Conv{Name: "out", In: 2, Out: 1, Kernel: 1, Stride: 1}, graph.Tanh{},
	}}
	w := graph.Weights{"c.weight": {1, 0.5}, "out.weight": {0.3, 0.3}}
	x := smooth(1, 1, 64, 64)
	for i := range 8 {
		x[i*500] = -30
	}
	tail := calibrate(t, n, w, x, 1, 64, 64)
	run := func(model []byte) []float32 {
		out, err := openModel(t, model).Run(t.Context(), session.Tensor{Shape: []int64{1, 1, 64, 64}, Data: x})
		if err != nil {
			t.Fatal(err)
		}
		return out[0].Data
	}
	two, err := MarshalInt8(tail, Metadata{})
	if err != nil {
		t.Fatal(err)
	}
	if ops := operators(t, two); ops["Add"] != 1 {
		t.Fatalf("the result is not split: %v", ops)
	}
	// The input has the tail too, but only one byte.
	if got := psnr(run(marshal(t, n, w, Metadata{})), run(two)); got < 30 {
		t.Errorf("PSNR %.1f dB", got)
	} else {
		t.Logf("PSNR %.1f dB", got)
	}
}
