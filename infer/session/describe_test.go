package session

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"cyclegan/infer/onnx"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "models", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func describe(t *testing.T, data []byte) *Description {
	t.Helper()
	m, err := onnx.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return Describe(m)
}

func TestDescribe(t *testing.T) {
	d := describe(t, fixture(t, "multiple8.onnx"))
	if got, want := d.Inputs[0].String(), `"input" float32 [N,3,H,W]`; got != want || len(d.Inputs) != 1 {
		t.Errorf("inputs %v, want %s", d.Inputs, want)
	}
	if !slices.Equal(d.Inputs[0].Shape, []int64{-1, 3, -1, -1}) {
		t.Errorf("shape %v", d.Inputs[0].Shape)
	}
	if d.Metadata["cyclegan.size_multiple"] != "8" || d.Metadata["cyclegan.domain_to"] != "winter" {
		t.Errorf("metadata %v", d.Metadata)
	}
	if d.Opset != 17 || d.Producer != "make.py" || d.External {
		t.Errorf("opset %d, producer %q, external %v", d.Opset, d.Producer, d.External)
	}
}

func TestDescribePorts(t *testing.T) {
	for _, c := range []struct{ model, inputs, outputs string }{
		{"two.onnx", `"a" float32 [N,2], "b" float32 [N,2]`, `"sum" float32 [N,2], "mean" float32 []`},
		{"bytes.onnx", `"input" uint8 [N,3,H,W]`, `"output" uint8 [N,3,H,W]`},
		{"fixed.onnx", `"input" float32 [1,3,16,24]`, `"output" float32 [1,3,16,24]`},
	} {
		d := describe(t, fixture(t, c.model))
		if got := portList(d.Inputs); got != c.inputs {
			t.Errorf("%s: inputs %s, want %s", c.model, got, c.inputs)
		}
		if got := portList(d.Outputs); got != c.outputs {
			t.Errorf("%s: outputs %s, want %s", c.model, got, c.outputs)
		}
	}
}

// message writes fields with a length, as num, bytes pairs.
func message(pairs ...any) []byte {
	var b []byte
	for i := 0; i < len(pairs); i += 2 {
		b = protowire.AppendTag(b, protowire.Number(pairs[i].(int)), protowire.BytesType)
		b = protowire.AppendBytes(b, []byte(pairs[i+1].(string)))
	}
	return b
}

// Files of the first IR versions list the weights as inputs too, and some name no shape.
func TestDescribeOldFile(t *testing.T) {
	initializer := message(8, "weight")
	initializer = protowire.AppendTag(initializer, 14, protowire.VarintType)
	initializer = protowire.AppendVarint(initializer, 1)
	graph := message(5, string(initializer), 11, string(message(1, "x")), 11, string(message(1, "weight")), 12, string(message(1, "y")))
	d := describe(t, message(7, string(graph)))
	if got, want := portList(d.Inputs), `"x" unknown any shape`; got != want {
		t.Errorf("inputs %s, want %s", got, want)
	}
	if got, want := portList(d.Optional), `"weight" unknown any shape`; got != want {
		t.Errorf("optional inputs %s, want %s", got, want)
	}
	if !d.External {
		t.Error("weights in a file of their own were not seen")
	}
}

func FuzzDescribe(f *testing.F) {
	for _, name := range []string{"multiple8.onnx", "conv.onnx", "two.onnx", "slow.onnx"} {
		f.Add(fixture(f, name))
	}
	for _, name := range []string{"types.onnx", "optional.onnx", "external.onnx"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Parse(data)
		if err != nil {
			return
		}
		d := Describe(m)
		if _, names, err := widened(m, d.Outputs); err == nil && len(names) != len(d.Outputs) {
			t.Fatalf("%d names for %d outputs", len(names), len(d.Outputs))
		}
		for _, p := range slices.Concat(d.Inputs, d.Outputs, d.Optional) {
			if len(p.Shape) != len(p.Axes) {
				t.Fatalf("%d dimensions and %d names", len(p.Shape), len(p.Axes))
			}
		}
	})
}

