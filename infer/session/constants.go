package session

import (
	"fmt"
	"maps"
	"slices"

	"cyclegan/infer/onnx"
)

// fix takes the inputs out that are constants, and gives their names in a fixed order.
func (d *Description) fix(constants map[string]Tensor) ([]string, error) {
	names := slices.Sorted(maps.Keys(constants))
	for _, name := range names {
		at := slices.IndexFunc(d.Inputs, func(p onnx.Port) bool { return p.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("constant %q: the model has no such input: it has %s", name, portList(d.Inputs))
		}
		p := d.Inputs[at]
		if p.Type != onnx.Float32 {
			return nil, fmt.Errorf("constant %q: the input holds %v, and constants float32", name, p.Type)
		}
		if err := constants[name].check(p); err != nil {
			return nil, fmt.Errorf("constant: %w", err)
		}
		d.Inputs = slices.Delete(d.Inputs, at, at+1)
	}
	return names, nil
}
