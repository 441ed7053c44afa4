package session

import (
	"strings"
	"testing"
)

func TestConstantsAreChecked(t *testing.T) {
	for _, c := range []struct {
		model, name string
		shape       []int64
		want        string
	}{
		{"two.onnx", "c", []int64{1, 2}, `constant "c": the model has no such input: it has "a" float32 [N,2], "b" float32 [N,2]`},
		{"two.onnx", "b", []int64{2, 1}, `input "b": the model takes [N,2], not [2,1]`},
		{"bytes.onnx", "input", []int64{1, 3, 1, 1}, `constant "input": the input holds uint8, and constants float32`},
	} {
		d := describe(t, fixture(t, c.model))
		_, err := d.fix(map[string]Tensor{c.name: {Shape: c.shape, Data: make([]float32, elementCount(c.shape))}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %s: error %v, want one with %q", c.model, c.name, err, c.want)
		}
	}
}
