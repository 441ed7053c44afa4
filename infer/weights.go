package infer

import (
	"errors"
	"fmt"

	"cyclegan/infer/onnx"
)

// withWeights reads weights into the model that are in files next to it, as PyTorch writes them: then all that is done
// with other models can be done with it. A model whose weights are too large for that stays as it is.
func withWeights(m *onnx.Model) error {
	if !m.External() {
		return nil
	}
	if err := m.Inline(); err != nil && !errors.Is(err, onnx.ErrTooLarge) {
		return fmt.Errorf("its weights are in files of their own, which cannot be read: %w\nFix: keep them in the model's folder, under their names", err)
	}
	return nil
}
