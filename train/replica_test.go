//go:build tensorflow

package train

import (
	"math"
	"strings"
	"testing"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
	"cyclegan/train/dataset"
	"cyclegan/train/step"
)

// sharing is a run without dropout, which replicas draw differently from one process, and without
// BatchNorm, which sees only a replica's share.
func sharing(t *testing.T) Options {
	o := tiny(t)
	o.BatchSize, o.EMA, o.Threads = 4, 0.9, 1
	return o
}

// openOn is open on a given device.
func openOn(t *testing.T, o Options, d device) (*Trainer, *dataset.Dataset) {
	t.Helper()
	data, err := dataset.Open(o.Dataset())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { data.Close() })
	shape := graph.Shape{H: o.CropSize, W: o.CropSize, C: 3}
	trainer, err := newTrainerOn(d, o, shape, shape)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { trainer.Close() })
	return trainer, data
}

// Replicas that share a batch train like one process with the whole batch: the losses of the first
// step are equal, and later ones differ as far as Adam lets rounding grow.
func TestReplicasFollowOne(t *testing.T) {
	for _, c := range []struct {
		name     string
		replicas int
		change   func(*Options)
	}{
		{"pools", 4, func(*Options) {}},
		{"D first", 2, func(o *Options) { o.StepOrder, o.PoolSize, o.LambdaIdentity = DFirst, 0, 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := sharing(t)
			c.change(&o)
			const steps = 3
			one, data := openOn(t, o, device{threads: 1})
			begun := fetched(t, one, weightsOf)
			n := c.replicas
			trainer, data2 := openOn(t, o, device{threads: 1, cpus: n})
			want, got := run(t, one, data, 1), run(t, trainer, data2, 1)
			if c.name == "pools" {
				sameGradients(t, one, trainer)
			}
			want, got = append(want, run(t, one, data, steps)...), append(got, run(t, trainer, data2, steps)...)
			for step := range want {
				compareTerms(t, step+1, got[step], want[step], []float64{1e-5, 1e-4, 1e-3}[step])
			}
			for name, ended := range fetched(t, one, weightsOf) {
				other := fetched(t, trainer, weightsOf)[name]
				var moved, apart float64
				for param, values := range ended {
					for k, v := range values {
						moved += math.Pow(float64(v-begun[name][param][k]), 2)
						apart += math.Pow(float64(v-other[param][k]), 2)
					}
				}
				ratio := math.Sqrt(apart / moved)
				t.Logf("%s: differs by %.2g of its change after %d steps", name, ratio, steps)
				if !(ratio < 1e-3) {
					t.Errorf("%d replicas: %s differs by %.2g of its change", n, name, ratio)
				}
			}
			if c.name == "pools" {
				checkpointMoves(t, one, trainer, data)
			}
		})
	}
}

func compareTerms(t *testing.T, step int, got, want Losses, tolerance float64) {
	t.Helper()
	for i, term := range want.Terms() {
		value := got.Terms()[i].Value
		if apart := math.Abs(value - term.Value); !(apart <= tolerance*math.Abs(term.Value)) {
			t.Errorf("step %d, %s: %g with replicas, one process %g", step, term.Name, value, term.Value)
		}
	}
}

// sameGradients checks that Adam gets the gradients of the whole batch, as its first moments after
// the first step show.
func sameGradients(t *testing.T, one, replicas *Trainer) {
	t.Helper()
	got := fetched(t, replicas, momentsOf)
	for player, tensors := range fetched(t, one, momentsOf) {
		for name, want := range tensors {
			largest, apart := 0.0, 0.0
			for k, v := range want {
				largest = max(largest, math.Abs(float64(v)))
				apart = max(apart, math.Abs(float64(v-got[player][name][k])))
			}
			// The discriminators get images from before the generators' step.
			if largest == 0 || !(apart <= 2e-4*largest) {
				t.Errorf("%s %s: gradients differ by %.2g of %.2g", player, name, apart, largest)
			}
		}
	}
}

// checkpointMoves checks that replicas can restore a checkpoint of one process, and the other way
// round.
func checkpointMoves(t *testing.T, one, replicas *Trainer, data *dataset.Dataset) {
	t.Helper()
	kept, err := one.Checkpoint(data)
	if err != nil {
		t.Fatal(err)
	}
	next := one.Steps() + 1
	want := run(t, one, data, next)
	if err := replicas.Restore(kept); err != nil {
		t.Fatal(err)
	}
	got := run(t, replicas, data, next)
	compareTerms(t, int(next), got[0], want[0], 1e-5)
	again, err := replicas.Checkpoint(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Tensors) != len(kept.Tensors) || again.Step != next {
		t.Errorf("%d tensors at step %d, were %d", len(again.Tensors), again.Step, len(kept.Tensors))
	}
	if err := one.Restore(again); err != nil {
		t.Error(err)
	}
}

// Each replica computes on its own device, including gradients. The weights are updated once, on
// the first device. TensorFlow's record of a step shows it. BatchNorm's running statistics are
// updated.
func TestReplicasArePlaced(t *testing.T) {
	o := sharing(t)
	o.NGF, o.LoadSize, o.CropSize = 16, 68, 64 // with Winograd's form
	o.BatchSize, o.NormD = 2, "batch"
	trainer, data := openOn(t, o, device{threads: 1, cpus: 2})
	before, err := trainer.graph.Networks[2].Weights.Save(trainer.session)
	if err != nil {
		t.Fatal(err)
	}
	trainer.TraceNext()
	run(t, trainer, data, 1)
	after, err := trainer.graph.Networks[2].Weights.Save(trainer.session)
	if err != nil {
		t.Fatal(err)
	}
	moved := 0
	for name, values := range after {
		if strings.HasSuffix(name, ".mean") && values[0] != before[name][0] {
			moved++
		}
	}
	if moved == 0 {
		t.Error("no running mean has changed")
	}
	counts := map[string]int{}
	for node, on := range trainer.Trace().Devices() {
		replica := step.ReplicaOf(node)
		what := ""
		switch {
		case strings.HasPrefix(node, "replica/"), strings.HasPrefix(node, "replica_"):
			what = "replica"
		case strings.HasPrefix(node, tfgraph.RecomputeScope):
			what = "recomputed"
		case strings.HasPrefix(node, "generators/adam/step"), strings.HasPrefix(node, "discriminators/adam/step"):
			what = "step"
		default:
			continue // a transfer, on either device, or added by TensorFlow
		}
		if strings.Contains(node, "/Gradients/") {
			what += " gradient"
		}
		if want := []string{"CPU:0", "CPU:1"}[replica]; !strings.HasSuffix(on, want) {
			t.Errorf("%s is on %s, not on %s", node, on, want)
		}
		counts[what+" "+on[len(on)-1:]]++
	}
	for _, what := range []string{"replica 0", "replica 1", "replica gradient 0", "replica gradient 1", "recomputed 0", "recomputed 1", "step 0"} {
		if counts[what] == 0 {
			t.Errorf("the record has no %q: %v", what, counts)
		}
	}
	if counts["step 1"] > 0 {
		t.Errorf("%d weights are updated on the second device", counts["step 1"])
	}
	for _, kind := range []string{"replica", "replica gradient", "recomputed"} {
		if a, b := counts[kind+" 0"], counts[kind+" 1"]; 2*a < b || 2*b < a {
			t.Errorf("%s: %d operations on one device, %d on the other", kind, a, b)
		}
	}
}
