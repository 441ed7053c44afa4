//go:build tensorflow

package train

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
	"cyclegan/infer/pixels"
	"cyclegan/train/checkpoint"
	"cyclegan/train/dataset"
	"cyclegan/train/export"
	"cyclegan/train/scenes"
)

// sceneFolder writes scenes of some sizes to a folder.
func sceneFolder(t *testing.T, season scenes.Season, sizes ...[2]int) string {
	t.Helper()
	dir := t.TempDir()
	for i, size := range sizes {
		img := scenes.Draw(1, uint64(i), season, size[0], size[1])
		if err := pixels.Save(filepath.Join(dir, fmt.Sprintf("%d.png", i)), img, pixels.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Domains may differ in size, shape and channels: translated images have the sides of their source
// and the channels of their target.
func TestDomainsOfDifferentShapes(t *testing.T) {
	for _, direction := range []string{"AtoB", "BtoA"} {
		t.Run(direction, func(t *testing.T) {
			o := tiny(t)
			o.DirA = sceneFolder(t, scenes.Summer, [2]int{48, 32}, [2]int{48, 32})
			o.DirB = sceneFolder(t, scenes.Winter, [2]int{36, 64}, [2]int{36, 64}, [2]int{36, 64})
			o.Preprocess, o.Direction = "none", direction
			o.InputNC, o.OutputNC, o.LambdaIdentity = 3, 1, 0

			trainer, data := open(t, o)
			losses := run(t, trainer, data, 5)
			if _, err := NewSaver(trainer, data).Save(); err != nil {
				t.Fatal(err)
			}
			c, _, err := o.Checkpoints().Latest()
			if err != nil {
				t.Fatal(err)
			}
			a, b := trainer.Shapes()
			if want := "[" + fmt.Sprintf("%d %d %d", b.H, b.W, a.C) + "]"; fmt.Sprint(c.Tensors["pool_A/0000"].Shape) != want {
				t.Errorf("a image in pool A is %v, want %s", c.Tensors["pool_A/0000"].Shape, want)
			}
			again, data := open(t, o)
			if err := again.Restore(c); err != nil {
				t.Fatal(err)
			}
			next, same := run(t, again, data, 7), run(t, trainer, data, 7)
			for i := range next {
				if next[i] != same[i] {
					t.Errorf("step %d: %+v after a resume, %+v without", 6+i, next[i], same[i])
				}
			}
			if l := losses[0]; math.Abs(l.CycleA) < 1e-6 || l.IdtA != 0 {
				t.Errorf("losses %+v", l)
			}
			paths, err := export.Exporter{Reference: tfgraph.Evaluate}.WriteCheckpoint(t.Context(), t.TempDir(), c, WeightsLatest, o.Generator)
			if err != nil || len(paths) != 2 {
				t.Errorf("export: %v, %v", paths, err)
			}
		})
	}
}

func TestMixedSizes(t *testing.T) {
	o := tiny(t)
	o.DirA = sceneFolder(t, scenes.Summer, [2]int{48, 32}, [2]int{32, 48})
	o.DirB = sceneFolder(t, scenes.Winter, [2]int{48, 32})
	o.Preprocess = "none"
	if _, err := dataset.Open(o.Dataset()); err == nil || !strings.Contains(err.Error(), "0.png") || !strings.Contains(err.Error(), "1.png") {
		t.Errorf("pictures of two sizes: %v", err)
	}

	o.DirA = sceneFolder(t, scenes.Summer, [2]int{48, 32})
	trainer, data := open(t, o)
	b, err := data.Batch(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	b.HA, b.WA = b.WA, b.HA // as many values, another shape
	if _, err := trainer.Step(b); err == nil || !strings.Contains(err.Error(), "48x32x3") {
		t.Errorf("a batch with swapped sides: %v", err)
	}
	if trainer.Steps() != 0 {
		t.Error("the refused batch counted as a step")
	}
}

// A checkpoint is written only after the next step was sound.
func TestSaverWaitsForTheNextStep(t *testing.T) {
	o := tiny(t)
	o.SaveLatestFreq, o.SaveByIter, o.SaveEpochFreq, o.KeepLast = 2, true, 1, 2
	trainer, data := open(t, o)
	saver := NewSaver(trainer, data)
	seen := map[int64]string{}
	o.MaxSteps = 7
	trainer.opts.MaxSteps = 7
	err := Run(t.Context(), trainer, data, saver.Hook, func(p Progress) error {
		entries, err := os.ReadDir(string(o.Checkpoints()))
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		var names []string
		for _, e := range entries {
			names = append(names, strings.TrimSuffix(e.Name(), ".safetensors"))
		}
		seen[p.Step] = strings.Join(names, " ")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for step, want := range map[int64]string{
		2: "",
		3: "iter_000000002 step_000000002",
		5: "iter_000000002 iter_000000004 step_000000002 step_000000004",
		7: "epoch_0001 iter_000000002 iter_000000004 iter_000000006 step_000000004 step_000000006",
	} {
		if seen[step] != want {
			t.Errorf("after step %d there are %q, want %q", step, seen[step], want)
		}
	}
	if c, err := o.Checkpoints().Epoch(1); err != nil || c.Step != 6 {
		t.Errorf("epoch 1: %+v, %v", c, err)
	}
}

// The best checkpoint has the reason and the step of its score, and both kinds of weights.
func TestSaveBest(t *testing.T) {
	o := tiny(t)
	o.EMA, o.KeepLast = 0.9, 1
	trainer, data := open(t, o)
	if _, err := o.Checkpoints().Best(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before any evaluation: %v", err)
	}
	run(t, trainer, data, 2)
	saver := NewSaver(trainer, data)
	if err := saver.SaveBest(checkpoint.Best{Weights: WeightsLatest, By: "SWD", Value: 12.5}); err != nil {
		t.Fatal(err)
	}
	run(t, trainer, data, 3)
	if _, err := saver.Save(); err != nil {
		t.Fatal(err)
	}
	best, err := o.Checkpoints().Best()
	if err != nil {
		t.Fatal(err)
	}
	if best.Step != 2 || best.Best == nil || *best.Best != (checkpoint.Best{Weights: WeightsLatest, By: "SWD", Value: 12.5}) {
		t.Errorf("the best checkpoint has step %d, %+v", best.Step, best.Best)
	}
	image := make([]float32, 32*32*3)
	for i := range image {
		image[i] = float32(i%7)/3 - 1
	}
	shape := graph.Shape{H: 32, W: 32, C: 3}
	again, _ := open(t, o)
	if err := again.Restore(best); err != nil {
		t.Fatal(err)
	}
	var latest []float32
	for _, weights := range o.Weights() {
		n, w, err := best.Generator(GAB, weights, o.Generator)
		if err != nil {
			t.Fatal(err)
		}
		want, err := tfgraph.Evaluate(n, w, image, 1, shape)
		if err != nil {
			t.Fatal(err)
		}
		got, err := again.TranslateWith(weights, GAB, image, 1, shape)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if d := want[i] - got[i]; d > 1e-5 || d < -1e-5 {
				t.Fatalf("%s weights: value %d is %g, want %g as exported", weights, i, got[i], want[i])
			}
		}
		if latest != nil && slices.Equal(latest, got) {
			t.Error("both weights give the same image")
		}
		latest = got
	}
	if _, err := again.TranslateWith("oldest", GAB, image, 1, shape); err == nil {
		t.Error("weights that the run does not keep were used")
	}
}
