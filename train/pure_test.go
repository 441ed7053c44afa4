package train

import (
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cyclegan/graph"
)

func TestPresetsAreValid(t *testing.T) {
	for _, name := range Presets {
		o, err := Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if o.Preset != name {
			t.Errorf("preset %s has the name %s", name, o.Preset)
		}
	}
	if _, err := Preset("best"); err == nil {
		t.Error("an unknown preset was accepted")
	}
}

func TestValidateListsEveryProblem(t *testing.T) {
	o := paper()
	o.Name, o.GANMode, o.LRPolicy, o.Precision = "../x", "logistic", "cubic", "f8"
	o.StepOrder, o.BatchSize, o.LR, o.EMA, o.NetG, o.NGF = DFirst, 0, -1, 1, "resnet_0blocks", 0
	o.OutputNC = 1
	err := o.Validate()
	if err == nil {
		t.Fatal("invalid options were accepted")
	}
	for _, word := range []string{`"../x"`, `"logistic"`, `"cubic"`, `"f8"`, "-pool_size must be 0", "batch_size 0", "-lr is -1", "-ema is 1", "resnet_0blocks", "-ngf is 0", "3 and 1 channels"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not mention %s:\n%v", word, err)
		}
	}
	if n := strings.Count(err.Error(), "resnet_0blocks"); n != 1 {
		t.Errorf("the wrong architecture is reported %d times, want once", n)
	}
}

func TestPyramidNeedsItsSizes(t *testing.T) {
	o := paper()
	o.NetG, o.CropSize = "pyramid", 128
	o.Residual, o.Upsampling = true, "resize" // which a pyramid ignores
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
	o.CropSize, o.NGF, o.OutputNC, o.LambdaIdentity = 96, 30, 1, 0
	err := o.Validate()
	for _, word := range []string{"power of 2 of pixels, not 96", "30 filters", "as many output channels"} {
		if err == nil || strings.Count(err.Error(), word) != 1 {
			t.Errorf("the error does not mention %q once: %v", word, err)
		}
	}
}

func TestOptionsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "options.json")
	want := paper()
	want.Dataroot, want.Seed, want.MaxSteps = "pictures of summer", math.MaxUint64, 1<<40
	if err := want.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := LoadOptions(path)
	if err != nil || got != want {
		t.Errorf("read %+v, %v; wrote %+v", got, err, want)
	}
	// An option that the file does not have is the preset's: an older version had fewer options. It
	// used all values of 16-bit images.
	yosemite, err := Preset("yosemite")
	if err != nil {
		t.Fatal(err)
	}
	yosemite.NGF, yosemite.Window = 8, "0,65535"
	for text, want := range map[string]struct {
		options Options
		err     string
	}{
		`{"preset": "yosemite", "ngf": 8}`:       {yosemite, ""},
		`{"preset": "paper", "lambda_C": 3}`:     {Options{}, "lambda_C"},
		`{"ngf": 8}`:                             {Options{}, `-preset ""`},
		`{"preset": "yosemite", "ngf": "eight"}`: {Options{}, "ngf"},
		`{`:                                      {Options{}, "options.json"},
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := LoadOptions(path)
		if want.err == "" && (err != nil || got != want.options) {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
		if want.err != "" && (err == nil || !strings.Contains(err.Error(), want.err)) {
			t.Errorf("%s: error %v, want one with %s", text, err, want.err)
		}
	}
}

