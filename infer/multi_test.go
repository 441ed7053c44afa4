package infer

import (
	"context"
	"errors"
	"image"
	"slices"
	"strings"
	"testing"

	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/session"
)

// Images of several sizes, some of which are tiled, have the same results as alone.
func TestTranslateAll(t *testing.T) {
	for name, multiple := range map[string]int{"multiple8.onnx": 0, "tiles_instance.onnx": 0, "tiles_nhwc.onnx": 2, "fixed.onnx": 0} {
		m := openSmall(t, name, 96*96, &Options{SizeMultiple: multiple})
		sizes := []image.Point{{40, 32}, {33, 30}, {64, 64}, {40, 32}, {120, 100}, {37, 29}, {40, 32}}
		if m.Info().Width > 0 {
			sizes = append(sizes, image.Pt(m.Info().Width, m.Info().Height))
		}
		var imgs []image.Image
		for i, s := range sizes {
			img := scenery(s.X, s.Y)
			img.Pix[3] = uint8(i) // alpha
			imgs = append(imgs, img)
		}
		imgs[2] = imgs[2].(*image.NRGBA).SubImage(image.Rect(5, 6, 50, 40))
		got, err := m.TranslateAll(t.Context(), imgs)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, img := range imgs {
			want, err := m.Translate(t.Context(), img)
			if err != nil {
				t.Fatal(err)
			}
			if err := imagetest.Equal(got[i], want, 1); err != nil {
				t.Errorf("%s: image %d: %v", name, i, err)
			}
		}
	}
}

// Images of one size share a run, up to MaxPixels.
func TestTranslateAllRuns(t *testing.T) {
	m := openSmall(t, "multiple8.onnx", 100*100, nil)
	runs := 0
	m.sessions.main = counted{m.sessions.main, func() { runs++ }}
	imgs := slices.Repeat([]image.Image{imagetest.Pattern(48, 48)}, 9) // four of these in a run
	if _, err := m.TranslateAll(t.Context(), imgs); err != nil || runs != 3 {
		t.Errorf("%d runs, %v", runs, err)
	}
	runs = 0
	if out, err := m.TranslateAll(t.Context(), nil); err != nil || len(out) != 0 || runs != 0 {
		t.Errorf("of nothing: %v, %v", out, err)
	}
	m.sessions.main = m.sessions.main.(counted).runner
	one := openSmall(t, "fixed.onnx", 100*100, nil)
	if one.acceptsBatches {
		t.Error("a model for one image takes several")
	}
}

func TestTranslateAllRefuses(t *testing.T) {
	m := open(t, "multiple8.onnx", nil)
	img := imagetest.Pattern(8, 8)
	for want, imgs := range map[string][]image.Image{
		"image 2 of 3: the image is nil":   {img, nil, img},
		"image 1 of 1: the image is empty": {image.NewNRGBA(image.Rect(0, 0, 0, 4))},
	} {
		if _, err := m.TranslateAll(t.Context(), imgs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.TranslateAll(ctx, []image.Image{img, img}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	m.Close()
	if _, err := m.TranslateAll(t.Context(), []image.Image{img}); !errors.Is(err, session.ErrClosed) {
		t.Errorf("%v", err)
	}
}
