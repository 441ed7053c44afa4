package tiling

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cyclegan/infer/onnx"
)

func parse(t *testing.T, name string) *onnx.Model {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "models", name))
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// chain returns a model of consecutive nodes: x0 is the image, and node i computes x(i+1) from xi
// and its own inputs.
func chain(nodes ...*onnx.Node) *onnx.Model {
	m := &onnx.Model{Opset: 17}
	value := func(i int) string { return "x" + string(rune('0'+i)) }
	for i, n := range nodes {
		c := *n
		c.Inputs = append([]string{value(i)}, n.Inputs...)
		c.Outputs = []string{value(i + 1)}
		m.Nodes = append(m.Nodes, &c)
	}
	m.Inputs = []onnx.Port{{Name: "x0", Type: onnx.Float32, Shape: []int64{-1, 3, -1, -1}}}
	m.Outputs = []onnx.Port{{Name: value(len(nodes)), Type: onnx.Float32}}
	return m
}

func ints64(name string, values ...int64) *onnx.Tensor {
	return onnx.NewTensor(name, []int64{int64(len(values))}, values)
}

func node(op string, inputs []string, attrs ...onnx.Attr) *onnx.Node {
	return &onnx.Node{Op: op, Inputs: inputs, Attrs: attrs}
}

// sees simulates an operator on one row: it returns, for each element, the smallest and the largest
// input element that it is made of.
type sees func(in [][2]int) [][2]int

func windowSees(w window) sees {
	return func(in [][2]int) [][2]int {
		var out [][2]int
		for at := -w.begin; at+w.reach() < len(in)+w.end; at += w.stride {
			lo, hi := 1<<30, -1<<30
			for j := range w.kernel {
				if x := at + j*w.dilation; x >= 0 && x < len(in) {
					lo, hi = min(lo, in[x][0]), max(hi, in[x][1])
				}
			}
			out = append(out, [2]int{lo, hi})
		}
		return out
	}
}

func transposedSees(w window, more int) sees {
	return func(in [][2]int) [][2]int {
		out := make([][2]int, w.stride*(len(in)-1)+more+w.reach()+1-w.begin-w.end)
		for y := range out {
			out[y] = [2]int{1 << 30, -1 << 30}
		}
		for x, v := range in {
			for j := range w.kernel {
				if y := x*w.stride - w.begin + j*w.dilation; y >= 0 && y < len(out) {
					out[y] = [2]int{min(out[y][0], v[0]), max(out[y][1], v[1])}
				}
			}
		}
		return out
	}
}

// Spans agree with a simulation of the operators: they never see less, and exactly as far in the
// middle.
func TestSpans(t *testing.T) {
	type step struct {
		span func(Span) Span
		sees sees
	}
	conv := func(k, s, d, b, e int) step {
		w := window{k, s, d, b, e}
		return step{func(x Span) Span { return x.windowed(w) }, windowSees(w)}
	}
	up := func(k, s, p, more int) step {
		w := window{kernel: k, stride: s, dilation: 1, begin: p, end: p}
		return step{func(x Span) Span { return x.transposed(w, more) }, transposedSees(w, more)}
	}
	nearest := func(n int) step {
		below := float64(n-1) / float64(n)
		return step{func(x Span) Span { return x.resized(n, 1, 0, below, 0) }, func(in [][2]int) [][2]int {
			var out [][2]int
			for y := range n * len(in) {
				out = append(out, in[y/n])
			}
			return out
		}}
	}
	for name, steps := range map[string][]step{
		"one":         {conv(7, 1, 1, 3, 3)},
		"even":        {conv(4, 2, 1, 1, 1)},
		"dilated":     {conv(3, 1, 4, 4, 4), conv(3, 2, 1, 1, 1)},
		"down and up": {conv(3, 2, 1, 1, 1), conv(3, 2, 1, 1, 1), conv(3, 1, 1, 1, 1), up(3, 2, 1, 1), up(4, 2, 1, 0)},
		"cropped":     {conv(1, 1, 1, 8, 8), conv(5, 1, 1, 0, 0), conv(1, 1, 1, -2, -2), conv(5, 1, 1, 0, 0)},
		"blocks":      {conv(2, 2, 1, 0, 0), conv(3, 1, 1, 1, 1), nearest(2)},
		"nearest":     {conv(4, 4, 1, 0, 0), nearest(2), conv(3, 1, 1, 1, 1), nearest(2)},
		"odd strides": {conv(3, 3, 1, 0, 0), conv(3, 1, 1, 1, 1), nearest(3)},
	} {
		const n = 384
		row := make([][2]int, n)
		for i := range row {
			row[i] = [2]int{i, i}
		}
		s := pixels()
		for _, step := range steps {
			s, row = step.span(s), step.sees(row)
			if s.Size(n) != len(row) {
				t.Fatalf("%s: size %d, simulated %d", name, s.Size(n), len(row))
			}
		}
		far, near := 0, 0.0
		for i, v := range row {
			lo, hi := s.step()*float64(i)+s.Lo, s.step()*float64(i)+s.Hi
			if v[1] < v[0] {
				continue
			}
			if float64(v[0]) < lo-1e-9 || float64(v[1]) > hi+1e-9 {
				t.Fatalf("%s: element %d sees %v, the span is %g..%g", name, i, v, lo, hi)
			}
			if i > len(row)/4 && i < 3*len(row)/4 {
				far = max(far, i-v[0], v[1]-i)
				near = max(near, float64(v[0])-lo, hi-float64(v[1]))
			}
		}
		if s.Num == s.Den && s.Reach() != far && float64(s.Reach())-float64(far) > near {
			t.Errorf("%s: reach %d, simulated %d", name, s.Reach(), far)
		}
	}
}