func TestEveryOptionIsAFlag(t *testing.T) {
	o := paper()
	fs := flag.NewFlagSet("t", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	o.Bind(fs)
	if err := fs.Parse([]string{"--ngf", "32", "-lambda_A=5.5", "--no_flip", "-no_dropout=false", "-seed", "7", "-max_steps", "9", "--netG=unet_256"}); err != nil {
		t.Fatal(err)
	}
	if o.NGF != 32 || o.LambdaA != 5.5 || !o.NoFlip || o.NoDropout || o.Seed != 7 || o.MaxSteps != 9 || o.NetG != "unet_256" {
		t.Errorf("parsed %+v", o)
	}
	fs.VisitAll(func(f *flag.Flag) {
		if f.Usage == "" {
			t.Errorf("-%s has no usage", f.Name)
		}
	})
}

func TestCheckResume(t *testing.T) {
	saved := paper()
	o := saved
	o.LR, o.NEpochs, o.MaxSteps, o.Precision = 1e-4, 200, 5, BF16
	if err := o.CheckResume(saved); err != nil {
		t.Errorf("more epochs with another learning rate: %v", err)
	}
	o.NGF, o.Seed = 32, 9
	err := o.CheckResume(saved)
	if err == nil || !strings.Contains(err.Error(), "-ngf is 32") || !strings.Contains(err.Error(), "started with 64") || !strings.Contains(err.Error(), "-seed") {
		t.Errorf("another network: error %v", err)
	}
}

// The official schedule is constant for n_epochs, then linear; the last epoch's rate is above zero.
func TestSchedule(t *testing.T) {
	o := paper()
	for epoch, want := range map[int]float64{1: 2e-4, 100: 2e-4, 101: 2e-4 * (1 - 1./101), 150: 2e-4 * (1 - 50./101), 200: 2e-4 / 101} {
		if g, d := o.LearningRates(epoch); math.Abs(g-want) > 1e-18 || g != d {
			t.Errorf("linear, epoch %d: %g and %g, want %g", epoch, g, d, want)
		}
	}
	o.LRD = 6e-4
	if g, d := o.LearningRates(1); g != 2e-4 || d != 6e-4 {
		t.Errorf("lr_D: %g and %g", g, d)
	}
	o = paper()
	o.LRPolicy = PolicyStep
	for epoch, want := range map[int]float64{1: 2e-4, 50: 2e-4, 51: 2e-5, 101: 2e-6} {
		if g, _ := o.LearningRates(epoch); math.Abs(g-want) > 1e-18 {
			t.Errorf("step, epoch %d: %g, want %g", epoch, g, want)
		}
	}
	o.LRPolicy = PolicyPlateau
	for epoch, want := range map[int]float64{1: 2e-4, 7: 2e-4, 8: 4e-5, 13: 4e-5, 14: 8e-6} {
		if g, _ := o.LearningRates(epoch); math.Abs(g-want) > 1e-18 {
			t.Errorf("plateau, epoch %d: %g, want %g", epoch, g, want)
		}
	}
	o.LRPolicy = PolicyCosine
	for epoch, want := range map[int]float64{1: 2e-4, 51: 1e-4, 101: 0} {
		if g, _ := o.LearningRates(epoch); math.Abs(g-want) > 1e-18 {
			t.Errorf("cosine, epoch %d: %g, want %g", epoch, g, want)
		}
	}
}

// The paper's step at 256 pixels is 6 + 3 passes of 49.55 G and 8 of 3.15 G multiply-accumulates in
// each direction. Two threads need some eight seconds, and 200 epochs of photographs weeks.
func TestStepMACs(t *testing.T) {
	o, shape := paper(), graph.Shape{H: 256, W: 256, C: 3}
	macs, err := o.StepMACs(shape, shape)
	if want := 2 * (9*49.55e9 + 8*3.15e9); err != nil || math.Abs(float64(macs)/want-1) > 0.01 {
		t.Errorf("%.4g, %v; want %.4g", float64(macs), err, want)
	}
	if got := o.roughStep(shape, shape, 2); got < 6*time.Second || got > 10*time.Second {
		t.Errorf("a step takes roughly %v", got)
	}
	o.LambdaIdentity, o.BatchSize = 0, 4
	more, err := o.StepMACs(shape, shape)
	if want := 4 * 2 * (6*49.55e9 + 8*3.15e9); err != nil || math.Abs(float64(more)/want-1) > 0.01 {
		t.Errorf("batch of 4 without identity loss: %.4g, %v; want %.4g", float64(more), err, want)
	}
	if got := o.roughStep(graph.Shape{H: 1, W: 1, C: 3}, shape, 2); got != 0 {
		t.Errorf("an impossible step takes %v", got)
	}
}

// A schedule in steps has the formula of epochs, and replaces it.
func TestScheduleInSteps(t *testing.T) {
	o := paper()
	o.NSteps, o.NStepsDecay = 150, 150
	if got := o.StepsOf(1231); got != 300 {
		t.Errorf("%d steps, want 300", got)
	}
	for step, want := range map[int]float64{1: 2e-4, 150: 2e-4, 151: 2e-4 * (1 - 1./151), 225: 2e-4 * (1 - 75./151), 300: 2e-4 / 151} {
		if g, _ := o.LearningRates(place{step: int64(step - 1), batches: 1231}.at(o)); math.Abs(g-want) > 1e-18 {
			t.Errorf("step %d: %g, want %g", step, g, want)
		}
	}
	o.NSteps = 0
	if g, _ := o.LearningRates(1); math.Abs(g-2e-4*150/151) > 1e-18 || o.StepsOf(1231) != 150 {
		t.Errorf("without constant steps: rate %g in step 1 of %d", g, o.StepsOf(1231))
	}
	o.MaxSteps = 40
	if got := o.StepsOf(1231); got != 40 {
		t.Errorf("with max_steps 40: %d steps", got)
	}
	o.NEpochs, o.NEpochsDecay = 0, 0
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
	o.LRPolicy, o.Patience, o.EvalEvery, o.MaxMinutes = PolicyPlateau, 2, 0, -1
	err := o.Validate()
	for _, word := range []string{"-lr_policy plateau counts epochs", "-patience 2 counts evaluations", "-max_minutes is -1"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not mention %s: %v", word, err)
		}
	}
}

