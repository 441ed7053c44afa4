package onnx

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

func models(t *testing.T) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "testdata", "models", "*.onnx"))
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d models, %v", len(paths), err)
	}
	found := map[string][]byte{}
	for _, p := range paths {
		if found[filepath.Base(p)], err = os.ReadFile(p); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// Parse and Encode preserve a model.
func TestRoundTrip(t *testing.T) {
	for name, data := range models(t) {
		first, err := Parse(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		second, err := Parse(first.Encode())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(first, second) {
			t.Errorf("%s: a round trip changed it", name)
		}
		if first.Opset < 7 || len(first.Nodes) == 0 || len(first.Outputs) == 0 || len(first.Inputs) == 0 {
			t.Errorf("%s: %+v", name, first)
		}
	}
}

func TestReads(t *testing.T) {
	m, err := Parse(models(t)["tiles_instance.onnx"])
	if err != nil {
		t.Fatal(err)
	}
	if in := m.Inputs[0]; in.Name != "input" || in.Type != Float32 || !slices.Equal(in.Shape, []int64{-1, 3, -1, -1}) {
		t.Errorf("input %+v", in)
	}
	conv := m.Nodes[1]
	if conv.Op != "Conv" || !slices.Equal(conv.Ints("kernel_shape"), []int64{7, 7}) || conv.Int("group", 1) != 1 || conv.Input(2) != "" {
		t.Errorf("convolution %+v", conv)
	}
	if pad := m.Nodes[0]; pad.Text("mode", "constant") != "reflect" {
		t.Errorf("pad %+v", pad)
	}
	norm := m.Nodes[2]
	if eps, ok := norm.Attr("epsilon"); !ok || eps.Float != 1e-5 {
		t.Errorf("epsilon %v", eps)
	}
	for _, w := range m.Tensors {
		v, ok := w.Values()
		if !ok {
			t.Errorf("%s %v: no values", w.Name, w.Dims)
		}
		if w.Type == Int64 && !slices.Equal(v, []float64{0, 0, 3, 3, 0, 0, 3, 3}) && !slices.Equal(v, []float64{0, 0, 1, 1, 0, 0, 1, 1}) {
			t.Errorf("pads %v", v)
		}
	}
}

func TestMakes(t *testing.T) {
	m := &Model{IRVersion: 8, Opset: 17, Graph: "graph"}
	m.Inputs = []Port{{Name: "x", Type: Float32, Shape: []int64{-1, 3}}, {Name: "any", Type: Int64}}
	m.Outputs = []Port{{Name: "z", Type: Float32, Shape: []int64{}}}
	m.Tensors = []*Tensor{NewTensor("list", []int64{3}, []int64{1, -2, 1 << 40}), NewTensor("unused", []int64{1}, []int64{5})}
	m.Nodes = []*Node{
		{Op: "A", Name: "a", Inputs: []string{"x", "", "list"}, Outputs: []string{"y"},
			Attrs: []Attr{IntAttr("i", -7), FloatAttr("f", 0.25), TextAttr("t", "two words"), IntsAttr("n", 3, 0, -1)}},
		{Op: "B", Name: "b", Domain: "other", Inputs: []string{"y"}, Outputs: []string{"z"}},
		{Op: "C", Name: "c", Inputs: []string{"unused"}, Outputs: []string{"u"}},
	}
	e := NewEditor(m, "e")
	if taken := e.taken; !taken["list"] || !taken["x"] || !taken["y"] || taken["w"] {
		t.Errorf("names %v", taken)
	}
	m.Prune()
	got, err := Parse(m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Nodes) != 2 || len(got.Tensors) != 1 || got.Opset != 17 || got.Nodes[1].Domain != "other" || got.Inputs[1].Shape != nil || got.Outputs[0].Shape == nil {
		t.Fatalf("%+v", got)
	}
	a := got.Nodes[0]
	f, _ := a.Attr("f")
	if a.Int("i", 0) != -7 || f.Float != 0.25 || a.Text("t", "") != "two words" || !slices.Equal(a.Ints("n"), []int64{3, 0, -1}) || a.Input(1) != "" {
		t.Errorf("%+v", a)
	}
	if v, ok := got.Tensors[0].Values(); !ok || !slices.Equal(v, []float64{1, -2, 1 << 40}) {
		t.Errorf("%v, %v", v, ok)
	}
}

// All fields in which ONNX stores numbers.
func TestValues(t *testing.T) {
	packed := func(field protowire.Number, data ...byte) []byte { return appendMessage(nil, field, data) }
	for _, c := range []struct {
		typ  DataType
		dims []int64
		data []byte
		want []float64 // nil if not ok
	}{
		{Float32, []int64{1}, packed(9, 0, 0, 0x80, 0x3f), []float64{1}},
		{Float32, []int64{2}, packed(4, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0), []float64{1, -2}},
		{Float64, []int64{1}, packed(10, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f), []float64{1}},
		{Float64, []int64{1}, packed(9, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f), []float64{1}},
		{Int32, []int64{2}, packed(5, 7, 9), []float64{7, 9}},
		{Int32, []int64{1}, packed(9, 0xff, 0xff, 0xff, 0xff), []float64{-1}},
		{Int64, []int64{3}, packed(7, 1, 2, 3), []float64{1, 2, 3}},
		{Int64, nil, appendInt(nil, 7, -5), []float64{-5}},
		{Int64, []int64{2}, packed(7, 1), nil},
		{Int64, []int64{1 << 40, 1 << 40}, nil, nil},
		{Float16, []int64{1}, packed(9, 0, 0x3c), nil},
		{Float16, []int64{1}, packed(5, 7), nil},
		{Float32, []int64{1}, packed(9, 0, 0, 0), nil},
	} {
		raw := appendInt(nil, 2, int64(c.typ))
		for _, d := range c.dims {
			raw = appendInt(raw, 1, d)
		}
		tensor, err := parseTensor(append(raw, c.data...))
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := tensor.Values(); ok != (c.want != nil) || ok && !slices.Equal(v, c.want) {
			t.Errorf("%+v: %v, %v", c, v, ok)
		}
	}
}

// A damaged file is an error or another model, and never a panic.
func TestDamaged(t *testing.T) {
	for _, name := range []string{"conv.onnx", "tiles_global.onnx"} {
		data := models(t)[name]
		refused := 0
		for n := range data {
			if _, err := Parse(data[:n]); err != nil {
				refused++
			}
			broken := bytes.Clone(data)
			broken[n] ^= 0xff
			if m, err := Parse(broken); err == nil {
				m.Prune()
				m.Encode()
				for _, w := range m.Tensors {
					w.Values()
				}
			}
		}
		if refused < len(data)/2 {
			t.Errorf("%s: %d of %d truncated files were rejected", name, refused, len(data))
		}
	}
	for _, data := range [][]byte{nil, []byte("hello"), appendMessage(appendMessage(nil, 7, nil), 7, nil)} {
		if _, err := Parse(data); err == nil {
			t.Errorf("%q was accepted", data)
		}
	}
}

// Only keeps one output with what it needs, and does not change the original model.
func TestOnly(t *testing.T) {
	m, err := Parse(models(t)["foreign_pair.onnx"])
	if err != nil {
		t.Fatal(err)
	}
	for output, want := range map[string]string{"winter": "summer Neg", "mood": "autumn ReduceMean"} {
		only, err := Parse(m.Only(output).Encode())
		if err != nil {
			t.Fatal(err)
		}
		if len(only.Inputs) != 1 || len(only.Nodes) != 1 || len(only.Outputs) != 1 || only.Outputs[0].Name != output ||
			only.Inputs[0].Name+" "+only.Nodes[0].Op != want {
			t.Errorf("%s: %+v", output, only)
		}
	}
	if len(m.Inputs) != 2 || len(m.Nodes) != 3 || len(m.Outputs) != 3 {
		t.Errorf("the model has changed: %+v", m)
	}
	// A graph in a node may need any value.
	loop, err := Parse(models(t)["slow.onnx"])
	if err != nil {
		t.Fatal(err)
	}
	loop.Inputs = append(loop.Inputs, Port{Name: "more", Type: Float32})
	if only := loop.Only("output"); len(only.Inputs) != 2 {
		t.Errorf("%+v", only.Inputs)
	}
}

// The format allows float_data to be packed, not packed, or both.
func TestFloats(t *testing.T) {
	one, two := []byte{0, 0, 0x80, 0x3f}, []byte{0, 0, 0, 0x40}
	single := protowire.AppendFixed32(protowire.AppendTag(nil, 4, protowire.Fixed32Type), 0x40400000)
	for _, c := range []struct {
		name string
		dims []int64
		data []byte
		want []float32 // nil if not ok
	}{
		{"raw", []int64{1, 2}, appendMessage(nil, 9, slices.Concat(one, two)), []float32{1, 2}},
		{"packed", []int64{2}, appendMessage(nil, 4, slices.Concat(one, two)), []float32{1, 2}},
		{"packed twice", []int64{2}, appendMessage(appendMessage(nil, 4, one), 4, two), []float32{1, 2}},
		{"not packed", []int64{2}, slices.Concat(single, single), []float32{3, 3}},
		{"both", []int64{2}, slices.Concat(appendMessage(nil, 4, one), single), []float32{1, 3}},
		{"too few", []int64{3}, appendMessage(nil, 9, slices.Concat(one, two)), nil},
		{"too many", []int64{1}, appendMessage(nil, 9, slices.Concat(one, two)), nil},
		{"a part of a number", []int64{1}, appendMessage(nil, 9, slices.Concat(one, two[:1])), nil},
		{"nothing", []int64{0}, nil, nil},
	} {
		tensor := &Tensor{Type: Float32, Dims: c.dims, raw: c.data}
		got, ok := tensor.Floats()
		if ok != (c.want != nil) || ok && !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v", c.name, got, ok)
		}
	}
}

// Any file that Parse accepts survives pruning, encoding and parsing.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"conv.onnx", "two.onnx", "slow.onnx", "foreign_sequence.onnx", "tiles_half.onnx"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "models", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		if err != nil {
			return
		}
		for _, w := range m.Tensors {
			w.Values()
			w.Floats()
		}
		only := m.Only(m.Outputs[0].Name)
		if encoded := only.Encode(); len(encoded) != only.Size() {
			t.Fatalf("%d bytes, Size %d", len(encoded), only.Size())
		} else if _, err := Parse(encoded); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCheckFinite(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		v      float32
		kind   DataType
		op     string
		finite bool
	}{
		{v: math.MaxFloat32, kind: Float32, op: "Conv", finite: true},
		{v: -math.SmallestNonzeroFloat32, kind: Float32, op: "Conv", finite: true},
		{v: inf, kind: Float32, op: "Conv"},
		{v: -inf, kind: Float32, op: "MatMul"},
		{v: float32(math.NaN()), kind: Float32, op: "ConvTranspose"},
		{v: inf, kind: Float32, op: "Clip", finite: true},
		{v: -MaxFloat16, kind: Float16, op: "Conv", finite: true},
		{v: 65520, kind: Float16, op: "Conv"},
		{v: float32(math.NaN()), kind: Float16, op: "BatchNormalization"},
	} {
		w := Stream("w", []int64{3}, slices.Values([]float32{1, c.v, 0}))
		w.Type = c.kind
		m := &Model{Opset: 17, Nodes: []*Node{{Op: c.op, Inputs: []string{"x", "w"}, Outputs: []string{"y"}}}, Tensors: []*Tensor{w}, Outputs: []Port{{Name: "y", Type: Float32}}}
		m, err := Parse(m.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if err := m.CheckFinite(); (err == nil) != c.finite {
			t.Errorf("%s with %v of %v: %v", c.op, c.kind, c.v, err)
		}
	}
}

func BenchmarkCheckFinite(b *testing.B) {
	const size = 1 << 22
	w := NewTensor("w", []int64{size}, make([]float32, size))
	m := &Model{Nodes: []*Node{{Op: "Conv", Inputs: []string{"x", "w"}}}, Tensors: []*Tensor{w}}
	b.SetBytes(4 * size)
	b.ReportAllocs()
	for b.Loop() {
		if err := m.CheckFinite(); err != nil {
			b.Fatal(err)
		}
	}
}
