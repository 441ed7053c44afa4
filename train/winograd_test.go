//go:build tensorflow

package train

import (
	"math"
	"testing"
)

// wide is a run with residual blocks that are wide enough for Winograd's form.
func wide(t *testing.T) Options {
	o := tiny(t)
	o.NGF, o.LoadSize, o.CropSize = 16, 68, 64 // 64 channels of 16x16
	return o
}

// Training in Winograd's form follows the direct form: the first step is equal up to rounding, and
// later ones as far as Adam lets rounding grow. Adam's first step takes only the sign of each
// gradient.
func TestWinogradTrainsAsDirect(t *testing.T) {
	for _, o := range []Options{wide(t), pyramid(t)} {
		t.Run(o.NetG, func(t *testing.T) { checkWinograd(t, o) })
	}
}

func checkWinograd(t *testing.T, o Options) {
	var all [2][]Losses
	for i, conv := range []string{ConvDirect, ConvWinograd} {
		o.Conv = conv
		trainer, data := open(t, o)
		if used := trainer.opts.winogradOn(trainer.device); used != (conv == ConvWinograd) {
			t.Fatalf("-conv %s: Winograd's form %v", conv, used)
		}
		all[i] = run(t, trainer, data, 2)
	}
	for step := range all[0] {
		tolerance := []float64{1e-6, 1e-3}[step]
		direct, winograd := all[0][step], all[1][step]
		largest := 0.0
		for i, term := range direct.Terms() {
			got := winograd.Terms()[i].Value
			difference := math.Abs(got-term.Value) / math.Abs(term.Value)
			largest = max(largest, difference)
			if !(difference < tolerance) {
				t.Errorf("step %d, %s: %g, direct %g", step+1, term.Name, got, term.Value)
			}
		}
		t.Logf("step %d: losses differ by at most %.2g", step+1, largest)
	}
}

// Only float32 on a CPU uses the form.
func TestWinogradNeedsCPU(t *testing.T) {
	for _, c := range []struct {
		precision string
		device    device
		want      bool
	}{{F32, device{threads: 1}, true}, {F32, device{workers: []string{"a:1"}}, true}, {F32, device{workers: []string{"a:1"}, withGPUs: true}, false}, {BF16, device{threads: 1}, false}, {F32, device{gpus: []string{"0"}}, false}} {
		o := wide(t)
		o.Precision = c.precision
		if got := o.winogradOn(c.device); got != c.want {
			t.Errorf("%s on %v: %v", c.precision, c.device, got)
		}
	}
}
