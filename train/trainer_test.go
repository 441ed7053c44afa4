//go:build tensorflow

package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/graph/tfgraph"
	"cyclegan/train/dataset"
)

// tiny is a run of small networks on small scenes.
func tiny(t *testing.T) Options {
	o := paper()
	o.Name, o.CheckpointsDir = "tiny", t.TempDir()
	o.NetG, o.NGF, o.NDF, o.NetD, o.NLayersD = graph.ResNet6, 4, 4, graph.NLayers, 2
	o.LoadSize, o.CropSize, o.Scenes = 36, 32, 6
	o.PoolSize, o.Threads, o.GPUIDs = 3, 2, "-1"
	o.Seed = 11
	return o
}

// open starts a run; its first batch decides the shapes.
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

// run trains to the given step and returns what each step lost.
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

// recipes are small runs that between them use every part of a training.
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

	return map[string]Options{"paper": full, "yosemite": yosemite, "demo bf16": demo, "wgangp": penalized(t)}
}

// A run that is saved, ended and taken up again in a new session makes the
// same steps as one that is not interrupted, to the last bit.
func TestResumeIsExact(t *testing.T) {
	for name, o := range recipes(t) {
		t.Run(name, func(t *testing.T) {
			const stop, end = 4, 9
			trainer, data := open(t, o)
			whole := run(t, trainer, data, end)
			want, err := trainer.Checkpoint(data)
			if err != nil {
				t.Fatal(err)
			}

			first, data := open(t, o)
			parts := run(t, first, data, stop)
			if _, err := NewSaver(first, data).Save(); err != nil {
				t.Fatal(err)
			}
			first.Close()
			saved, _, err := o.LatestCheckpoint()
			if err != nil {
				t.Fatal(err)
			}
			second, data := open(t, o)
			if err := second.Restore(saved); err != nil {
				t.Fatal(err)
			}
			parts = append(parts, run(t, second, data, end)...)
			got, err := second.Checkpoint(data)
			if err != nil {
				t.Fatal(err)
			}

			for i := range whole {
				if whole[i] != parts[i] {
					t.Fatalf("step %d: losses %+v without a stop, %+v with one", i+1, whole[i], parts[i])
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
		t.Errorf("restoring a network of 4 filters into one of 8: %v", err)
	}
	after, err := other.Checkpoint(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range before.Tensors {
		if fmt.Sprint(w.Values) != fmt.Sprint(after.Tensors[name].Values) {
			t.Fatalf("the refused restore changed %s", name)
		}
	}
}

func TestNewTrainerSaysWhatDoesNotFit(t *testing.T) {
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

func TestDivergenceIsNamed(t *testing.T) {
	o := tiny(t)
	o.LR = 1e30
	trainer, data := open(t, o)
	err := Run(t.Context(), trainer, data)
	var diverged *NotFiniteError
	if !errors.As(err, &diverged) || diverged.Step < 2 || diverged.Term.Name == "" {
		t.Errorf("a rate of 1e30 ends with %v", err)
	}
	if _, err := NewSaver(trainer, data).Save(); err == nil {
		t.Error("a diverged state was saved")
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

// The generators learn: on two scenes over and over, the cycle loss falls.
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
		t.Errorf("cycle loss %.3f at first, %.3f after 120 steps", first, last)
	}
}

// Adam as PyTorch states it, in float64, against the op as it is fed here.
func TestAdamFollowsPyTorch(t *testing.T) {
	g := tf.NewGraph()
	s := op.NewScopeWithGraph(g)
	net := &graph.Network{Name: "n", In: 1, Out: 3, Layers: []graph.Layer{graph.Conv{Name: "c", In: 1, Out: 3, Kernel: 1, Stride: 1}}}
	p := newPlayer(s, "player", net, false)
	m := &model{opts: paper()}
	m.rate, m.epsilon = op.Placeholder(s.SubScope("rate"), tf.Float), op.Placeholder(s.SubScope("epsilon"), tf.Float)
	gradient := op.Placeholder(s.SubScope("gradient"), tf.Float, op.PlaceholderShape(tf.MakeShape(1, 1, 1, 3)))
	axes := op.Const(s.SubScope("axes"), []int32{0, 1, 2, 3})
	// The gradient of sum(weight * g) is g.
	loss := op.Sum(s, op.Mul(s, p.weights.Values()["c.weight"], gradient), axes)
	step := m.adam(s, []share{{scope: s.SubScope("share"), losses: []tf.Output{loss}, values: func(p *player) map[string]tf.Output { return p.weights.Values() }}}, p)
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	session, err := tf.NewSession(g, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	weight := []float64{0.5, -0.25, 0}
	if err := p.weights.Load(session, graph.Weights{"c.weight": {0.5, -0.25, 0}}); err != nil {
		t.Fatal(err)
	}
	for _, v := range []*tfgraph.Variables{p.m, p.v} {
		if err := v.Zero(session); err != nil {
			t.Fatal(err)
		}
	}
	const lr, beta1, beta2, epsilon = 2e-4, 0.5, 0.999, 1e-8
	var m1, m2 [3]float64
	rng := randomStream(3, "gradients", 0)
	for n := int64(1); n <= 200; n++ {
		// One gradient is ordinary, one tiny, where epsilon counts, one rare.
		grads := []float32{float32(rng.NormFloat64()), float32(1e-8 * rng.NormFloat64()), 0}
		if n%50 == 1 {
			grads[2] = 3
		}
		for i, g := range grads {
			m1[i] = beta1*m1[i] + (1-beta1)*float64(g)
			m2[i] = beta2*m2[i] + (1-beta2)*float64(g)*float64(g)
			weight[i] -= lr / (1 - math.Pow(beta1, float64(n))) * m1[i] / (math.Sqrt(m2[i]/(1-math.Pow(beta2, float64(n)))) + epsilon)
		}
		feed, err := tfgraph.NewTensor(grads, 1, 1, 1, 3)
		if err != nil {
			t.Fatal(err)
		}
		feeds := map[tf.Output]*tf.Tensor{gradient: feed}
		rate, eps := adamSettings(lr, beta1, n)
		feeds[m.rate], _ = tf.NewTensor(float32(rate))
		feeds[m.epsilon], _ = tf.NewTensor(float32(eps))
		if _, err := session.Run(feeds, nil, step); err != nil {
			t.Fatal(err)
		}
	}
	got, err := p.weights.Save(session)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range weight {
		if d := math.Abs(float64(got["c.weight"][i]) - want); d > 1e-5*200*lr {
			t.Errorf("weight %d after 200 steps: %g, PyTorch's formula gives %g", i, got["c.weight"][i], want)
		}
	}
}

// The losses against their definitions, computed plainly.
func TestLosses(t *testing.T) {
	g := tf.NewGraph()
	s := op.NewScopeWithGraph(g)
	scores := []float32{-1.5, 0.2, 0.9, 30, -30, 1}
	x := op.Reshape(s, op.Const(s.SubScope("scores"), scores), op.Const(s.SubScope("shape"), []int32{1, 2, 3, 1}))
	plain := map[string]func(v float64, real bool) float64{
		LSGAN: func(v float64, real bool) float64 {
			if real {
				return (v - 1) * (v - 1)
			}
			return v * v
		},
		Vanilla: func(v float64, real bool) float64 {
			p := 1 / (1 + math.Exp(-v))
			if real {
				return -math.Log(p)
			}
			return math.Log1p(math.Exp(v)) // -log(1 - p) without its rounding
		},
		WGANGP: func(v float64, real bool) float64 {
			if real {
				return -v
			}
			return v
		},
	}
	session, err := tf.NewSession(g, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for mode, f := range plain {
		for _, real := range []bool{true, false} {
			out := adversarial(s, mode, x, real)
			if err := s.Err(); err != nil {
				t.Fatal(err)
			}
			fetched, err := session.Run(nil, []tf.Output{out}, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := 0.0
			for _, v := range scores {
				want += f(float64(v), real) / float64(len(scores))
			}
			if got := scalar(fetched[0]); math.Abs(got-want) > 1e-5*math.Abs(want) {
				t.Errorf("%s, real %v: %g, want %g", mode, real, got, want)
			}
		}
	}
}

// A step's losses against the networks evaluated one by one: which picture
// goes through which generator to which judge, and with which weight.
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
		for _, p := range trainer.model.players() {
			if p.name == name {
				n = p.net
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
			t.Errorf("%s is %g, computed apart %g", term.Name, g, term.Value)
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
	pictures := randomPictures(1, 2*40*48*3)
	for _, name := range []string{GAB, GBA} {
		n, w, err := c.Generator(o, name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := tfgraph.Evaluate(n, w, pictures, 2, shape)
		if err != nil {
			t.Fatal(err)
		}
		got, err := trainer.Translate(name, pictures, 2, shape)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-5 {
				t.Fatalf("%s: value %d is %g in training, %g exported", name, i, got[i], want[i])
			}
		}
		latest := o
		latest.EMA = 0
		_, raw, err := c.Generator(latest, name)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(raw["down1.weight"]) == fmt.Sprint(w["down1.weight"]) {
			t.Errorf("%s: the average equals the latest weights after 3 steps", name)
		}
	}
	if _, err := trainer.Translate("G_C", pictures, 2, shape); err == nil {
		t.Error("an unknown generator translates")
	}
}

func TestExport(t *testing.T) {
	o := tiny(t)
	trainer, data := open(t, o)
	c, err := trainer.Checkpoint(data)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	paths, err := ExportGenerators(t.Context(), c, o, dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
	if len(paths) != 2 {
		t.Errorf("exported %v, want two models", paths)
	}
}

// A model that ONNX Runtime computes differently is not written: here one so
// badly scaled that rounding alone makes the difference.
func TestExportLeavesNoWrongFile(t *testing.T) {
	n := &graph.Network{Name: "wild", In: 3, Out: 3, Layers: []graph.Layer{
		graph.Conv{Name: "a", In: 3, Out: 16, Kernel: 5, Stride: 1, Pad: 2},
		graph.Conv{Name: "b", In: 16, Out: 3, Kernel: 5, Stride: 1, Pad: 2},
	}}
	w := randomWeights(t, n, 1)
	for _, values := range w {
		for i := range values {
			values[i] *= 1e4
		}
	}
	path := filepath.Join(t.TempDir(), "wild.onnx")
	err := Export(t.Context(), path, n, w, onnxgraph.Metadata{TrainWidth: 64, TrainHeight: 64})
	if err == nil || !strings.Contains(err.Error(), "differs") {
		t.Errorf("export: %v", err)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 0 {
		t.Errorf("the failed export left %v", files)
	}
}
