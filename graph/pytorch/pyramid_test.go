package pytorch

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"testing"

	"cyclegan/graph"
)

// The weights of graph/testdata/pyramid.py, whose module has the names of the generator's layers,
// are recognized, and writing and reading returns them. The same holds with norms.
func TestPyramid(t *testing.T) {
	o := graph.GeneratorOptions{
		Architecture: graph.Pyramid, In: 3, Out: 3, Filters: 8, Size: 128, Norm: graph.NormNone, Upsampling: graph.UpTranspose,
	}
	s, err := ReadFile("../testdata/pyramid_128.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Recognize(s); err != nil || got != o {
		t.Errorf("recognized as %+v, %v", got, err)
	}
	n, w, err := Generator(s, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Check(n); err != nil {
		t.Error(err)
	}
	for _, norm := range []graph.Norm{graph.NormNone, graph.NormInstance, graph.NormBatch} {
		o.Norm = norm
		n, err := graph.NewGenerator(o)
		if err != nil {
			t.Fatal(err)
		}
		if norm != graph.NormNone {
			w = graph.Weights{}
			for i, p := range n.Params() {
				w[p.Name] = slices.Repeat([]float32{float32(i)}, p.Size())
			}
		}
		var file bytes.Buffer
		if err := WriteGenerator(&file, o, w); err != nil {
			t.Fatal(err)
		}
		again, err := Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := slices.Sorted(maps.Keys(again)), slices.Sorted(maps.Keys(s)); norm == graph.NormNone && !slices.Equal(got, want) {
			t.Errorf("wrote %v, PyTorch has %v", got, want)
		}
		if got, err := Recognize(again); err != nil || got != o {
			t.Errorf("norm %s: recognized as %+v, %v", norm, got, err)
		}
		if _, got, err := Generator(again, o); err != nil || !reflect.DeepEqual(got, w) {
			t.Errorf("norm %s: the weights differ after writing and reading, %v", norm, err)
		}
	}
}