// Networks that tiles do not suit are rejected with the reason.
func TestAnalyzeRefuses(t *testing.T) {
	ints, num, text := onnx.IntsAttr, onnx.IntAttr, onnx.TextAttr
	kernel := ints("kernel_shape", 3, 3)
	lists := []*onnx.Tensor{ints64("two", 2, 2), ints64("scales", 1, 1, 2, 3), ints64("rows", 1, 2, 3, 4), ints64("pads", 0, 0, 1, 1),
		ints64("odd", 0, 0, 1), ints64("batch", 1, 0, 0, 0, 0, 0, 0, 0), ints64("nothing", 1, 1, 0, 0)}
	for _, c := range []struct {
		want  string
		nodes []*onnx.Node
	}{
		{"not known", []*onnx.Node{node("GlobalAveragePool", nil)}},
		{"not known", []*onnx.Node{node("Reshape", []string{"two"})}},
		{"not known", []*onnx.Node{node("LayerNormalization", []string{"two"})}},
		{"changes the size", []*onnx.Node{node("Conv", []string{"w"}, kernel, ints("strides", 2, 2))}},
		{"it turns", []*onnx.Node{node("Conv", []string{"w"}, kernel)}},
		{"kernel could not be read", []*onnx.Node{node("Conv", []string{"w"})}},
		{"below 1", []*onnx.Node{node("Conv", []string{"w"}, kernel, ints("strides", 0, 0))}},
		{"out of range", []*onnx.Node{node("Conv", []string{"w"}, ints("kernel_shape", 1<<40, 3))}},
		{"not two-dimensional", []*onnx.Node{node("Conv", []string{"w"}, ints("kernel_shape", 3))}},
		{"auto_pad", []*onnx.Node{node("Conv", []string{"w"}, kernel, text("auto_pad", "MAYBE"))}},
		{"fixed size", []*onnx.Node{node("ConvTranspose", []string{"w"}, kernel, ints("output_shape", 64, 64))}},
		{"rounds sizes up", []*onnx.Node{node("MaxPool", nil, kernel, num("ceil_mode", 1))}},
		{"other side", []*onnx.Node{node("Pad", []string{"pads"}, text("mode", "wrap"))}},
		{"adds images", []*onnx.Node{node("Pad", []string{"batch"})}},
		{"do not fit", []*onnx.Node{node("Pad", []string{"odd"})}},
		{"not an integer factor", []*onnx.Node{node("Resize", []string{"", "nothing"})}},
		{"instead of a factor", []*onnx.Node{node("Resize", []string{"", "", "rows"})}},
		{"depend on the size", []*onnx.Node{node("Resize", []string{"", "scales"}, text("coordinate_transformation_mode", "align_corners"))}},
		{"changes the size", []*onnx.Node{node("Resize", []string{"", "scales"})}},
		{"antialias", []*onnx.Node{node("Resize", []string{"", "scales"}, num("antialias", 1))}},
		{"channels", []*onnx.Node{node("Split", nil, num("axis", 2))}},
		{"out of range", []*onnx.Node{node("Split", nil, num("axis", 9))}},
		{"keep images apart", []*onnx.Node{node("Transpose", nil, ints("perm", 1, 0, 2, 3))}},
		{"other axes", []*onnx.Node{node("Transpose", nil, ints("perm", 0, 2, 3, 1))}},
		{"last two axes", []*onnx.Node{node("Transpose", nil, ints("perm", 0, 2, 3, 1)), node("Conv", []string{"w"}, kernel)}},
		{"as in training", []*onnx.Node{node("BatchNormalization", []string{"w", "w", "w", "w"}, num("training_mode", 1))}},
		{"not a constant", []*onnx.Node{node("InstanceNormalization", []string{"two", "two"})}},
		{"differs from place to place", []*onnx.Node{node("Mul", []string{"rows"})}},
		{"depends on the image", []*onnx.Node{node("Relu", nil), node("Conv", []string{"x0"}, kernel)}},
		{"network of its own", []*onnx.Node{{Op: "If", Subgraph: true}}},
		{"domain", []*onnx.Node{{Op: "Relu", Domain: "example.com"}}},
		{"part that depends", []*onnx.Node{node("Slice", []string{"two", "two", "two"})}},
		{"blocks", []*onnx.Node{node("DepthToSpace", nil, num("blocksize", 0))}},
		{"no image below", []*onnx.Node{node("Conv", []string{"w"}, ints("kernel_shape", 4096, 4096)), node("Conv", []string{"w"}, ints("kernel_shape", 4096, 4096))}},
		{"different sizes", []*onnx.Node{node("MaxPool", nil, ints("kernel_shape", 2, 2), ints("strides", 2, 2)), node("Add", []string{"x0"})}},
	} {
		m := chain(c.nodes...)
		m.Tensors = lists
		m.Inputs = append(m.Inputs, onnx.Port{Name: "two"}) // a weight listed as an input too, as in old files
		if _, err := Analyze(m, NCHW, NCHW, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.nodes[len(c.nodes)-1].Op, err, c.want)
		}
	}
	old := chain(node("Relu", nil))
	old.Opset = 6
	if _, err := Analyze(old, NCHW, NCHW, nil); err == nil || !strings.Contains(err.Error(), "opset 6") {
		t.Errorf("error %v", err)
	}
	two := chain(node("Relu", nil))
	two.Outputs = append(two.Outputs, two.Outputs[0])
	if _, err := Analyze(two, NCHW, NCHW, nil); err == nil || !strings.Contains(err.Error(), "2 outputs") {
		t.Errorf("error %v", err)
	}
}

