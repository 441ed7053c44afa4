package train

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"cyclegan/graph"
	"cyclegan/infer/pixels"
)

// Validate reports every option without a valid value. It does not look at files.
//
// A valid tag of an option is a list of words, as in "f32|bf16", a limit, as in ">=1" or ">0", or
// the interval "[0,1)".
func (o Options) Validate() error {
	errs := o.checkTags()
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(o.Name != "" && filepath.IsLocal(o.Name) && filepath.Clean(o.Name) != ".", "-name %q is not a valid folder name", o.Name)
	_, _, err := pixels.ParseWindows(o.Window)
	check(err == nil, "-window: %v", err)
	builtIn := o.Dataroot == "" && o.DirA == "" && o.DirB == ""
	check(o.BestBy != "true_PSNR" || builtIn, "-best_by true_PSNR needs the true translations, which only the built-in scenes have. Fix: use -best_by SWD")
	check((o.BestBy != "KID" && o.BestBy != "FID") || o.Features != "" && o.Features != "none", "-best_by %s needs a feature extractor. Fix: omit -features none", o.BestBy)
	check(o.StepOrder != DFirst || o.PoolSize == 0, "-step_order D_first uses the step's own images, so -pool_size must be 0, not %d", o.PoolSize)
	check(!(o.LambdaGP > 0) || o.GANMode == WGANGP, "-lambda_gp %g is the gradient penalty of -gan_mode wgangp; -gan_mode %s needs -lambda_gp 0", o.LambdaGP, o.GANMode)
	check(o.LambdaOther == 0 || o.InputNC == o.OutputNC, "-lambda_other %g shows each discriminator images of the other domain, so -input_nc and -output_nc must be equal", o.LambdaOther)
	check(!(o.LambdaGP > 0) || o.NetD != graph.Projected, "-lambda_gp %g needs second derivatives, which -netD projected does not have. Fix: use -lambda_gp 0", o.LambdaGP)
	check(o.WarmupD <= 0 || o.StepOrder == GFirst, "-warmup_D %d needs -step_order G_first: with D_first the discriminators see only the step's own translated images", o.WarmupD)
	check(o.WarmupD <= 0 || o.InputNC == o.OutputNC, "-warmup_D %d shows each discriminator images of the other domain, so -input_nc and -output_nc must be equal, not %d and %d", o.WarmupD, o.InputNC, o.OutputNC)
	check(o.LambdaIdentity == 0 || o.InputNC == o.OutputNC, "-lambda_identity %g compares images of %d and %d channels. Fix: use -lambda_identity 0, or equal -input_nc and -output_nc", o.LambdaIdentity, o.InputNC, o.OutputNC)
	check(o.NEpochs+o.NEpochsDecay >= 1 || o.InSteps(), "-n_epochs and -n_epochs_decay are both 0, so there is nothing to train")
	check(!o.InSteps() || o.LRPolicy == PolicyLinear || o.LRPolicy == PolicyCosine, "-lr_policy %s counts epochs. Fix: omit -n_steps and -n_steps_decay, or use -lr_policy linear", o.LRPolicy)
	check(o.Patience <= 0 || o.EvalEvery > 0, "-patience %d counts evaluations, and -eval_every 0 turns them off. Fix: use -patience 0", o.Patience)
	o.checkReplicas(check)
	if len(errs) > 0 {
		// Valid numbers keep the checks below from reporting these options under other names.
		o.Scenes, o.DataMemoryMB = max(o.Scenes, 1), max(o.DataMemoryMB, 0)
		o.NGF, o.NDF = max(o.NGF, 1), max(o.NDF, 1)
	}
	return unique(append(errs, o.Generator(true).Validate(), o.Generator(false).Validate(),
		o.Discriminator(true).Validate(), o.Discriminator(false).Validate(), o.Dataset().Validate()))
}

func (o Options) checkTags() (errs []error) {
	for field, value := range reflect.ValueOf(o).Fields() {
		name, valid := field.Tag.Get("json"), field.Tag.Get("valid")
		if valid == "" {
			continue
		}
		if value.Kind() == reflect.String {
			if words := strings.Split(valid, "|"); !slices.Contains(words, value.String()) {
				errs = append(errs, fmt.Errorf("-%s %q is not one of %s", name, value, strings.TrimPrefix(strings.Join(words, ", "), ", ")))
			}
			continue
		}
		v := 0.0
		if value.CanFloat() {
			v = value.Float()
		} else {
			v = float64(value.Int())
		}
		var ok bool
		var limit float64
		if valid == "[0,1)" {
			ok, valid = v >= 0 && v < 1, "at least 0 and below 1"
		} else if n, _ := fmt.Sscanf(valid, ">=%g", &limit); n == 1 {
			ok, valid = v >= limit, fmt.Sprintf("%g or more", limit)
		} else if n, _ := fmt.Sscanf(valid, ">%g", &limit); n == 1 {
			ok, valid = v > limit, fmt.Sprintf("above %g", limit)
		}
		if !ok {
			errs = append(errs, fmt.Errorf("-%s is %g, but it must be %s", name, v, valid))
		}
	}
	return errs
}

// unique joins errors and drops repeated lines: both generators have the same problems.
func unique(errs []error) error {
	joined := errors.Join(errs...)
	if joined == nil {
		return nil
	}
	var lines []string
	for line := range strings.SplitSeq(joined.Error(), "\n") {
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return errors.New(strings.Join(lines, "\n"))
}

func (o Options) checkReplicas(check func(ok bool, format string, args ...any)) {
	workers, gpus := o.WorkerList(), o.gpuList()
	for i, address := range workers {
		host, port, err := net.SplitHostPort(address)
		check(err == nil && host != "" && port != "", "-workers: %q is not an address such as host1:7000", address)
		check(!slices.Contains(workers[:i], address), "-workers names %s twice", address)
	}
	for i, id := range gpus {
		check(!slices.Contains(gpus[:i], id), "-gpu_ids names %s twice", id)
	}
	check(len(workers) == 0 || len(gpus) == 0, "-gpu_ids %s cannot be used with -workers %s. Fix: choose the GPUs of a worker where it is started", o.GPUIDs, o.Workers)
	if n := max(len(workers), len(gpus)); n > 1 {
		check(o.BatchSize%n == 0, "-batch_size %d cannot be shared equally by %d: it counts the images of all of them. Fix: use a multiple of %d", o.BatchSize, n, n)
	}
}
