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
)

// In one dimension: four outputs of three taps over six inputs.
func TestTransforms(t *testing.T) {
	d, g := [tile]float64{3, -1, 4, 1, -5, 9}, [taps]float64{2, -7, 1}
	var filter [tile]float32
	filter[0], filter[1], filter[2], filter[3], filter[4], filter[5] = transformTaps(2, -7, 1)
	for y := range step {
		want := d[y]*g[0] + d[y+1]*g[1] + d[y+2]*g[2]
		got := 0.0
		for i := range tile {
			v := 0.0
			for k := range tile {
				v += inputTransform[i][k] * d[k]
			}
			got += outputTransform[y][i] * float64(filter[i]) * v
		}
		if math.Abs(got-want) > 1e-6*100 {
			t.Errorf("output %d: %g, want %g", y, got, want)
		}
	}
}

// conv describes a model of one convolution.
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

// keep gives memory for filters until the test ends, and its sessions with it.
func keep(t testing.TB) *Filters {
	f := &Filters{}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// Both forms give what the convolution gives, to rounding, for every remainder of the sides, pads, biases and several pictures.
func TestRewriteComputesTheSame(t *testing.T) {
	for name, c := range map[string]conv{
		"winograd":             {out: 64, in: 64, height: 3, width: 3},
		"winograd, padded":     {out: 80, in: 64, height: 3, width: 3, pads: []int64{1, 1, 1, 1}, bias: true},
		"winograd, odd pads":   {out: 64, in: 70, height: 3, width: 3, pads: []int64{2, 0, 1, 3}},
		"winograd, with attrs": {out: 64, in: 64, height: 3, width: 3, bias: true, attrs: []onnx.Attr{onnx.IntsAttr("kernel_shape", 3, 3), onnx.IntAttr("group", 1), onnx.IntsAttr("strides", 1, 1), onnx.IntsAttr("dilations", 1, 1)}},
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
				if !slices.Equal(got[0].Shape, want[0].Shape) {
					t.Fatalf("%v: shape %v, want %v", shape, got[0].Shape, want[0].Shape)
				}
				largest, apart := 0.0, 0.0
				for i, v := range want[0].Data {
					largest = max(largest, math.Abs(float64(v)))
					apart = max(apart, math.Abs(float64(v)-float64(got[0].Data[i])))
				}
				if apart > 2e-5*largest {
					t.Errorf("%v: differs by %.2g of %.2g", shape, apart, largest)
				}
			}
		})
	}
}

// What has no faster form stays.
func TestRewriteLeaves(t *testing.T) {
	for name, c := range map[string]conv{
		"few channels in":  {out: 64, in: 32, height: 3, width: 3},
		"few channels out": {out: 32, in: 64, height: 3, width: 3},
		"steps":            {out: 64, in: 64, height: 3, width: 3, attrs: []onnx.Attr{onnx.IntsAttr("strides", 2, 2)}},
		"dilated":          {out: 64, in: 64, height: 3, width: 3, attrs: []onnx.Attr{onnx.IntsAttr("dilations", 2, 2)}},
		"grouped":          {out: 128, in: 64, height: 3, width: 3, attrs: []onnx.Attr{onnx.IntAttr("group", 2)}},
		"auto_pad":         {out: 64, in: 64, height: 3, width: 3, attrs: []onnx.Attr{onnx.TextAttr("auto_pad", "SAME_UPPER")}},
		"cropped":          {out: 64, in: 64, height: 3, width: 3, pads: []int64{-1, 0, 0, 0}},
		"stem":             {out: 64, in: 3, height: 7, width: 7},
		"one by one":       {out: 3, in: 64, height: 1, width: 1},
		"old":              {out: 64, in: 64, height: 3, width: 3, opset: 9},
	} {
		if r := Rewrite(c.model(), keep(t)); r != nil {
			t.Errorf("%s: %d rewritten", name, r.Count)
		}
	}
	// Filters that a caller may give, or that another node computes.
	given := conv{out: 64, in: 64, height: 3, width: 3}.model()
	given.Inputs = append(given.Inputs, onnx.Port{Name: "w", Type: onnx.Float32})
	computed := conv{out: 64, in: 64, height: 3, width: 3}.model()
	computed.Nodes[0].Inputs[1] = "elsewhere"
	// Fewer filters than the shape has.
	damaged := conv{out: 64, in: 64, height: 3, width: 3}.model()
	damaged.Tensors[0] = onnx.NewTensor("w", []int64{64, 64, 3, 3}, make([]float32, 64*64*9-1))
	for i, m := range []*onnx.Model{given, computed, damaged} {
		if r := Rewrite(m, keep(t)); r != nil {
			t.Errorf("model %d: %d rewritten", i, r.Count)
		}
	}
}