// Learning rates in epochs do not depend on how a step's place is counted.
func TestScheduledEpoch(t *testing.T) {
	o := paper()
	for _, batches := range []int{1, 3, 7, 962, 1231} {
		for step := range 20 * batches {
			if got, want := (place{used: int64(step), batches: batches}).at(o), step/batches+1; got != want {
				t.Fatalf("step %d of %d batches: epoch %d, want %d", step, batches, got, want)
			}
		}
	}
}

func TestStepsOf(t *testing.T) {
	o := paper()
	if got := o.StepsOf(1231); got != 246200 {
		t.Errorf("200 epochs of 1231: %d steps", got)
	}
	o.MaxSteps = 2000
	if got := o.StepsOf(1231); got != 2000 {
		t.Errorf("with max_steps 2000: %d steps", got)
	}
}

func TestImagePool(t *testing.T) {
	p := imagePool{capacity: 4}
	next := float32(0)
	exchange := func(n int) (in, out []float32) {
		for range n {
			in = append(in, next, -next)
			next++
		}
		out = append([]float32(nil), in...)
		p.exchange(out, n, randomStream(1, "pool", int64(next)))
		return in, out
	}
	// While the pool fills, images pass through.
	in, out := exchange(4)
	for i := range in {
		if in[i] != out[i] {
			t.Fatalf("while the pool fills, %v became %v", in, out)
		}
	}
	given := map[float32]bool{}
	swapped := 0
	const batches, batch = 2000, 3
	for range batches {
		in, out := exchange(batch)
		for i := 0; i < len(in); i += 2 {
			if out[i+1] != -out[i] {
				t.Fatalf("images are mixed up: %v", out)
			}
			if out[i] != in[i] {
				swapped++
				if given[out[i]] {
					t.Fatalf("image %v was returned twice", out[i])
				}
				given[out[i]] = true
			}
		}
	}
	if share := float64(swapped) / (batches * batch); math.Abs(share-0.5) > 0.03 {
		t.Errorf("%.3f of the images were swapped, want half", share)
	}
	if len(p.images) != 4 {
		t.Errorf("the pool holds %d images, want 4", len(p.images))
	}
	none := imagePool{}
	one := []float32{1}
	none.exchange(one, 1, randomStream(1, "pool", 0))
	if one[0] != 1 || len(none.images) != 0 {
		t.Error("a pool of size 0 has an effect")
	}
}

func TestRandomStreamsDiffer(t *testing.T) {
	seen := map[uint64]string{}
	for _, seed := range []uint64{0, 1} {
		for _, purpose := range []string{"", "a", "b"} {
			for _, index := range []int64{0, 1, 256} {
				v := randomStream(seed, purpose, index).Uint64()
				if v != randomStream(seed, purpose, index).Uint64() {
					t.Error("a stream is not reproducible")
				}
				if other, ok := seen[v]; ok {
					t.Errorf("seed %d, %q, %d draws the same as %s", seed, purpose, index, other)
				}
				seen[v] = purpose
			}
		}
	}
}

func TestNotFinite(t *testing.T) {
	l := Losses{GAB: 1, CycleB: math.Inf(1), DA: math.NaN()}
	err := l.checkFinite(17)
	if err == nil || !strings.Contains(err.Error(), "cycle_B") || !strings.Contains(err.Error(), "step 17") {
		t.Errorf("error %v, want the first bad term and the step", err)
	}
	if err := (Losses{GAB: -3}).checkFinite(1); err != nil {
		t.Error(err)
	}
}
