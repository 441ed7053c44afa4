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

// Replicas that share a batch train like one process with the whole batch: the losses of the first step
// are equal, and later ones differ as far as Adam lets rounding grow.
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
			want := run(t, one, data, steps)
			n := c.replicas
			trainer, data := openOn(t, o, device{threads: 1, cpus: n})
			got := run(t, trainer, data, steps)
			for step := range want {
				tolerance := []float64{1e-5, 1e-4, 1e-3}[step]
				for i, term := range want[step].Terms() {
					value := got[step].Terms()[i].Value
					if apart := math.Abs(value - term.Value); !(apart <= tolerance*math.Abs(term.Value)) {
						t.Errorf("%d replicas, step %d, %s: %g, one process %g", n, step+1, term.Name, value, term.Value)
					}
				}
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
		})
	}
}

// Adam gets the gradients of the whole batch, as its first moments after a step show.
func TestReplicasAverageGradients(t *testing.T) {
	o := sharing(t)
	var moments [2]map[string]graph.Weights
	for i, d := range []device{{threads: 1}, {threads: 1, cpus: 2}} {
		trainer, data := openOn(t, o, d)
		run(t, trainer, data, 1)
		moments[i] = fetched(t, trainer, momentsOf)
	}
	for player, tensors := range moments[0] {
		for name, want := range tensors {
			largest, apart := 0.0, 0.0
			for k, v := range want {
				largest = max(largest, math.Abs(float64(v)))
				apart = max(apart, math.Abs(float64(v-moments[1][player][name][k])))
			}
			// The discriminators get images from before the generators' step.
			if largest == 0 || !(apart <= 2e-4*largest) {
				t.Errorf("%s %s: gradients differ by %.2g of %.2g", player, name, apart, largest)
			}
		}
	}
}

// Each replica computes on its own device, including gradients. The weights are updated once, on the
// first device. TensorFlow's record of a step shows it.
func TestReplicasArePlaced(t *testing.T) {
	o := sharing(t)
	o.NGF, o.LoadSize, o.CropSize = 16, 68, 64 // with Winograd's form
	trainer, data := openOn(t, o, device{threads: 1, cpus: 2})
	run(t, trainer, data, 1)
	trainer.TraceNext()
	run(t, trainer, data, 2)
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

// A checkpoint of one process can be restored by replicas, and the other way round.
func TestCheckpointMovesBetweenReplicas(t *testing.T) {
	o := sharing(t)
	one, data := openOn(t, o, device{threads: 1})
	run(t, one, data, 2)
	kept, err := one.Checkpoint(data)
	if err != nil {
		t.Fatal(err)
	}
	want := run(t, one, data, 3)
	two, data := openOn(t, o, device{threads: 1, cpus: 2})
	if err := two.Restore(kept); err != nil {
		t.Fatal(err)
	}
	got := run(t, two, data, 3)
	for i, term := range want[0].Terms() {
		if value := got[0].Terms()[i].Value; !(math.Abs(value-term.Value) <= 1e-5*math.Abs(term.Value)) {
			t.Errorf("step 3, %s: %g, one process %g", term.Name, value, term.Value)
		}
	}
	again, err := two.Checkpoint(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Tensors) != len(kept.Tensors) || again.Step != 3 {
		t.Errorf("%d tensors at step %d, were %d", len(again.Tensors), again.Step, len(kept.Tensors))
	}
	if err := one.Restore(again); err != nil {
		t.Error(err)
	}
}

// BatchNorm's running statistics are updated with replicas.
func TestReplicasWithBatchNorm(t *testing.T) {
	o := sharing(t)
	o.Norm, o.EMA = "batch", 0
	trainer, data := openOn(t, o, device{threads: 1, cpus: 2})
	before, err := trainer.graph.Networks[2].Weights.Save(trainer.session)
	if err != nil {
		t.Fatal(err)
	}
	run(t, trainer, data, 2)
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
}
