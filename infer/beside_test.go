package infer

import (
	"bytes"
	"image"
	"testing"

	"cyclegan/infer/internal/imagetest"
)

// A picture that goes through beside others is the picture that it would be alone, and the session for it is opened once it is needed.
func TestBeside(t *testing.T) {
	m := open(t, "multiple8.onnx", &Options{Threads: 2})
	if m.beside == nil {
		t.Fatal("two threads are not shared")
	}
	img := imagetest.Pattern(40, 30)
	alone, err := m.Translate(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	if m.beside.run != nil {
		t.Error("a second session is open for one picture alone")
	}
	m.underWay.Add(1)
	beside, err := m.Translate(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	if m.beside.run == nil {
		t.Error("the session with fewer threads is not used")
	}
	if !bytes.Equal(alone.(*image.NRGBA).Pix, beside.(*image.NRGBA).Pix) {
		t.Error("the pictures differ")
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.Translate(t.Context(), img); err == nil {
		t.Error("a closed model translates")
	}
	if one := open(t, "multiple8.onnx", &Options{Threads: 1}); one.beside != nil {
		t.Error("one thread is shared")
	}
}
