//go:build !cgo

package session

import (
	"errors"
	"testing"
)

func TestWithoutCgo(t *testing.T) {
	if _, err := Open("model.onnx", nil); !errors.Is(err, ErrNoCgo) {
		t.Errorf("Open: %v", err)
	}
	if _, err := New(nil, nil); !errors.Is(err, ErrNoCgo) {
		t.Errorf("New: %v", err)
	}
}
