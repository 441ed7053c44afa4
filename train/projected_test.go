//go:build tensorflow

package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cyclegan/graph"
	"cyclegan/third_party/native"
	"cyclegan/train/checkpoint"
	"cyclegan/train/step"
)

// projected returns a run with discriminators on frozen features, a warm-up and the hinge loss.
func projected(t *testing.T) Options {
	o := sharing(t)
	o.NetD, o.NDF, o.GANMode, o.LambdaD, o.InitType = graph.Projected, 8, Hinge, 1, "kaiming"
	o.Beta1, o.Beta2, o.LR, o.WarmupD, o.PoolSize = 0, 0.99, 1e-3, 4, 0
	o.BatchSize = 2
	return o
}

// withFeatures gives the frozen layers small random weights, so that the test needs no trained
// ones.
func withFeatures(t *testing.T, trainer *Trainer) {
	t.Helper()
	for _, n := range trainer.graph.Networks {
		w, err := n.Weights.Save(trainer.session)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(5, 5))
		for _, p := range n.Net.Params() {
			scale := 1.0
			if p.Role == graph.Weight {
				scale = math.Sqrt(2 / float64(p.Size()/slices.Max(p.Shape[2:])))
			}
			for i := range w[p.Name] {
				if p.Frozen() {
					w[p.Name][i] = float32(rng.NormFloat64() * scale)
				}
			}
		}
		if err := trainer.load(n, w); err != nil {
			t.Fatal(err)
		}
	}
	trainer.unset = false
}

