package onnxgraph

import (
	"errors"
	"fmt"
	"slices"

	"cyclegan/graph"
	"cyclegan/infer/onnx"
)

// ReadWeights returns the weights of a network from a model that [Marshal] wrote of it, in float32
// or float16. The error names the first parameter that the model lacks or has in another shape.
func ReadWeights(model []byte, n *graph.Network) (graph.Weights, error) {
	m, err := onnx.Parse(model)
	if err != nil {
		return nil, err
	}
	tensors := map[string]*onnx.Tensor{}
	for _, t := range m.Tensors {
		tensors[t.Name] = t
	}
	w := graph.Weights{}
	for _, p := range n.Params() {
		t, ok := tensors[p.Name]
		if !ok {
			return nil, fmt.Errorf("the model has no parameter %q of %s: it has another architecture, or 8-bit weights", p.Name, n.Name)
		}
		dims := int64s(p.Shape...)
		if p.Role == graph.Weight {
			dims, _ = filters(p.Shape, nil)
		}
		values, ok := t.AnyFloats()
		if !ok || !slices.Equal(t.Dims, dims) {
			return nil, fmt.Errorf("parameter %q of the model is %v of shape %v, %s needs float32 or float16 of shape %v", p.Name, t.Type, t.Dims, n.Name, dims)
		}
		if p.Role == graph.Weight {
			values = ownFilters(p.Shape, values)
		}
		w[p.Name] = values
	}
	return w, errors.Join(w.Check(n), w.CheckFinite(n))
}

// ownFilters is the inverse of filters.
func ownFilters(shape []int, values []float32) []float32 {
	rows, cols := shape[2], shape[3]
	own, from := make([]float32, len(values)), 0
	for c := range cols {
		for r := range rows {
			for k := r*cols + c; k < len(values); k += rows * cols {
				own[k] = values[from]
				from++
			}
		}
	}
	return own
}
