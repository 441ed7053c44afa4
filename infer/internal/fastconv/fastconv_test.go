package fastconv

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"cyclegan/infer/onnx"
	"cyclegan/infer/session"
	"cyclegan/infer/winograd"
)

// wide channels are enough for Winograd's form.
const wide = leastChannels

// conv describes a model with one convolution.
type conv struct {
	out, in, height, width int64
	pads                   []int64
	bias                   bool
	attrs                  []onnx.Attr
	opset                  int64
}

func random(r *rand.Rand, n int64, scale float64) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(scale * r.NormFloat64())
	}
	return values
}

func (c conv) model() *onnx.Model {
	m := &onnx.Model{IRVersion: 8, Opset: max(c.opset, 11), Graph: "graph"}
	if c.opset > 0 {
		m.Opset = c.opset
	}
	r := rand.New(rand.NewPCG(1, 2))
	any := []int64{-1, c.in, -1, -1}
	m.Inputs = []onnx.Port{{Name: "x", Type: onnx.Float32, Shape: any}}
	m.Outputs = []onnx.Port{{Name: "y", Type: onnx.Float32, Shape: []int64{-1, c.out, -1, -1}}}
	weights := c.out * c.in * c.height * c.width
	m.Tensors = []*onnx.Tensor{onnx.NewTensor("w", []int64{c.out, c.in, c.height, c.width}, random(r, weights, 0.02))}
	n := &onnx.Node{Op: "Conv", Name: "conv", Inputs: []string{"x", "w"}, Outputs: []string{"y"}, Attrs: c.attrs}
	if c.bias {
		m.Tensors = append(m.Tensors, onnx.NewTensor("b", []int64{c.out}, random(r, c.out, 1)))
		n.Inputs = append(n.Inputs, "b")
	}
	if c.pads != nil {
		n.Attrs = append(slices.Clone(n.Attrs), onnx.IntsAttr("pads", c.pads...))
	}
	m.Nodes = []*onnx.Node{n}
	return m
}

