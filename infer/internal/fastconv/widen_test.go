package fastconv

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"cyclegan/infer/onnx"
	"cyclegan/infer/session"
)

func readModel(t *testing.T, name string) *onnx.Model {
	t.Helper()
	data, err := os.ReadFile("../../../testdata/models/" + name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Models in float16, within or also at their ports, compute about the same in float32.
func TestWiden(t *testing.T) {
	for _, name := range []string{"foreign_half.onnx", "foreign_half_inside.onnx", "tiles_half.onnx"} {
		t.Run(name, func(t *testing.T) {
			m := readModel(t, name)
			before := m.Encode()
			r := Rewrite(m, keep(t))
			if r == nil {
				t.Fatal("it stays as it is")
			}
			if !bytes.Equal(before, m.Encode()) {
				t.Error("Rewrite changed its argument")
			}
			r.Transform()
			wide, err := onnx.Parse(r.Model.Encode())
			if err != nil {
				t.Fatal(err)
			}
			half := slices.ContainsFunc(wide.Tensors, func(t *onnx.Tensor) bool { return t.Type == onnx.Float16 }) ||
				slices.ContainsFunc(slices.Concat(wide.Inputs, wide.Outputs), func(p onnx.Port) bool { return p.Type == onnx.Float16 }) ||
				slices.ContainsFunc(wide.Nodes, func(n *onnx.Node) bool { return n.Int("to", 0) == int64(onnx.Float16) })
			if half {
				t.Error("something is still float16")
			}
			x := session.Tensor{Shape: []int64{1, 3, 32, 48}, Data: random(rand.New(rand.NewPCG(7, 8)), 3*32*48, 0.5)}
			want, err := open(t, m, nil).Run(t.Context(), x)
			if err != nil {
				t.Fatal(err)
			}
			got, err := open(t, r.Model, r.Inputs()).Run(t.Context(), x)
			if err != nil {
				t.Fatal(err)
			}
			if d := difference(t, got[0], want[0]); d > 4e-3 {
				t.Errorf("differs by %.2g of the largest value", d)
			}
		})
	}
}

// Models in which a node chooses float16 in another way than by a Cast, and those with operators of
// other domains or graphs within, stay.
func TestWidenLeaves(t *testing.T) {
	inside := "foreign_half_inside.onnx"
	models := map[string]*onnx.Model{"values from a shape": readModel(t, "foreign_half_filled.onnx"), "float32": readModel(t, "foreign_opset_17.onnx")}
	for name, change := range map[string]func(n *onnx.Node){
		"domain":   func(n *onnx.Node) { n.Domain = "com.microsoft" },
		"subgraph": func(n *onnx.Node) { n.Subgraph = true },
		"random":   func(n *onnx.Node) { n.Attrs = []onnx.Attr{onnx.IntAttr("dtype", int64(onnx.Float16))} },
	} {
		m := readModel(t, inside)
		change(m.Nodes[2])
		models[name] = m
	}
	damaged := readModel(t, inside)
	damaged.Tensors[0].Dims = []int64{3, 3, 3, 4}
	models["fewer values than the shape has"] = damaged
	for name, m := range models {
		if r := Rewrite(m, keep(t)); r != nil {
			t.Errorf("%s: rewritten", name)
		}
	}
}