func TestCheckInputs(t *testing.T) {
	img := onnx.Port{Name: "input", Type: onnx.Float32, Shape: []int64{-1, 3, -1, -1}, Axes: []string{"N", "", "H", "W"}}
	for _, c := range []struct {
		name   string
		port   onnx.Port
		inputs []Tensor
		want   string
	}{
		{"fits", img, []Tensor{{Shape: []int64{1, 3, 2, 1}, Data: make([]float32, 6)}}, ""},
		{"any shape", onnx.Port{Name: "x", Type: onnx.Float32}, []Tensor{{Shape: []int64{2}, Data: make([]float32, 2)}}, ""},
		{"none", img, nil, `needs 1 inputs ("input" float32 [N,3,H,W]), not 0`},
		{"rank", img, []Tensor{{Shape: []int64{6}, Data: make([]float32, 6)}}, "takes [N,3,H,W], not [6]"},
		{"channels", img, []Tensor{{Shape: []int64{1, 1, 2, 1}, Data: make([]float32, 2)}}, "takes [N,3,H,W], not [1,1,2,1]"},
		{"no shape", onnx.Port{Name: "x", Type: onnx.Float32}, []Tensor{{}}, "no shape"},
		{"empty", img, []Tensor{{Shape: []int64{1, 3, 0, 1}}}, "dimension below 1"},
		{"few values", img, []Tensor{{Shape: []int64{1, 3, 2, 1}, Data: make([]float32, 5)}}, "5 values do not fill"},
		{"many values", img, []Tensor{{Shape: []int64{1, 3, 2, 1}, Data: make([]float32, 7)}}, "7 values do not fill"},
		{"overflow", img, []Tensor{{Shape: []int64{1 << 62, 3, 1 << 62, 4}, Data: make([]float32, 6)}}, "6 values do not fill"},
		{"bytes", onnx.Port{Name: "x", Type: onnx.Uint8}, []Tensor{{Shape: []int64{1}, Data: make([]float32, 1)}}, ""},
		{"words", onnx.Port{Name: "x", Type: onnx.String}, []Tensor{{Shape: []int64{1}, Data: make([]float32, 1)}}, "has type string; supported are float32, float64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := checkInputs([]onnx.Port{c.port}, c.inputs)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
			} else if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestOptionsValidate(t *testing.T) {
	if err := (*Options)(nil).Validate(); err != nil {
		t.Errorf("nil options: %v", err)
	}
	err := (&Options{Provider: "tpu", DeviceID: -1, IntraThreads: -2, InterThreads: -3}).Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{`"tpu"`, "device id -1", "intra threads -2", "inter threads -3"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %q", want, err)
		}
	}
}

func TestSelect(t *testing.T) {
	d := &Description{
		Inputs: []onnx.Port{{Name: "x", Type: onnx.Float32}}, Optional: []onnx.Port{{Name: "gain", Type: onnx.Float32}},
		Outputs: []onnx.Port{{Name: "a", Type: onnx.Float32}, {Name: "b", Type: onnx.Int64}},
	}
	for _, c := range []struct {
		inputs, outputs []string
		want            string
	}{
		{nil, nil, "x gain -> a b"},
		{[]string{"gain", "x"}, []string{"b"}, "gain x  -> b"},
		{[]string{"gain"}, nil, `the model also needs its input "x" float32`},
		{[]string{"x", "z"}, nil, `the model has no input "z": it has "x" float32 any shape, "gain" float32 any shape`},
		{[]string{"x", "x"}, nil, `input "x" is chosen twice`},
		{nil, []string{"x"}, `the model has no output "x": it has "a" float32 any shape, "b" int64 any shape`},
		{nil, []string{}, "no output is chosen"},
	} {
		s, err := d.Select(c.inputs, c.outputs)
		if err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v %v: error %v, want %s", c.inputs, c.outputs, err, c.want)
			}
			continue
		}
		got := strings.Join(portNames(s.Inputs), " ") + " " + strings.Join(portNames(s.Optional), " ") + " -> " + strings.Join(portNames(s.Outputs), " ")
		if got != c.want {
			t.Errorf("%v %v: %s, want %s", c.inputs, c.outputs, got, c.want)
		}
	}
	if len(d.Outputs) != 2 || len(d.Optional) != 1 {
		t.Errorf("the description itself was changed: %+v", d)
	}
}

func TestConstantsAreChecked(t *testing.T) {
	for _, c := range []struct {
		model, name string
		shape       []int64
		want        string
	}{
		{"two.onnx", "c", []int64{1, 2}, `constant "c": the model has no such input: it has "a" float32 [N,2], "b" float32 [N,2]`},
		{"two.onnx", "b", []int64{2, 1}, `input "b": the model takes [N,2], not [2,1]`},
		{"bytes.onnx", "input", []int64{1, 3, 1, 1}, `constant "input": the input has type uint8, and constants have float32`},
	} {
		d := describe(t, fixture(t, c.model))
		_, err := d.removeConstants(map[string]Tensor{c.name: {Shape: c.shape, Data: make([]float32, elementCount(c.shape))}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %s: error %v, want one with %q", c.model, c.name, err, c.want)
		}
	}
}