// A run that is stopped within its warm-up, after it, or later, and resumed in a new session, is
// bit-identical to an uninterrupted run. The frozen features never change and take no memory for
// Adam.
func TestProjectedResumeIsExact(t *testing.T) {
	o := projected(t)
	const end = 3
	whole, data := open(t, o)
	withFeatures(t, whole)
	before := fetched(t, whole, weightsOf)
	want := run(t, whole, data, end)
	state, err := whole.Checkpoint(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, tensors := range fetched(t, whole, weightsOf) {
		for param, values := range tensors {
			_, adam := state.Tensors[name+checkpoint.Moment+"/"+param]
			frozen := strings.HasPrefix(name, "D_") && !strings.HasPrefix(param, "head")
			// A bias does not change while the hinge is active on both sides.
			same := slices.Equal(values, before[name][param])
			if frozen == adam || frozen && !same || !frozen && same && strings.HasSuffix(param, ".weight") {
				t.Errorf("%s %s: frozen %v, unchanged %v, in Adam %v", name, param, frozen, same, adam)
			}
		}
	}
	for name, stop := range map[string]int{"in the warm-up": 2, "in training": 6} {
		t.Run(name, func(t *testing.T) {
			first, data := open(t, o)
			withFeatures(t, first)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			err := first.WarmUp(ctx, data, func(done, steps int, dA, dB float64) {
				if steps != o.WarmupD || dA <= 0 || dB <= 0 {
					t.Errorf("reported step %d of %d with losses %g and %g", done, steps, dA, dB)
				}
				if done == stop {
					cancel()
				}
			})
			if stop < o.WarmupD && !errors.Is(err, context.Canceled) || stop >= o.WarmupD && err != nil {
				t.Fatalf("warm-up: %v", err)
			}
			if stop > o.WarmupD {
				run(t, first, data, int64(stop-o.WarmupD))
			}
			c, err := first.Checkpoint(data)
			if err != nil {
				t.Fatal(err)
			}
			second, data := open(t, o)
			if err := second.Restore(c); err != nil {
				t.Fatal(err)
			}
			got := run(t, second, data, end)
			if done := max(stop-o.WarmupD, 0); !slices.Equal(got, want[done:]) {
				t.Errorf("losses %+v, without a stop %+v", got, want[done:])
			}
			again, err := second.Checkpoint(data)
			if err != nil {
				t.Fatal(err)
			}
			for name, w := range state.Tensors {
				if !slices.Equal(again.Tensors[name].Values, w.Values) {
					t.Errorf("%s differs", name)
				}
			}
		})
	}
}

// The warm-up teaches the discriminators to distinguish the domains before the first step, and
// leaves the generators alone.
func TestWarmUp(t *testing.T) {
	o := projected(t)
	o.WarmupD = 25
	trainer, data := open(t, o)
	withFeatures(t, trainer)
	before := fetched(t, trainer, weightsOf)
	var losses []float64
	if err := trainer.WarmUp(t.Context(), data, func(_, _ int, dA, dB float64) { losses = append(losses, dA+dB) }); err != nil {
		t.Fatal(err)
	}
	mean := func(v []float64) (m float64) {
		for _, x := range v {
			m += x / float64(len(v))
		}
		return m
	}
	if first, last := mean(losses[:5]), mean(losses[20:]); len(losses) != 25 || last > 0.8*first {
		t.Errorf("%d losses, from %.3g to %.3g", len(losses), first, last)
	}
	after := fetched(t, trainer, weightsOf)
	for _, g := range []string{GAB, GBA} {
		for param, values := range after[g] {
			if !slices.Equal(values, before[g][param]) {
				t.Fatalf("the warm-up changed %s %s", g, param)
			}
		}
	}
	if trainer.Steps() != 0 {
		t.Errorf("%d steps after the warm-up", trainer.Steps())
	}
}

// Replicas compute what one process does.
func TestProjectedReplicas(t *testing.T) {
	o := projected(t)
	o.WarmupD = 2
	one, data := openOn(t, o, device{threads: 1})
	withFeatures(t, one)
	two, data2 := openOn(t, o, device{threads: 1, cpus: 2})
	withFeatures(t, two)
	want, got := run(t, one, data, 2), run(t, two, data2, 2)
	compareTerms(t, 1, got[0], want[0], 1e-4)
	compareTerms(t, 2, got[1], want[1], 1e-2)
}

// Mixed precision follows float32 on the trained features. Random ones enlarge its rounding.
func TestProjectedInBF16(t *testing.T) {
	if _, err := native.FindFeatures(); err != nil {
		t.Skipf("the weights are not installed; run this test with `go run ./third_party go test ./train`: %v", err)
	}
	var losses [2][]Losses
	for i, precision := range []string{F32, BF16} {
		o := projected(t)
		o.Precision = precision
		trainer, data := openOn(t, o, device{threads: 1})
		if _, err := trainer.LoadInitial(); err != nil {
			t.Fatal(err)
		}
		losses[i] = run(t, trainer, data, 2)
	}
	for i, want := range losses[0] {
		for k, term := range losses[1][i].Terms() {
			value := want.Terms()[k].Value
			tolerance := []float64{0.02, 0.2}[i] // Adam enlarges the rounding of gradients near 0
			if apart := math.Abs(term.Value - value); !(apart <= tolerance*math.Max(math.Abs(value), 1)) {
				t.Errorf("step %d, %s: %g in bf16, %g in f32", i+1, term.Name, term.Value, value)
			}
		}
	}
}

func TestProjectedNeedsItsFeatures(t *testing.T) {
	o := projected(t)
	trainer, data := open(t, o)
	if err := trainer.WarmUp(t.Context(), data, nil); err == nil || !strings.Contains(err.Error(), "LoadInitial") {
		t.Errorf("without weights: %v", err)
	}
	t.Run("missing", func(t *testing.T) {
		t.Setenv(native.EnvCache, t.TempDir())
		t.Setenv(native.EnvFeatures, "")
		if _, err := trainer.LoadInitial(); !errors.Is(err, native.ErrNotFound) || !strings.Contains(err.Error(), "Fix: go run ./third_party install") {
			t.Errorf("without the file: %v", err)
		}
	})
	if _, err := native.FindFeatures(); err != nil {
		t.Skipf("the weights are not installed; run this test with `go run ./third_party go test ./train`: %v", err)
	}
	lines, err := trainer.LoadInitial()
	if err != nil || len(lines) != 1 || !strings.Contains(lines[0], "EfficientNet-Lite0") {
		t.Fatalf("load the features: %q, %v", lines, err)
	}
	if err := trainer.WarmUp(t.Context(), data, nil); err != nil {
		t.Error(err)
	}
	o.CropSize, o.LoadSize = 48, 52
	shape := graph.Shape{H: 48, W: 48, C: 3}
	if _, err := step.Build(o.step(device{threads: 1}, shape, shape)); err == nil || !strings.Contains(err.Error(), "Fix: use sides that are multiples of 32") {
		t.Errorf("sides of 48 pixels: %v", err)
	}
	o.StepOrder, o.LambdaGP, o.OutputNC = DFirst, 1, 1
	err = o.Validate()
	for _, want := range []string{"-warmup_D 4 needs -step_order G_first", "-warmup_D 4 shows", "second derivatives"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}