// The model that is rewritten stays what it was.
func TestRewriteKeepsTheModel(t *testing.T) {
	m := conv{out: 64, in: 64, height: 3, width: 3}.model()
	before := m.Encode()
	f := keep(t)
	first, second := Rewrite(m, f), Rewrite(m, f)
	if !slices.Equal(before, m.Encode()) {
		t.Error("it changed")
	}
	if !slices.Equal(first.Model.Encode(), second.Model.Encode()) {
		t.Error("twice gives two files")
	}
}

// Models with the same filters share the memory of the transformed ones, and others have their own.
func TestFiltersAreShared(t *testing.T) {
	f := keep(t)
	c := conv{out: 64, in: 64, height: 3, width: 3}
	first := Rewrite(c.model(), f)
	c.bias = true // another model
	again, err := onnx.Parse(c.model().Encode())
	if err != nil {
		t.Fatal(err)
	}
	second := Rewrite(again, f)
	other := c.model()
	other.Tensors[0] = onnx.NewTensor("w", []int64{64, 64, 3, 3}, random(rand.New(rand.NewPCG(5, 6)), 64*64*9, 1))
	third := Rewrite(other, f)
	at := func(r *Rewritten) *float32 {
		for _, v := range r.Inputs() {
			return &v.Data[0]
		}
		return nil
	}
	if at(first) != at(second) {
		t.Error("the same filters are in memory twice")
	}
	if at(first) == at(third) {
		t.Error("other filters have the same place")
	}
	first.Transform()
	before := slices.Clone(first.Inputs()["fastconv.filters"].Data)
	second.Transform()
	third.Transform()
	if !slices.Equal(before, second.Inputs()["fastconv.filters"].Data) {
		t.Error("the filters changed")
	}
}

// A number of filters that is no multiple of how many are transformed together.
func TestTransformRemainder(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, n := range []int{1, together - 1, together, 2*together + 3} {
		values := random(r, int64(n*taps*taps), 1)
		plain, ok := onnx.NewTensor("w", []int64{int64(n), taps, taps}, values).Float32Bytes()
		if !ok {
			t.Fatal("no bytes")
		}
		u := make([]float32, points*n)
		transform(u, plain)
		for _, at := range []int{0, n - 1} {
			g := values[at*taps*taps:][:taps*taps]
			// The middle of the transform, rows and columns alike, of the points 1 and 1: the sum of all taps over 36.
			sum := 0.0
			for _, v := range g {
				sum += float64(v)
			}
			if got := float64(u[(1*tile+1)*n+at]); math.Abs(got-sum/36) > 1e-6 {
				t.Errorf("filter %d of %d: %g, want %g", at, n, got, sum/36)
			}
			if got := u[(points-1)*n+at]; got != g[8] {
				t.Errorf("filter %d of %d: %g at infinity, want %g", at, n, got, g[8])
			}
		}
	}
}

func BenchmarkRewrite(b *testing.B) {
	for _, channels := range []int64{64, 256} {
		b.Run(fmt.Sprint(channels), func(b *testing.B) {
			m := conv{out: channels, in: channels, height: 3, width: 3}.model()
			b.ReportAllocs()
			b.SetBytes(4 * points * channels * channels)
			for b.Loop() {
				f := &Filters{}
				Rewrite(m, f).Transform()
				f.Close()
			}
		})
	}
}
