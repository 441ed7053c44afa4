package infer

import (
	"math"
	"slices"
	"strings"
	"testing"

	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/onnx"
)

// A model with broken weights does not open, and one that returns NaN fails, whole and in tiles.
// Before, the images became black.
func TestNotFinite(t *testing.T) {
	sound, err := onnx.Parse(fixture(t, "conv.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	with := func(bad float32) *onnx.Model {
		m := sound.Clone()
		i := slices.IndexFunc(m.Tensors, func(w *onnx.Tensor) bool { return w.Name == "weight" })
		values, _ := m.Tensors[i].Floats()
		values[5] = bad
		m.Tensors[i] = onnx.NewTensor("weight", m.Tensors[i].Dims, values)
		return m
	}
	// photo*s*s in float16 or float32
	scaled := func(kind onnx.DataType, s float32) *onnx.Model {
		node := func(op, inputs, output string, attrs ...onnx.Attr) *onnx.Node {
			return &onnx.Node{Op: op, Inputs: strings.Fields(inputs), Outputs: []string{output}, Attrs: attrs}
		}
		scale := onnx.Stream("s", nil, slices.Values([]float32{s}))
		scale.Type = kind
		shape := []int64{1, 3, -1, -1}
		return &onnx.Model{
			IRVersion: 8, Opset: 17, Graph: "half", Tensors: []*onnx.Tensor{scale},
			Inputs:  []onnx.Port{{Name: "photo", Type: onnx.Float32, Shape: shape}},
			Outputs: []onnx.Port{{Name: "out", Type: kind, Shape: shape}},
			Nodes: []*onnx.Node{
				node("Cast", "photo", "x", onnx.IntAttr("to", int64(kind))), node("Mul", "x s", "y"), node("Mul", "y s", "out"),
			},
		}
	}
	nan := float32(math.NaN())
	for _, c := range []struct {
		name  string
		model *onnx.Model
		want  []string // in the error; nil for none
	}{
		{"sound", sound, nil},
		{"NaN", with(nan), []string{`weight "weight" holds NaN or infinite values`, "Fix:"}},
		{"infinite", with(float32(math.Inf(1))), []string{`weight "weight" holds NaN or infinite values`}},
		{"overflow", scaled(onnx.Float32, 1e30), []string{"the model returned infinite values", "Fix: if it does so for every image"}},
		{"float16", scaled(onnx.Float16, 100), nil},
		{"float16 in float32", scaled(onnx.Float16, 60000), nil}, // a CPU computes it without overflow
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := New(c.model.Encode(), &Options{MaxPixels: leastMaxPixels, Detail: DetailModel})
			skipWithoutRuntime(t, err)
			if err != nil {
				contains(t, err, c.want)
				return
			}
			defer m.Close()
			for _, w := range []int{40, 700} {
				if tiles := m.Tiling(w, 300).Tiles; (tiles > 1) != (w == 700) {
					t.Fatalf("%d pixels wide: %d tiles", w, tiles)
				}
				out, err := m.Translate(t.Context(), imagetest.Pattern(w, 300))
				if len(c.want) > 0 && err == nil {
					t.Errorf("%d pixels wide: no error, and an image of %v", w, out.Bounds())
				}
				contains(t, err, c.want)
			}
		})
	}
}

// Providers that do compute in float16 overflow earlier, which the error explains.
func TestNotFiniteInFloat16(t *testing.T) {
	e := newEngine(Info{WeightType: onnx.Float16.String()})
	err := e.checkFinite([]float32{0, float32(math.Inf(-1))})
	if err == nil {
		t.Fatal("no error")
	}
	contains(t, err, []string{"infinite values", "it computes in float16", "Fix: use the model in float32"})
}

// contains reports the words that an error lacks.
func contains(t *testing.T, err error, words []string) {
	t.Helper()
	if err != nil && len(words) == 0 {
		t.Error(err)
	}
	for _, w := range words {
		if err != nil && !strings.Contains(err.Error(), w) {
			t.Errorf("%q lacks %q", err, w)
		}
	}
}
