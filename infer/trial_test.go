package infer

import (
	"context"
	"errors"
	"image"
	"strings"
	"sync"
	"testing"

	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/session"
)

// The sizes that a model takes are found by trial when the first image fails, and kept. They are
// multiples of 4 from 8 pixels on, which no analysis of this model tells.
func TestSizesByTrial(t *testing.T) {
	check := func(t *testing.T, m *Model, out image.Image, img *image.NRGBA) {
		t.Helper()
		if err := imagetest.Equal(out, imagetest.Negative(img), 1); err != nil {
			t.Error(err)
		}
		if i := m.Info(); i.SizeMultiple != 4 || i.MinSize != 8 {
			t.Errorf("%v: sides of multiples of %d, at least %d", img.Rect, i.SizeMultiple, i.MinSize)
		}
	}
	for name, size := range map[string]image.Point{"odd": {37, 22}, "small": {3, 5}, "one pixel": {1, 1}, "tiles": {701, 302}} {
		t.Run(name, func(t *testing.T) {
			m := open(t, "foreign_fours.onnx", &Options{MaxPixels: leastMaxPixels})
			if fit := imagetest.Pattern(40, 16); name == "odd" { // a size that fits tells nothing
				if _, err := m.Translate(t.Context(), fit); err != nil || m.Info().SizeMultiple != 1 {
					t.Errorf("%v: %v, multiple %d", fit.Rect, err, m.Info().SizeMultiple)
				}
			}
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() {
					img := imagetest.Pattern(size.X, size.Y)
					out, err := m.Translate(t.Context(), img)
					if err != nil {
						t.Error(err)
						return
					}
					check(t, m, out, img)
				})
			}
			all.Wait()
		})
	}
	t.Run("batch", func(t *testing.T) {
		m := open(t, "foreign_fours.onnx", nil)
		imgs := []image.Image{imagetest.Pattern(21, 10), imagetest.Pattern(21, 10), imagetest.Pattern(22, 10)}
		out, err := m.TranslateAll(t.Context(), imgs)
		if err != nil {
			t.Fatal(err)
		}
		for i := range imgs {
			check(t, m, out[i], imgs[i].(*image.NRGBA))
		}
	})
	t.Run("wrong option", func(t *testing.T) {
		m := open(t, "foreign_fours.onnx", &Options{SizeMultiple: 3, MinSize: 8})
		if _, err := m.Translate(t.Context(), imagetest.Pattern(9, 9)); err == nil || m.Info().SizeMultiple != 3 {
			t.Errorf("%v, multiple %d", err, m.Info().SizeMultiple)
		}
	})
	t.Run("no size fits", func(t *testing.T) {
		m := open(t, "foreign_fours.onnx", nil)
		m.sessions.main = failing{m.sessions.main}
		_, err := m.Translate(t.Context(), imagetest.Pattern(9, 10))
		if err == nil || !strings.Contains(err.Error(), "the model does not take images of 9x10: ") || !strings.Contains(err.Error(), "Options.SizeMultiple") {
			t.Error(err)
		}
	})
}

// failing is a session that fails every run.
type failing struct{ runner }

func (failing) RunInto(context.Context, []session.Tensor, ...session.Tensor) error {
	return errors.New("no")
}
