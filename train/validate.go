package train

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
)

// Validate lists every option that has no valid value, with that value. It
// looks at no file.
func (o Options) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	word := func(name, value string, valid ...string) {
		check(slices.Contains(valid, value), "-%s %q is none of %s", name, value, strings.Join(valid, ", "))
	}
	check(o.Name != "" && filepath.IsLocal(o.Name), "-name %q can't be the name of a folder", o.Name)
	word("gan_mode", o.GANMode, LSGAN, Vanilla, WGANGP)
	word("step_order", o.StepOrder, GFirst, DFirst)
	word("lr_policy", o.LRPolicy, PolicyLinear, PolicyStep, PolicyPlateau, PolicyCosine)
	word("precision", o.Precision, F32, BF16)
	word("conv", o.Conv, ConvWinograd, ConvDirect)
	if o.BestBy != "" {
		word("best_by", o.BestBy, BestByTrue, BestBySWD, BestByKID, BestByFID)
	}
	check(o.BestBy != BestByTrue || o.scenes(), "-best_by %s needs the true counterparts of pictures, which only the built-in scenes have; use SWD", BestByTrue)
	check((o.BestBy != BestByKID && o.BestBy != BestByFID) || o.Features != "", "-best_by %s needs a feature extractor: name one with -features", o.BestBy)
	check(o.StepOrder != DFirst || o.PoolSize == 0, "-step_order D_first judges the step's own pictures, so -pool_size must be 0, not %d", o.PoolSize)
	check(!(o.LambdaGP > 0) || o.GANMode == WGANGP, "-lambda_gp %g is the weight of the gradient penalty that belongs to -gan_mode wgangp; leave it at 0 with -gan_mode %s", o.LambdaGP, o.GANMode)
	o.checkReplicas(check)
	check(o.LambdaIdentity == 0 || o.InputNC == o.OutputNC, "-lambda_identity %g compares pictures of %d and %d channels; set it to 0 or make -input_nc and -output_nc equal", o.LambdaIdentity, o.InputNC, o.OutputNC)
	for _, c := range []struct {
		name  string
		value float64
		ok    bool
		want  string
	}{
		{"scenes", float64(o.Scenes), o.Scenes >= 1, "at least 1"},
		{"data_memory", float64(o.DataMemoryMB), o.DataMemoryMB >= 0, "0 or more"},
		{"ngf", float64(o.NGF), o.NGF >= 1, "at least 1"},
		{"ndf", float64(o.NDF), o.NDF >= 1, "at least 1"},
		{"threads", float64(o.Threads), o.Threads >= 0, "0 or more"},
		{"pool_size", float64(o.PoolSize), o.PoolSize >= 0, "0 or more"},
		{"lambda_A", o.LambdaA, o.LambdaA >= 0, "0 or more"},
		{"lambda_B", o.LambdaB, o.LambdaB >= 0, "0 or more"},
		{"lambda_identity", o.LambdaIdentity, o.LambdaIdentity >= 0, "0 or more"},
		{"lambda_D", o.LambdaD, o.LambdaD > 0, "above 0"},
		{"lambda_gp", o.LambdaGP, o.LambdaGP >= 0, "0 or more"},
		{"lr", o.LR, o.LR > 0, "above 0"},
		{"lr_D", o.LRD, o.LRD >= 0, "0 or more"},
		{"beta1", o.Beta1, o.Beta1 >= 0 && o.Beta1 < 1, "in [0, 1)"},
		{"ema", o.EMA, o.EMA >= 0 && o.EMA < 1, "in [0, 1)"},
		{"init_gain", o.InitGain, o.InitGain > 0, "above 0"},
		{"n_epochs", float64(o.NEpochs), o.NEpochs >= 0, "0 or more"},
		{"n_epochs_decay", float64(o.NEpochsDecay), o.NEpochsDecay >= 0, "0 or more"},
		{"lr_decay_iters", float64(o.LRDecayIters), o.LRDecayIters >= 1, "at least 1"},
		{"max_steps", float64(o.MaxSteps), o.MaxSteps >= 0, "0 or more"},
		{"print_freq", float64(o.PrintFreq), o.PrintFreq >= 1, "at least 1"},
		{"display_freq", float64(o.DisplayFreq), o.DisplayFreq >= 1, "at least 1"},
		{"save_latest_freq", float64(o.SaveLatestFreq), o.SaveLatestFreq >= 1, "at least 1"},
		{"save_epoch_freq", float64(o.SaveEpochFreq), o.SaveEpochFreq >= 0, "0 or more"},
		{"keep_last", float64(o.KeepLast), o.KeepLast >= 1, "at least 1"},
		{"eval_every", float64(o.EvalEvery), o.EvalEvery >= 0, "0 or more"},
		{"eval_count", float64(o.EvalCount), o.EvalCount >= 2, "at least 2"},
	} {
		check(c.ok, "-%s is %g, it must be %s", c.name, c.value, c.want)
	}
	check(o.NEpochs+o.NEpochsDecay >= 1, "-n_epochs and -n_epochs_decay are both 0: there is nothing to train")
	if len(errs) > 0 {
		// What follows would say the same of options under other names.
		o = o.sane()
	}
	errs = append(errs, o.Generator(true).Validate(), o.Generator(false).Validate(),
		o.Discriminator(true).Validate(), o.Discriminator(false).Validate(), o.Dataset().Validate())
	return errors.Join(dedupe(errs)...)
}

// sane puts valid numbers for those that are checked by this package's names.
func (o Options) sane() Options {
	o.Scenes, o.DataMemoryMB = max(o.Scenes, 1), max(o.DataMemoryMB, 0)
	o.NGF, o.NDF = max(o.NGF, 1), max(o.NDF, 1)
	return o
}

// dedupe flattens joined errors and drops repeated texts: what is wrong with
// one generator is wrong with the other.
func dedupe(errs []error) []error {
	seen := map[string]bool{}
	var out []error
	var add func(error)
	add = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				add(e)
			}
			return
		}
		if err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			out = append(out, err)
		}
	}
	for _, err := range errs {
		add(err)
	}
	return out
}

// checkReplicas checks what shares a batch.
func (o Options) checkReplicas(check func(ok bool, format string, args ...any)) {
	workers, gpus := o.WorkerList(), o.gpuList()
	for i, address := range workers {
		host, port, err := net.SplitHostPort(address)
		check(err == nil && host != "" && port != "", "-workers: %q is no address such as host1:7000", address)
		check(!slices.Contains(workers[:i], address), "-workers names %s twice", address)
	}
	for i, id := range gpus {
		check(!slices.Contains(gpus[:i], id), "-gpu_ids names %s twice", id)
	}
	check(len(workers) == 0 || len(gpus) == 0, "-gpu_ids %s and -workers %s: the GPUs of a worker are chosen where it is started", o.GPUIDs, o.Workers)
	if n := max(len(workers), len(gpus)); n > 1 {
		check(o.BatchSize%n == 0, "-batch_size %d can't be shared equally by %d: it counts the pictures of all of them, so make it a multiple of %d", o.BatchSize, n, n)
	}
}
