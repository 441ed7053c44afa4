package evaluate

import (
	"context"
	"errors"
	"image"
	"math"
	"strings"
	"testing"

	"cyclegan/graph"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
	"cyclegan/third_party/native"
	"cyclegan/train/dataset"
	"cyclegan/train/metric/features"
	"cyclegan/train/watch"
)

var side = graph.Shape{H: 32, W: 32, C: 3}

func scenes(t *testing.T) *dataset.Dataset {
	t.Helper()
	o := dataset.DefaultOptions()
	o.ScenesA, o.ScenesB, o.LoadSize, o.CropSize = 20, 20, 32, 32
	data, err := dataset.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { data.Close() })
	return data
}

func open(t *testing.T, data *dataset.Dataset) *Evaluator {
	t.Helper()
	e, err := New(t.Context(), data, side, side, Options{Count: 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// pointwise returns a translator that applies f to each value.
func pointwise(f func(v float32) float32) Translate {
	return func(_ string, images []float32, _ int, _ graph.Shape) ([]float32, error) {
		out := make([]float32, len(images))
		for i, v := range images {
			out[i] = f(v)
		}
		return out, nil
	}
}

// oracle translates each held-out scene into its true counterpart.
func oracle(t *testing.T, data *dataset.Dataset) Translate {
	t.Helper()
	spec := pixels.Spec{Layout: pixels.NHWC, Range: pixels.Symmetric, Channels: 3}
	tensor := func(img *image.NRGBA) []float32 {
		v := make([]float32, spec.Len(32, 32))
		if err := spec.Put(v, img); err != nil {
			t.Fatal(err)
		}
		return v
	}
	type key [32 * 32 * 3]float32
	known := map[key][]float32{}
	for _, set := range []*dataset.Set{data.TestA(), data.TestB()} {
		for i := range set.Len() {
			img, err := set.Image(i, 32, 32)
			if err != nil {
				t.Fatal(err)
			}
			other, ok := set.Counterpart(i, 32, 32)
			if !ok {
				t.Fatal("a scene has no counterpart")
			}
			known[key(tensor(img))], known[key(tensor(other))] = tensor(other), tensor(img)
		}
	}
	return func(_ string, images []float32, _ int, _ graph.Shape) ([]float32, error) {
		if v, ok := known[key(images)]; ok {
			return v, nil
		}
		return nil, errors.New("unknown image")
	}
}

func score(t *testing.T, v *Result, name string) float64 {
	t.Helper()
	s, ok := Find(v.Scores, name)
	if !ok {
		t.Fatalf("no score %s in %+v", name, v.Scores)
	}
	if s.N != 10 {
		t.Errorf("%s has %d images, want 10", name, s.N)
	}
	return s.Value
}

func TestEvaluate(t *testing.T) {
	data := scenes(t)
	e := open(t, data)
	for name, c := range map[string]struct {
		translate Translate
		check     func(t *testing.T, v *Result, s watch.Signals)
	}{
		"identity": {pointwise(func(v float32) float32 { return v }), func(t *testing.T, v *Result, s watch.Signals) {
			if got := score(t, v, "cycle_A_L1"); got != 0 {
				t.Errorf("cycle L1 is %g", got)
			}
			for _, pair := range [][2]string{{"SWD_AB", "untouched_AB_SWD"}, {"true_BA_PSNR", "untouched_BA_PSNR"}, {"true_AB_SSIM", "untouched_AB_SSIM"}} {
				if made, before := score(t, v, pair[0]), score(t, v, pair[1]); made != before {
					t.Errorf("%s is %g, for the untouched images %g", pair[0], made, before)
				}
			}
			if s.Change != 0 || math.Abs(s.Correlation-1) > 1e-9 || s.Spread != 1 {
				t.Errorf("signals %+v", s)
			}
		}},
		"negative": {pointwise(func(v float32) float32 { return -v }), func(t *testing.T, v *Result, s watch.Signals) {
			// The negative of a negative is the image itself, so the cycle loss notices nothing.
			if got := score(t, v, "cycle_B_L1"); got > 1e-6 {
				t.Errorf("cycle L1 is %g", got)
			}
			if s.Correlation > -0.99 || math.Abs(s.Spread-1) > 1e-9 {
				t.Errorf("signals %+v", s)
			}
		}},
		"one image": {pointwise(func(float32) float32 { return 0.25 }), func(t *testing.T, v *Result, s watch.Signals) {
			if s.Spread != 0 || s.Correlation != 0 {
				t.Errorf("signals %+v", s)
			}
		}},
		"truth": {oracle(t, data), func(t *testing.T, v *Result, s watch.Signals) {
			for _, name := range []string{"true_AB_PSNR", "true_BA_PSNR", "cycle_A_PSNR"} {
				if got := score(t, v, name); got != 100 { // counted for identical images
					t.Errorf("%s is %g", name, got)
				}
			}
			if made, before := score(t, v, "SWD_AB"), score(t, v, "untouched_AB_SWD"); made >= before {
				t.Errorf("SWD %g for true winters, %g for untouched summers", made, before)
			}
			if by, value, higher := Overall(v.Scores, ""); by != "true_PSNR" || value != 100 || !higher {
				t.Errorf("overall %s %g, higher %v", by, value, higher)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := e.Evaluate(t.Context(), c.translate)
			if err != nil {
				t.Fatal(err)
			}
			if len(v.Signals) != 2 || v.Signals[0].Generator != "G_AB" || v.Signals[1].Generator != "G_BA" {
				t.Fatalf("signals %+v", v.Signals)
			}
			for _, s := range v.Signals {
				c.check(t, v, s)
			}
		})
	}
}

func TestHow(t *testing.T) {
	e := open(t, scenes(t))
	if got, want := e.How(), "test, 10 and 10 images, 32x32, bicubic"; got != want {
		t.Errorf("described as %q, want %q", got, want)
	}
}

func TestEvaluateFails(t *testing.T) {
	data := scenes(t)
	e := open(t, data)
	broken := errors.New("broken")
	if _, err := e.Evaluate(t.Context(), func(string, []float32, int, graph.Shape) ([]float32, error) { return nil, broken }); !errors.Is(err, broken) || !strings.Contains(err.Error(), "G_AB") {
		t.Errorf("with a translator that fails: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Evaluate(ended, pointwise(func(v float32) float32 { return v })); !errors.Is(err, context.Canceled) {
		t.Errorf("with a canceled context: %v", err)
	}
	if _, err := New(t.Context(), data, side, side, Options{Count: 1, Features: "some.onnx"}); err == nil || !strings.Contains(err.Error(), "-eval_every 0") {
		t.Errorf("with too few images for statistics: %v", err)
	}
	if _, err := New(t.Context(), data, side, side, Options{Count: 5, Features: "nowhere.onnx"}); err == nil || !strings.Contains(err.Error(), "nowhere.onnx") {
		t.Errorf("with a missing extractor: %v", err)
	}
}

func TestOverall(t *testing.T) {
	if by, value, _ := Overall(nil, "FID"); by != "FID" || !math.IsNaN(value) {
		t.Errorf("without scores: %s %g", by, value)
	}
}

// With features, translations that change nothing have the KID of the untouched images, and true
// ones a lower one.
func TestFeatures(t *testing.T) {
	data := scenes(t)
	e, err := New(t.Context(), data, side, side, Options{Count: 10, Features: features.EfficientNet})
	var missing *session.NotFoundError
	if errors.Is(err, native.ErrNotFound) || errors.As(err, &missing) || errors.Is(err, session.ErrNoCgo) {
		t.Skipf("run this test with `go run ./third_party go test ./train/evaluate`: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	if !strings.Contains(e.How(), "features by EfficientNet-Lite0 57934424") {
		t.Errorf("described as %q", e.How())
	}
	for name, translate := range map[string]Translate{"identity": pointwise(func(v float32) float32 { return v }), "truth": oracle(t, data)} {
		v, err := e.Evaluate(t.Context(), translate)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"KID", "FID"} {
			for _, way := range []string{"AB", "BA"} {
				made, before := score(t, v, kind+"_"+way), score(t, v, "untouched_"+way+"_"+kind)
				if name == "identity" && made != before || name == "truth" && made >= before {
					t.Errorf("%s: %s_%s is %g, of the untouched images %g", name, kind, way, made, before)
				}
			}
		}
	}
}