func TestConstantNodes(t *testing.T) {
	m := parse(t, "tiles_computed.onnx")
	names := Computed(m)
	if len(names) != 6 {
		t.Fatalf("computed: %v", names)
	}
	if _, err := Analyze(m, NCHW, NCHW, nil); err == nil || !strings.Contains(err.Error(), "could not be read") {
		t.Errorf("without their values: %v", err)
	}
	sub := Constants(m, names)
	if len(sub.Outputs) != 6 || len(sub.Inputs) != 1 || slices.ContainsFunc(sub.Nodes, func(n *onnx.Node) bool { return n.Op == "Conv" || n.Op == "Pad" }) {
		t.Errorf("a model of %d nodes, inputs %v, outputs %v", len(sub.Nodes), sub.Inputs, sub.Outputs)
	}
	known := map[string][]float64{}
	for i, name := range names {
		n := 1.0
		if i == 0 || i == len(names)-1 {
			n = 3
		}
		known[name] = []float64{0, 0, n, n, 0, 0, n, n}
	}
	net, err := Analyze(m, NCHW, NCHW, known)
	if err != nil || net.Margin != 28 || net.Align != 4 {
		t.Errorf("%+v, %v", net, err)
	}
}

// The variants have no instance normalization, the right inputs and outputs, and nothing unused.
func TestVariants(t *testing.T) {
	m := parse(t, "tiles_half.onnx")
	net, err := Analyze(m, NCHW, NCHW, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name            string
		model           *onnx.Model
		inputs, outputs int
		last            bool // whether the image is computed
	}{
		{"joint", net.Joint(), 1 + 2*3 + 2*9, 2 * 9, false},
		{"fixed", net.Fixed(), 1 + 2*9, 1, true},
		{"observed", net.Observed(), 1 + 2*3 + 2*9, 1 + 2*9, true},
	} {
		v, err := onnx.Parse(c.model.Encode())
		if err != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		for _, n := range v.Nodes {
			count[n.Op]++
		}
		if len(v.Inputs) != c.inputs || len(v.Outputs) != c.outputs || count["InstanceNormalization"] != 0 || count["Tanh"] > 0 != c.last {
			t.Errorf("%s: %d inputs, %d outputs, %v", c.name, len(v.Inputs), len(v.Outputs), count)
		}
		// The last normalization of the joint model has no use: only the image depends on it.
		if want := 9; c.last && count["BatchNormalization"] != want || !c.last && count["BatchNormalization"] != want-1 {
			t.Errorf("%s: %v", c.name, count)
		}
	}
	if len(m.Inputs) != 1 || len(m.Outputs) != 1 {
		t.Error("the variants changed the model")
	}
}
