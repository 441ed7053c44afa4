//go:build cgo

package session

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// openOwn opens a model of this package's own testdata, and skips the test as open does.
func openOwn(t testing.TB, name string, opt *Options) (*Session, error) {
	t.Helper()
	open(t, "invert.onnx", nil).Close()
	s, err := Open(filepath.Join("testdata", name), opt)
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

// types.onnx returns its inputs, so the outputs are the values as converted to each type.
func TestEveryType(t *testing.T) {
	s, err := openOwn(t, "types.onnx", nil)
	if err != nil {
		t.Fatal(err)
	}
	nan := float32(math.NaN())
	values := []float32{0, 1, -1, 0.1, 2.5, 300.75, -40000, nan, 16777216}
	want := map[string][]float32{
		"float32":  values,
		"float64":  values,
		"float16":  {0, 1, -1, 0.099975586, 2.5, 300.75, -40000, nan, float32(math.Inf(1))},
		"bfloat16": {0, 1, -1, 0.100097656, 2.5, 300, -39936, nan, 16777216},
		"uint8":    {0, 1, 0, 0, 2, 255, 0, 0, 255},
		"int8":     {0, 1, -1, 0, 2, 127, -128, 0, 127},
		"uint16":   {0, 1, 0, 0, 2, 301, 0, 0, 65535},
		"int16":    {0, 1, -1, 0, 2, 301, -32768, 0, 32767},
		"uint32":   {0, 1, 0, 0, 2, 301, 0, 0, 16777216},
		"int32":    {0, 1, -1, 0, 2, 301, -40000, 0, 16777216},
		"uint64":   {0, 1, 0, 0, 2, 301, 0, 0, 16777216},
		"int64":    {0, 1, -1, 0, 2, 301, -40000, 0, 16777216},
	}
	inputs := make([]Tensor, len(s.About().Inputs))
	for i := range inputs {
		inputs[i] = Tensor{[]int64{int64(len(values))}, values}
	}
	outputs := make([]Tensor, len(s.About().Outputs))
	for range 3 { // the later runs reuse the memory of the first
		if err := s.RunInto(t.Context(), outputs, inputs...); err != nil {
			t.Fatal(err)
		}
		for i, p := range s.About().Outputs {
			if p.Type.String() != strings.TrimPrefix(p.Name, "y_") || !Convertible(p.Type) {
				t.Fatalf("output %v", p)
			}
			same := slices.EqualFunc(outputs[i].Data, want[p.Type.String()], func(a, b float32) bool { return a == b || a != a && b != b })
			if !same || !slices.Equal(outputs[i].Shape, []int64{9}) {
				t.Errorf("%v: %v of shape %v, want %v", p.Type, outputs[i].Data, outputs[i].Shape, want[p.Type.String()])
			}
		}
	}
}

// A float16 model with external weights needs both a conversion and its folder.
func TestExternalWeights(t *testing.T) {
	s, err := openOwn(t, "external.onnx", nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Run(t.Context(), Tensor{[]int64{1, 4}, []float32{0.5, 0, 0, 0.1}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{1.5, 2, 3, 4.1015625}; !slices.Equal(out[0].Data, want) {
		t.Errorf("got %v, want %v", out[0].Data, want)
	}
	data, err := os.ReadFile(filepath.Join("testdata", "external.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(data, nil)
	wantError(t, err, "has external weights. Fix: open it by its path")
	// Without the other file.
	alone := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(alone, data, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Open(alone, nil)
	wantError(t, err, alone, "external.data")
}

func TestChosenPorts(t *testing.T) {
	x := Tensor{[]int64{3}, []float32{1, 2, 3}}
	gain := Tensor{[]int64{1}, []float32{10}}
	for _, c := range []struct {
		name   string
		opt    Options
		inputs []Tensor
		want   [][]float32
	}{
		{"all", Options{}, []Tensor{x}, [][]float32{{2, 4, 6}, {-1, -2, -3}}},
		{"one output", Options{Outputs: []string{"negative"}}, []Tensor{x}, [][]float32{{-1, -2, -3}}},
		{"another order", Options{Inputs: []string{"gain", "x"}, Outputs: []string{"negative", "scaled"}}, []Tensor{gain, x}, [][]float32{{-1, -2, -3}, {10, 20, 30}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := openOwn(t, "optional.onnx", &c.opt)
			if err != nil {
				t.Fatal(err)
			}
			out, err := s.Run(t.Context(), c.inputs...)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(out, c.want, func(t Tensor, want []float32) bool { return slices.Equal(t.Data, want) }) {
				t.Errorf("got %v, want %v", out, c.want)
			}
		})
	}
	_, err := openOwn(t, "optional.onnx", &Options{Inputs: []string{"gain"}})
	wantError(t, err, `the model also needs its input "x" float32 [N]`)
	s := open(t, "two.onnx", nil)
	_, err = s.Run(t.Context(), x)
	wantError(t, err, `the model needs 2 inputs ("a" float32 [N,2], "b" float32 [N,2]), not 1`)
	wantError(t, s.RunInto(t.Context(), nil, x, x), `the model has 2 outputs ("sum" float32 [N,2], "mean" float32 []), but there are tensors for 0`)
}

// Shapes that depend on the values are right although those of earlier runs are remembered.
func TestShapesOfValues(t *testing.T) {
	for _, name := range []string{"above.onnx", "where.onnx"} {
		s, err := openOwn(t, name, nil)
		if err != nil {
			t.Fatal(err)
		}
		outputs := make([]Tensor, 1)
		for _, in := range [][]float32{{1, 0, 2}, {3, 4, 5}, {0, 0, 6}, {7, 8, 9}} {
			if err := s.RunInto(t.Context(), outputs, Tensor{[]int64{3}, in}); err != nil {
				t.Fatal(err)
			}
			var want []float32
			for i, v := range in {
				if v != 0 && name == "above.onnx" {
					want = append(want, v)
				} else if v != 0 {
					want = append(want, float32(i))
				}
			}
			if got := outputs[0]; !slices.Equal(got.Data, want) || got.Shape[len(got.Shape)-1] != int64(len(want)) {
				t.Errorf("%s: %v: got %v", name, in, got)
			}
		}
	}
}

func TestStringsAreErrors(t *testing.T) {
	s, err := openOwn(t, "words.onnx", nil)
	if err != nil {
		t.Fatal(err)
	}
	in := Tensor{[]int64{1}, []float32{1}}
	_, err = s.Run(t.Context(), in)
	wantError(t, err, `input "x" has type string; supported are float32, float64`)
	if s, err = openOwn(t, "wordy.onnx", nil); err != nil {
		t.Fatal(err)
	}
	_, err = s.Run(t.Context(), in)
	wantError(t, err, `output "y" string [N]: supported types are float32`)
}

// RunInto reuses the memory of earlier outputs, also of larger ones.
func TestRunInto(t *testing.T) {
	s := open(t, "invert.onnx", nil)
	outputs := make([]Tensor, 1)
	var first *float32
	for i, side := range []int64{8, 4, 8, 4, 8} {
		in := Tensor{[]int64{1, 3, side, 1}, make([]float32, 3*side)}
		for k := range in.Data {
			in.Data[k] = float32(k + i)
		}
		if err := s.RunInto(t.Context(), outputs, in); err != nil {
			t.Fatal(err)
		}
		got := outputs[0]
		if len(got.Data) != len(in.Data) || got.Shape[2] != side || got.Data[1] != -in.Data[1] || got.Data[len(got.Data)-1] != -in.Data[len(in.Data)-1] {
			t.Errorf("run %d: %v: got %v", i, in, got)
		}
		if i == 1 { // both shapes are known now
			outputs[0].Data = make([]float32, 24)
			first = &outputs[0].Data[0]
		}
		if i > 1 && &got.Data[0] != first {
			t.Errorf("run %d did not use the given memory", i)
		}
	}
}

// Run's outputs belong to the caller and do not change in later runs.
func TestRunReturnsOwnMemory(t *testing.T) {
	s := open(t, "invert.onnx", nil)
	var kept []Tensor
	for i := range 4 {
		out, err := s.Run(t.Context(), Tensor{[]int64{1, 3, 1, 1}, []float32{float32(i), 0, 0}})
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, out[0])
	}
	for i, k := range kept {
		if k.Data[0] != -float32(i) {
			t.Errorf("run %d's output became %v", i, k.Data)
		}
	}
}
