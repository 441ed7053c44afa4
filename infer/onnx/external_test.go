package onnx

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// external returns a tensor of 3 float32 numbers, 12 bytes, in another file.
func external(location, offset, length string) *Tensor {
	t := &Tensor{Name: "w", Type: Float32, Dims: []int64{3}, External: true}
	t.raw = appendInt(appendText(appendInt(appendInt(nil, 1, 3), 2, int64(Float32)), 8, "w"), 14, 1)
	for _, entry := range [][2]string{{"location", location}, {"offset", offset}, {"length", length}} {
		if entry[1] != "" {
			t.raw = appendMessage(t.raw, 13, appendText(appendText(nil, 1, entry[0]), 2, entry[1]))
		}
	}
	return t
}

func TestInline(t *testing.T) {
	dir := t.TempDir()
	inside := filepath.Join(dir, "model")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	// 1, 2, 3, 4 in float32
	data := []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40}
	for _, path := range []string{filepath.Join(dir, "outside"), filepath.Join(inside, "weights")} {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		location, offset, length string
		want                     []float64 // nil if an error is expected
		fault                    string
	}{
		{"weights", "", "12", []float64{1, 2, 3}, ""},
		{"weights", "4", "12", []float64{2, 3, 4}, ""},
		{"weights", "4", "", []float64{2, 3, 4}, ""},
		{"./weights", "0", "12", []float64{1, 2, 3}, ""},
		{"weights", "8", "12", nil, `its offset "8" and length "12" are outside "weights", which has 16 bytes`},
		{"weights", "99999999999999999999", "12", nil, `its offset "99999999999999999999" and length "12" are outside "weights", which has 16 bytes`},
		{"weights", "-4", "12", nil, "its offset"},
		{"weights", "0", "1000000000000", nil, "are outside"},
		{"missing", "", "", nil, "missing"},
		{"../outside", "", "12", nil, "escapes"},
		{"", "", "12", nil, `weight "w"`},
		{".", "", "12", nil, "is not a file"},
	} {
		m := &Model{Dir: inside, Tensors: []*Tensor{external(c.location, c.offset, c.length)}}
		before := m.Tensors[0]
		err := m.Inline()
		if c.want == nil {
			if err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%+v: %v", c, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		read, err := Parse((&Model{Tensors: m.Tensors, Outputs: []Port{{Name: "w"}}}).Encode())
		if err != nil {
			t.Fatal(err)
		}
		whole := read.Tensors[0]
		got, ok := whole.Values()
		if !ok || !slices.Equal(got, c.want) || whole.External || m.Tensors[0].External || whole.Name != "w" || !before.External {
			t.Errorf("%+v: %v, %+v", c, got, whole)
		}
	}
	if err := os.Truncate(filepath.Join(inside, "weights"), mostInline+1); err != nil {
		t.Fatal(err)
	}
	m := &Model{Dir: inside, Tensors: []*Tensor{external("weights", "", "")}}
	if err := m.Inline(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("more than fits: error %v", err)
	}
}

// A file whose graphs are nested without end is refused instead of exhausting the stack.
func TestNestedGraphs(t *testing.T) {
	nest := func(depth int) []byte {
		graph := appendMessage(nil, 5, external("w", "", "").raw)
		for range depth {
			graph = appendMessage(nil, 1, appendMessage(nil, 5, appendMessage(nil, 6, graph)))
		}
		return appendMessage(nil, 7, append(graph, appendMessage(nil, 12, nil)...))
	}
	if m, err := Parse(nest(20)); err != nil || !m.External() || !m.Subgraphs() {
		t.Errorf("20 graphs: %v", err)
	}
	if _, err := Parse(nest(100)); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Errorf("100 graphs: %v", err)
	}
}
