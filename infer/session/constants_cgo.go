//go:build cgo

package session

import (
	"fmt"

	ort "github.com/yalue/onnxruntime_go"
)

// makeConstants makes ONNX Runtime's values of the constants, which stay where they lie.
func (s *Session) makeConstants(names []string) error {
	for _, name := range names {
		c := s.options.Constants[name]
		v, err := ort.NewTensor(ort.Shape(c.Shape), c.Data)
		if err != nil {
			return fmt.Errorf("constant %q: %w", name, reason(err))
		}
		s.constants = append(s.constants, v)
	}
	return nil
}
