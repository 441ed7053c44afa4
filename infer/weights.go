package infer

import (
	"errors"
	"fmt"

	"cyclegan/infer/internal/onnxfile"
	"cyclegan/infer/session"
)

// withWeights takes weights into the model that lie in files beside it, as PyTorch writes them: then all that is done with other models can be done with it.
// A model whose weights are too large for that stays as it is, and is opened by its path.
func withWeights(data []byte, dir string) ([]byte, error) {
	about, err := session.Describe(data)
	if err != nil || !about.External {
		return data, err
	}
	m, err := onnxfile.Parse(data)
	if err != nil {
		return nil, err
	}
	switch err := m.Inline(dir); {
	case errors.Is(err, onnxfile.ErrTooLarge):
		return data, nil
	case err != nil:
		return nil, fmt.Errorf("its weights lie in files of their own, which cannot be read: %w\nto mend it: keep them in the model's folder, under their names", err)
	}
	return m.Encode(), nil
}
