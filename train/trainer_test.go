//go:build tensorflow

package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
	"cyclegan/train/dataset"
)

// tiny returns the options of a run with small networks on small scenes.
func tiny(t *testing.T) Options {
	o := paper()
	o.Name, o.CheckpointsDir = "tiny", t.TempDir()
	o.NetG, o.NGF, o.NDF, o.NetD, o.NLayersD = graph.ResNet6, 4, 4, graph.NLayers, 2
	o.LoadSize, o.CropSize, o.Scenes = 36, 32, 6
	o.PoolSize, o.Threads, o.GPUIDs = 3, 2, "-1"
	o.Seed = 11
	return o
}

// open starts a run with the shapes of its first batch.
func open(t *testing.T, o Options) (*Trainer, *dataset.Dataset) {
	t.Helper()
	data, err := dataset.Open(o.Dataset())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { data.Close() })
	b, err := data.Batch(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := NewTrainer(o, graph.Shape{H: b.HA, W: b.WA, C: b.CA}, graph.Shape{H: b.HB, W: b.WB, C: b.CB})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { trainer.Close() })
	return trainer, data
}

// run trains to the given step and returns the losses of each step.
func run(t *testing.T, trainer *Trainer, data *dataset.Dataset, to int64) []Losses {
	t.Helper()
	var losses []Losses
	stop := errors.New("stop")
	err := Run(t.Context(), trainer, data, func(p Progress) error {
		losses = append(losses, p.Losses)
		if p.Step == to {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) {
		t.Fatalf("run to step %d: %v", to, err)
	}
	return losses
}

// pyramid is a run whose generators have two levels, and blocks wide enough for Winograd's form.
func pyramid(t *testing.T) Options {
	o := tiny(t)
	o.NetG, o.NGF, o.Norm, o.NormD, o.InitType = graph.Pyramid, 64, "none", "instance", "kaiming"
	o.LoadSize, o.CropSize, o.BatchSize = 68, 64, 2
	return o
}

// recipes are small runs that together use every part of training.
func recipes(t *testing.T) map[string]Options {
	full := tiny(t)
	full.EMA, full.NoDropout, full.BatchSize = 0.9, false, 2
	full.LRD, full.NEpochs, full.NEpochsDecay = 1e-4, 1, 3

	yosemite, err := Preset("yosemite")
	if err != nil {
		t.Fatal(err)
	}
	small := tiny(t)
	yosemite.Name, yosemite.CheckpointsDir = small.Name, small.CheckpointsDir
	yosemite.NGF, yosemite.NDF, yosemite.LoadSize, yosemite.CropSize = 4, 4, 32, 32
	yosemite.Scenes, yosemite.BatchSize, yosemite.Threads, yosemite.GPUIDs = 6, 3, 2, "-1"

	demo, err := Preset("demo")
	if err != nil {
		t.Fatal(err)
	}
	demo.Name, demo.CheckpointsDir = small.Name, small.CheckpointsDir
	demo.NGF, demo.NDF, demo.LoadSize, demo.CropSize = 4, 4, 36, 32
	demo.Scenes, demo.Threads, demo.GPUIDs, demo.Precision = 6, 2, "-1", BF16

	narrow := pyramid(t)
	narrow.NGF = 8

	return map[string]Options{"paper": full, "yosemite": yosemite, "demo bf16": demo, "wgangp": penalized(t), "pyramid": narrow}
}

// A run that is saved and resumed in a new session is bit-identical to an uninterrupted run.
func TestResumeIsExact(t *testing.T) {
	for name, o := range recipes(t) {
		t.Run(name, func(t *testing.T) {
			if name == "paper" {
				rewritten(t)
			}
			const stop, end = 4, 7
			trainer, data := open(t, o)
			run(t, trainer, data, stop)
			if _, err := NewSaver(trainer, data).Save(); err != nil {
				t.Fatal(err)
			}
			whole := run(t, trainer, data, end)
			want, err := trainer.Checkpoint(data)
			if err != nil {
				t.Fatal(err)
			}

			saved, _, err := o.Checkpoints().Latest()
			if err != nil {
				t.Fatal(err)
			}
			second, data := open(t, o)
			if err := second.Restore(saved); err != nil {
				t.Fatal(err)
			}
			rest := run(t, second, data, end)
			got, err := second.Checkpoint(data)
			if err != nil {
				t.Fatal(err)
			}

			for i := range whole {
				if whole[i] != rest[i] {
					t.Fatalf("step %d: losses %+v without a stop, %+v with one", stop+i+1, whole[i], rest[i])
				}
			}
			if len(got.Tensors) != len(want.Tensors) || len(want.Tensors) < 100 {
				t.Fatalf("%d tensors, want %d", len(got.Tensors), len(want.Tensors))
			}
			for name, w := range want.Tensors {
				for i, v := range got.Tensors[name].Values {
					if math.Float32bits(v) != math.Float32bits(w.Values[i]) {
						t.Fatalf("%s[%d] is %g with a stop, %g without", name, i, v, w.Values[i])
					}
				}
			}
		})
	}
}

func TestRestoreRefusesOtherNetworks(t *testing.T) {
	o := tiny(t)
	trainer, data := open(t, o)
	c, err := trainer.Checkpoint(data)
	if err != nil {
		t.Fatal(err)
	}
	o.NGF = 8
	other, _ := open(t, o)
	before, err := other.Checkpoint(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Restore(c); err == nil || !strings.Contains(err.Error(), "G_AB") || !strings.Contains(err.Error(), "8") {
		t.Errorf("restore a network with 4 filters into one with 8: %v", err)
	}
	after, err := other.Checkpoint(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range before.Tensors {
		if fmt.Sprint(w.Values) != fmt.Sprint(after.Tensors[name].Values) {
			t.Fatalf("the failed restore changed %s", name)
		}
	}
}

func TestNewTrainerReportsShapes(t *testing.T) {
	o := tiny(t)
	o.NetG = graph.UNet128
	if _, err := NewTrainer(o, graph.Shape{H: 32, W: 32, C: 3}, graph.Shape{H: 32, W: 32, C: 3}); err == nil || !strings.Contains(err.Error(), "multiples of 128") {
		t.Errorf("unet_128 on 32 pixels: %v", err)
	}
	o = tiny(t)
	o.NLayersD = 5
	if _, err := NewTrainer(o, graph.Shape{H: 32, W: 32, C: 3}, graph.Shape{H: 32, W: 32, C: 3}); err == nil || !strings.Contains(err.Error(), "-netD") {
		t.Errorf("five layers on 32 pixels: %v", err)
	}
	o = tiny(t)
	o.GPUIDs = "99"
	if _, err := NewTrainer(o, graph.Shape{H: 32, W: 32, C: 3}, graph.Shape{H: 32, W: 32, C: 3}); err == nil || !strings.Contains(err.Error(), "-gpu_ids -1") {
		t.Errorf("GPU 99: %v", err)
	}
}

func TestDivergence(t *testing.T) {
	o := tiny(t)
	o.LR = 1e30
	trainer, data := open(t, o)
	err := Run(t.Context(), trainer, data)
	var diverged *NotFiniteError
	if !errors.As(err, &diverged) || diverged.Step < 2 || diverged.Term.Name == "" {
		t.Errorf("learning rate 1e30: error %v", err)
	}
	if _, err := NewSaver(trainer, data).Save(); err == nil {
		t.Error("the diverged state was saved")
	}
}

func TestRunStops(t *testing.T) {
	o := tiny(t)
	o.MaxSteps = 3
	trainer, data := open(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	if err := Run(ctx, trainer, data, func(p Progress) error {
		if p.Steps != 3 || p.Epoch != 1 || p.Batches != 6 || p.Seen() != p.Step {
			t.Errorf("progress %+v", p)
		}
		if p.Step == 2 {
			cancel()
		}
		return nil
	}); !errors.Is(err, context.Canceled) || trainer.Steps() != 2 {
		t.Fatalf("cancelled after step 2: step %d, %v", trainer.Steps(), err)
	}
	if err := Run(t.Context(), trainer, data); err != nil || trainer.Steps() != 3 {
		t.Fatalf("max_steps 3: step %d, %v", trainer.Steps(), err)
	}
}

// A pace takes the run through the whole schedule in fewer steps, also over a resume, and ErrStop
// ends it.
func TestPace(t *testing.T) {
	o := tiny(t)
	o.NSteps, o.NStepsDecay = 6, 5
	trainer, data := open(t, o)
	trainer.CountTime(func() time.Duration { return time.Minute })
	var rates []float64
	var planned []int64
	stopAt := int64(3)
	run := func(t *testing.T, trainer *Trainer) {
		t.Helper()
		called := int64(0)
		err := Run(t.Context(), trainer, data, func(p Progress) error {
			rates, planned = append(rates, p.RateG/o.LR), append(planned, p.Steps)
			p.Trainer.SetPace(2)
			if p.Step == stopAt {
				return ErrStop
			}
			return nil
		}, func(p Progress) error { called = p.Step; return nil })
		if err != nil || called != trainer.Steps() {
			t.Fatalf("the last hook was called up to step %d of %d: %v", called, trainer.Steps(), err)
		}
	}
	run(t, trainer)
	c, err := trainer.Checkpoint(data)
	if err != nil {
		t.Fatal(err)
	}
	if c.Step != 3 || c.Passed != 2 || c.Spent != time.Minute {
		t.Errorf("checkpoint of step %d, %g passed, %v spent; want 3, 2 and a minute", c.Step, c.Passed, c.Spent)
	}
	other, _ := open(t, o)
	if err := other.Restore(c); err != nil {
		t.Fatal(err)
	}
	other.SetPace(2)
	stopAt = 0
	run(t, other)
	if !other.Done(data.Batches()) || other.Steps() != 6 || other.Passed() != 5 {
		t.Errorf("ended at step %d with %g passed; want 6 and 5", other.Steps(), other.Passed())
	}
	// The steps are the first, second, fourth, ... of the schedule, which has 11.
	if got, want := fmt.Sprintf("%.4f %v", rates, planned), "[1.0000 1.0000 1.0000 1.0000 0.6667 0.3333] [11 6 6 6 6 6]"; got != want {
		t.Errorf("rates and planned steps %s, want %s", got, want)
	}
}

// The generators learn: the cycle loss on two scenes falls.
func TestTrainingLearns(t *testing.T) {
	o := tiny(t)
	o.Scenes, o.LR, o.NGF = 2, 1e-3, 8
	trainer, data := open(t, o)
	losses := run(t, trainer, data, 120)
	mean := func(part []Losses) (cycle float64) {
		for _, l := range part {
			cycle += (l.CycleA + l.CycleB) / float64(len(part))
		}
		return cycle
	}
	if first, last := mean(losses[:10]), mean(losses[110:]); last > 0.7*first {
		t.Errorf("cycle loss %.3f in the first steps, %.3f after 120", first, last)
	}
}

// A step's losses are those of the networks evaluated one by one: each image goes through the right
// generator to the right discriminator, with the right weight.
func TestStepLossesAreCycleGANs(t *testing.T) {
	o := tiny(t)
	o.LambdaA, o.LambdaB, o.LambdaIdentity = 7, 3, 0.25
	trainer, data := open(t, o)
	batch, err := data.Batch(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := trainer.Checkpoint(data)
	if err != nil {
		t.Fatal(err)
	}
	shape := graph.Shape{H: 32, W: 32, C: 3}
	apply := func(name string, x []float32) []float32 {
		var n *graph.Network
		for _, network := range trainer.graph.Networks {
			if network.Name == name {
				n = network.Net
			}
		}
		w := graph.Weights{}
		for _, p := range n.Params() {
			w[p.Name] = c.Tensors[name+"/"+p.Name].Values
		}
		y, err := tfgraph.Evaluate(n, w, x, 1, shape)
		if err != nil {
			t.Fatal(err)
		}
		return y
	}
	l1 := func(x, y []float32) (sum float64) {
		for i := range x {
			sum += math.Abs(float64(x[i])-float64(y[i])) / float64(len(x))
		}
		return sum
	}
	lsgan := func(scores []float32, target float64) (sum float64) {
		for _, v := range scores {
			sum += (float64(v) - target) * (float64(v) - target) / float64(len(scores))
		}
		return sum
	}
	fakeB, fakeA := apply(GAB, batch.A), apply(GBA, batch.B)
	want := Losses{
		GAB: lsgan(apply(DB, fakeB), 1), GBA: lsgan(apply(DA, fakeA), 1),
		CycleA: 7 * l1(apply(GBA, fakeB), batch.A), CycleB: 3 * l1(apply(GAB, fakeA), batch.B),
		IdtA: 7 * 0.25 * l1(apply(GBA, batch.A), batch.A), IdtB: 3 * 0.25 * l1(apply(GAB, batch.B), batch.B),
		DA: 0.5 * (lsgan(apply(DA, batch.A), 1) + lsgan(apply(DA, fakeA), 0)),
		DB: 0.5 * (lsgan(apply(DB, batch.B), 1) + lsgan(apply(DB, fakeB), 0)),
	}
	got, err := trainer.Step(batch)
	if err != nil {
		t.Fatal(err)
	}
	for i, term := range want.Terms() {
		if g := got.Terms()[i].Value; math.Abs(g-term.Value) > 1e-4*math.Abs(term.Value) {
			t.Errorf("%s is %g, want %g", term.Name, g, term.Value)
		}
	}
}

func TestTranslateIsTheExportedGenerator(t *testing.T) {
	o := recipes(t)["yosemite"]
	o.EMA = 0.5
	trainer, data := open(t, o)
	run(t, trainer, data, 3)
	c, err := trainer.Checkpoint(data)
	if err != nil {
		t.Fatal(err)
	}
	shape := graph.Shape{H: 40, W: 48, C: 3}
	images := make([]float32, 2*40*48*3)
	rng := randomStream(1, "images", 0)
	for i := range images {
		images[i] = 2*rng.Float32() - 1
	}
	for _, name := range []string{GAB, GBA} {
		n, w, err := c.Generator(name, WeightsEMA, o.Generator)
		if err != nil {
			t.Fatal(err)
		}
		want, err := tfgraph.Evaluate(n, w, images, 2, shape)
		if err != nil {
			t.Fatal(err)
		}
		got, err := trainer.Translate(name, images, 2, shape)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-5 {
				t.Fatalf("%s: value %d is %g in training, %g exported", name, i, got[i], want[i])
			}
		}
		_, raw, err := c.Generator(name, WeightsLatest, o.Generator)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(raw["down1.weight"]) == fmt.Sprint(w["down1.weight"]) {
			t.Errorf("%s: after 3 steps the average equals the latest weights", name)
		}
	}
	if _, err := trainer.Translate("G_C", images, 2, shape); err == nil {
		t.Error("an unknown generator translated images")
	}
}
