//go:build tensorflow

package train

import (
	"fmt"

	"cyclegan/graph"
	"cyclegan/graph/pytorch"
)

// initialWeights reads the file that a network is to start from. The path is
// empty when none is named.
func (o Options) initialWeights(name string) (path string, w graph.Weights, err error) {
	path = map[string]string{GAB: o.InitGAB, GBA: o.InitGBA, DA: o.InitDA, DB: o.InitDB}[name]
	if path == "" {
		return "", nil, nil
	}
	state, err := pytorch.ReadFile(path)
	if err != nil {
		return path, nil, err
	}
	switch name {
	case GAB, GBA:
		_, w, err = pytorch.Generator(state, o.Generator(name == GAB))
	default:
		_, w, err = pytorch.Discriminator(state, o.Discriminator(name == DA))
	}
	if err != nil {
		return path, nil, fmt.Errorf("-init_%s %q: %w", name, path, err)
	}
	return path, w, nil
}