func open(t *testing.T, model *onnx.Model, constants map[string]session.Tensor) *session.Session {
	t.Helper()
	s, err := session.OpenModel(model, &session.Options{Constants: constants})
	var missing *session.NotFoundError
	if errors.As(err, &missing) || errors.Is(err, session.ErrNoCgo) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// difference returns the largest difference of two tensors as a part of the largest value.
func difference(t *testing.T, got, want session.Tensor) float64 {
	t.Helper()
	if !slices.Equal(got.Shape, want.Shape) {
		t.Fatalf("shape %v, want %v", got.Shape, want.Shape)
	}
	largest, apart := 0.0, 0.0
	for i, v := range want.Data {
		largest = max(largest, math.Abs(float64(v)))
		apart = max(apart, math.Abs(float64(v)-float64(got.Data[i])))
	}
	return apart / largest
}

// keep returns Filters that are closed after the sessions of the test.
func keep(t testing.TB) *Filters {
	f := &Filters{}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// Both forms compute the convolution up to rounding, for every remainder of the sides, pads, biases
// and batches.
func TestRewriteComputesTheSame(t *testing.T) {
	for name, c := range map[string]conv{
		"winograd":             {out: wide, in: wide, height: 3, width: 3},
		"winograd, padded":     {out: wide + 16, in: wide, height: 3, width: 3, pads: []int64{1, 1, 1, 1}, bias: true},
		"winograd, odd pads":   {out: wide, in: wide + 6, height: 3, width: 3, pads: []int64{2, 0, 1, 3}},
		"winograd, with attrs": {out: wide, in: wide, height: 3, width: 3, bias: true, attrs: []onnx.Attr{onnx.IntsAttr("kernel_shape", 3, 3), onnx.IntAttr("group", 1), onnx.IntsAttr("strides", 1, 1), onnx.IntsAttr("dilations", 1, 1)}},
		"narrow":               {out: 3, in: 64, height: 7, width: 7},
		"narrow, padded":       {out: 3, in: 32, height: 7, width: 7, pads: []int64{3, 3, 3, 3}, bias: true},
		"narrow, odd pads":     {out: 1, in: 16, height: 5, width: 3, pads: []int64{0, 2, 1, 0}, bias: true},
	} {
		t.Run(name, func(t *testing.T) {
			m := c.model()
			f := keep(t)
			rewritten := Rewrite(m, f)
			if rewritten == nil || rewritten.Count != 1 {
				t.Fatalf("%+v", rewritten)
			}
			rewritten.Transform()
			direct, fast := open(t, m, nil), open(t, rewritten.Model, rewritten.Inputs())
			r := rand.New(rand.NewPCG(3, 4))
			for _, shape := range [][]int64{{1, c.in, 8, 8}, {1, c.in, 9, 10}, {2, c.in, 11, 7}, {3, c.in, 12, 9}, {1, c.in, 7, 40}} {
				x := session.Tensor{Shape: shape, Data: random(r, shape[0]*shape[1]*shape[2]*shape[3], 1)}
				want, err := direct.Run(t.Context(), x)
				if err != nil {
					t.Fatal(err)
				}
				got, err := fast.Run(t.Context(), x)
				if err != nil {
					t.Fatalf("%v: %v", shape, err)
				}
				if d := difference(t, got[0], want[0]); d > 2e-5 {
					t.Errorf("%v: differs by %.2g of the largest value", shape, d)
				}
			}
		})
	}
}

// Convolutions without a faster form stay.
func TestRewriteLeaves(t *testing.T) {
	for name, c := range map[string]conv{
		"few channels in":  {out: wide, in: wide - 1, height: 3, width: 3},
		"few channels out": {out: wide - 1, in: wide, height: 3, width: 3},
		"steps":            {out: wide, in: wide, height: 3, width: 3, attrs: []onnx.Attr{onnx.IntsAttr("strides", 2, 2)}},
		"dilated":          {out: wide, in: wide, height: 3, width: 3, attrs: []onnx.Attr{onnx.IntsAttr("dilations", 2, 2)}},
		"grouped":          {out: 2 * wide, in: wide, height: 3, width: 3, attrs: []onnx.Attr{onnx.IntAttr("group", 2)}},
		"auto_pad":         {out: wide, in: wide, height: 3, width: 3, attrs: []onnx.Attr{onnx.TextAttr("auto_pad", "SAME_UPPER")}},
		"cropped":          {out: wide, in: wide, height: 3, width: 3, pads: []int64{-1, 0, 0, 0}},
		"stem":             {out: 64, in: 3, height: 7, width: 7},
		"one by one":       {out: 3, in: 64, height: 1, width: 1},
		"old":              {out: wide, in: wide, height: 3, width: 3, opset: 9},
	} {
		if r := Rewrite(c.model(), keep(t)); r != nil {
			t.Errorf("%s: %d rewritten", name, r.Count)
		}
	}
	// Filters that the caller may override or another node computes.
	given := conv{out: wide, in: wide, height: 3, width: 3}.model()
	given.Inputs = append(given.Inputs, onnx.Port{Name: "w", Type: onnx.Float32})
	computed := conv{out: wide, in: wide, height: 3, width: 3}.model()
	computed.Nodes[0].Inputs[1] = "elsewhere"
	// Fewer filters than the shape has.
	damaged := conv{out: wide, in: wide, height: 3, width: 3}.model()
	damaged.Tensors[0] = onnx.NewTensor("w", []int64{wide, wide, 3, 3}, make([]float32, wide*wide*9-1))
	for i, m := range []*onnx.Model{given, computed, damaged} {
		if r := Rewrite(m, keep(t)); r != nil {
			t.Errorf("model %d: %d rewritten", i, r.Count)
		}
	}
}

// Rewrite does not change its argument.
func TestRewriteKeepsTheModel(t *testing.T) {
	m := conv{out: wide, in: wide, height: 3, width: 3}.model()
	before := m.Encode()
	f := keep(t)
	first, second := Rewrite(m, f), Rewrite(m, f)
	if !slices.Equal(before, m.Encode()) {
		t.Error("the model changed")
	}
	if !slices.Equal(first.Model.Encode(), second.Model.Encode()) {
		t.Error("two rewrites differ")
	}
}

// Models with equal filters share the memory of the transformed filters; others do not.
func TestFiltersAreShared(t *testing.T) {
	f := keep(t)
	c := conv{out: wide, in: wide, height: 3, width: 3}
	first := Rewrite(c.model(), f)
	c.bias = true // another model
	again, err := onnx.Parse(c.model().Encode())
	if err != nil {
		t.Fatal(err)
	}
	second := Rewrite(again, f)
	other := c.model()
	other.Tensors[0] = onnx.NewTensor("w", []int64{wide, wide, 3, 3}, random(rand.New(rand.NewPCG(5, 6)), wide*wide*9, 1))
	third := Rewrite(other, f)
	at := func(r *Rewritten) *float32 {
		for _, v := range r.Inputs() {
			return &v.Data[0]
		}
		return nil
	}
	if at(first) != at(second) {
		t.Error("equal filters are in memory twice")
	}
	if at(first) == at(third) {
		t.Error("different filters share memory")
	}
	first.Transform()
	before := slices.Clone(first.Inputs()["fastconv.filters"].Data)
	second.Transform()
	third.Transform()
	if !slices.Equal(before, second.Inputs()["fastconv.filters"].Data) {
		t.Error("the filters changed")
	}
}

func BenchmarkRewrite(b *testing.B) {
	for _, channels := range []int64{128, wide, 256} {
		b.Run(fmt.Sprint(channels), func(b *testing.B) {
			m := conv{out: channels, in: channels, height: 3, width: 3}.model()
			b.ReportAllocs()
			b.SetBytes(4 * winograd.Points * channels * channels)
			for b.Loop() {
				f := &Filters{}
				Rewrite(m, f).Transform()
				f.Close()
			}
		})
	}
}
