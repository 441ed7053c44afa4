//go:build tensorflow

package tfgraph

import (
	"slices"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"
)

// A traced run returns what any other run does, and records the operations.
func TestRunTraced(t *testing.T) {
	g := tf.NewGraph()
	s := op.NewScopeWithGraph(g)
	x := op.Placeholder(s, tf.Float, op.PlaceholderShape(tf.MakeShape(2, 3)))
	kernel := op.Const(s.SubScope("kernel"), [][]float32{{1, 2}, {3, 4}, {5, 6}})
	y := op.MatMul(s.SubScope("product"), x, kernel)
	total := op.Sum(s.SubScope("total"), y, op.Const(s.SubScope("axes"), []int32{0, 1}))
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	session, err := NewSession(g, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	feed, err := NewTensor([]float32{1, 0, 0, 0, 0, 2}, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	part := NewPart([]tf.Output{y, total})
	for range 2 {
		out, record, err := session.RunTraced(part, Feeds{NameOf(x): feed})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Floats(nil, out[0])
		if want := []float32{1, 2, 10, 12}; err != nil || !slices.Equal(got, want) || out[1].Value().(float32) != 25 {
			t.Errorf("got %v and %v, %v; want %v and 25", got, out[1].Value(), err, want)
		}
		ran := map[string]string{}
		for _, d := range record.StepStats.DevStats {
			for _, n := range d.NodeStats {
				ran[n.NodeName] = d.Device
			}
		}
		if device := ran["product/MatMul"]; !strings.HasSuffix(device, "CPU:0") {
			t.Errorf("the product ran on %q; the record has %v", device, ran)
		}
	}
	// What TensorFlow refuses is an error here too.
	if _, _, err := session.RunTraced(part, nil); err == nil || !strings.Contains(err.Error(), "Placeholder") {
		t.Errorf("a run without its feed: %v", err)
	}
	whole := NewPart([]tf.Output{op.Const(s.SubScope("whole"), int32(1))})
	if _, _, err := session.RunTraced(whole, nil); err == nil || !strings.Contains(err.Error(), "float32 is expected") {
		t.Errorf("a fetch of int32: %v", err)
	}
}
