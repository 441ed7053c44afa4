package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cyclegan/cmd/internal/cli"
	"cyclegan/train"
)

const about = `Train a CycleGAN. Without options it learns built-in scenes in a few minutes.

  %[1]s
  %[1]s -dataroot DIR -name NAME [-preset fast|paper|yosemite] [options]
  %[1]s -name NAME -continue_train
  %[1]s -check -dataroot DIR
  %[1]s -worker 10.0.0.2:7000          (on each of several machines)
  %[1]s -workers 10.0.0.2:7000,10.0.0.3:7000 -batch_size 2 [options]

Defaults are those of preset %[2]s. Without -preset it is demo without data, and fast with data; with
-model, -netG, -netD or an option name of 2018 it is paper. Frequencies count images of each domain.
Exit status: 0 done, 1 failed, 2 wrong usage, 3 -check found unreadable images,
130 interrupted after saving.`

// runFlags are the options that are not kept with a run.
type runFlags struct {
	resume     bool
	epoch      string
	loadIter   int64
	epochCount int
	verbose    bool
	suffix     string
	check      bool
	json       bool
	profile    bool
	worker     string
}

// validate reports wrong values, and options that need another one.
func (r *runFlags) validate() error {
	if r.json && !r.check {
		return errors.New("-json is the output format of -check; add -check")
	}
	if r.resume {
		n, err := strconv.Atoi(r.epoch)
		switch {
		case r.loadIter < 0:
			return fmt.Errorf("-load_iter %d is negative", r.loadIter)
		case r.epoch != "latest" && r.epoch != "best" && (err != nil || n < 1):
			return fmt.Errorf("-epoch %q is not latest, best or the number of an epoch", r.epoch)
		}
		return nil
	}
	for _, o := range []struct {
		name string
		set  bool
	}{{"epoch", r.epoch != "latest"}, {"load_iter", r.loadIter != 0}, {"epoch_count", r.epochCount != 1}} {
		if o.set {
			return fmt.Errorf("-%s says where to resume a run; add -continue_train and -name", o.name)
		}
	}
	return nil
}

// flags returns all options: those of the run, which change o, those of this command, and those of
// the official implementation that mean nothing here.
func (c *config) flags(o *train.Options) *cli.Flags {
	c.notes = nil
	f := cli.NewFlags("train", fmt.Sprintf(about, cli.Program("train"), o.Preset))
	f.Group("Run", "name", "preset", "continue_train", "epoch", "load_iter", "epoch_count", "checkpoints_dir", "suffix", "verbose", "profile")
	f.Group("Images", "dataroot", "dir_A", "dir_B", "test_dir_A", "test_dir_B", "phase", "direction", "scenes", "input_nc", "output_nc", "window",
		"preprocess", "load_size", "crop_size", "no_flip", "serial_batches", "max_dataset_size", "batch_size", "num_threads", "data_memory", "check", "json")
	f.Group("Networks", "netG", "netD", "n_layers_D", "ngf", "ndf", "norm", "norm_D", "upsampling", "residual", "no_dropout",
		"init_type", "init_gain", "init_G_AB", "init_G_BA", "init_D_A", "init_D_B")
	f.Group("Losses", "gan_mode", "lambda_A", "lambda_B", "lambda_identity", "lambda_D", "lambda_other", "lambda_gp", "pool_size", "step_order")
	f.Group("Optimization", "lr", "lr_D", "beta1", "beta2", "warmup_D", "lr_policy", "lr_decay_iters", "n_epochs", "n_epochs_decay",
		"n_steps", "n_steps_decay", "max_steps", "max_minutes", "ema", "seed")
	f.Group("Machines", "gpu_ids", "threads", "precision", "conv", "workers", "worker")
	f.Group("Log, samples and checkpoints", "print_freq", "display_freq", "save_latest_freq", "save_epoch_freq", "save_by_iter", "keep_last")
	f.Group("Evaluation on held-out images", "eval_every", "eval_count", "best_by", "patience",
		"features", "features_range", "features_output", "features_layout", "features_bgr")
	for _, g := range official {
		f.Brief("Official options: "+g.note, g.names...)
		for _, name := range g.names {
			c.bindOfficial(f.FlagSet, g, name)
		}
	}
	f.BoolVar(&c.resume, "continue_train", false, "resume the run called -name, with its options, from its latest checkpoint")
	f.StringVar(&c.epoch, "epoch", "latest", "with -continue_train, resume from the checkpoint kept at the end of epoch `N`, or from the best")
	f.Int64Var(&c.loadIter, "load_iter", 0, "with -continue_train, resume from the checkpoint that -save_by_iter kept after `N` images")
	f.IntVar(&c.epochCount, "epoch_count", 1, "with -continue_train, fail unless the run resumes in epoch `N`, which the checkpoint knows")
	f.BoolVar(&c.check, "check", false, "inspect every image that would be trained on, and stop")
	f.BoolVar(&c.json, "json", false, "with -check, print the findings as JSON")
	f.StringVar(&c.worker, "worker", "", "serve a share of other runs at `ADDRESS` of this machine, such as 10.0.0.2:7000, until Ctrl-C; only -threads and -gpu_ids apply. Whoever reaches the address can run any program here: keep it on a private network")
	f.BoolVar(&c.profile, "profile", false, "record one of the first steps: print where its time goes, and write profile.json for ui.perfetto.dev or chrome://tracing")
	f.BoolVar(&c.verbose, "verbose", false, "print the layers of the networks; with -check, print all files")
	f.StringVar(&c.suffix, "suffix", "", "append `TEXT` to the name, with options in braces replaced by their values: {netG}_size{load_size}")
	o.Bind(f.FlagSet)
	f.OldNames()
	return f
}

// officialGroup is a group of options of the official train.py that mean nothing here.
type officialGroup struct {
	note  string
	names []string
	// value is the only accepted value of the options; "" rejects the options, and "*" accepts all
	// values with a note.
	value string
}

var official = []officialGroup{
	{"only cycle_gan is supported; to convert images (-model test) use the infer command", []string{"model"}, "cycle_gan"},
	{"only unaligned is supported, because CycleGAN learns from unaligned images", []string{"dataset_mode"}, "unaligned"},
	{"no effect; open report.html in the run's folder, or its folder events in TensorBoard", []string{
		"display_id", "display_server", "display_port", "display_env", "display_ncols", "display_winsize",
		"use_wandb", "wandb_project_name", "update_html_freq", "no_html"}, "*"},
	{"rejected, because they belong to test.py, whose work the infer command does", []string{
		"results_dir", "aspect_ratio", "num_test", "model_suffix", "ntest", "eval"}, ""},
}

func (c *config) bindOfficial(f *flag.FlagSet, g officialGroup, name string) {
	store := func(value string) error {
		seen := func(note string) bool { return strings.HasSuffix(note, g.note) }
		switch {
		case value == g.value, g.value == "*" && slices.ContainsFunc(c.notes, seen):
			return nil
		case g.value == "*":
			c.notes = append(c.notes, fmt.Sprintf("-%s: %s", name, g.note))
			return nil
		}
		return errors.New(g.note)
	}
	switch name {
	case "use_wandb", "no_html", "eval": // have no value
		f.BoolFunc(name, g.note, store)
	default:
		f.Func(name, g.note, store)
	}
}
