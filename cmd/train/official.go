package main

import (
	"errors"
	"flag"
	"fmt"
	"strings"
)

// officialOption is an option of the official implementation that is none of
// a run here: it is taken where that is harmless, with a note of what stands
// in its place, and refused with the reason where it would mean something.
type officialOption struct {
	names []string
	flag  bool // takes no value
	// accepts says whether a value is harmless; nil accepts all.
	accepts func(value string) bool
	// note is what stands in its place, or why it is refused.
	note string
}

func only(valid string) func(string) bool { return func(value string) bool { return value == valid } }

func never(string) bool { return false }

var officialOptions = []officialOption{
	{names: []string{"model"}, accepts: only("cycle_gan"), note: "cycle_gan is the model that is trained here; to convert pictures (model test) use go run ./cmd/infer"},
	{names: []string{"dataset_mode"}, accepts: only("unaligned"), note: "CycleGAN learns from unaligned pictures; aligned, single and colorization belong to other models"},
	{names: []string{"display_id", "display_server", "display_port", "display_env", "display_ncols", "display_winsize"},
		note: "there is no display server; open report.html in the run's folder, which is kept up to date, or its events folder in TensorBoard"},
	{names: []string{"use_wandb"}, flag: true, note: "Weights & Biases is not used; open report.html in the run's folder, or its events folder in TensorBoard"},
	{names: []string{"wandb_project_name"}, note: "Weights & Biases is not used; open report.html in the run's folder, or its events folder in TensorBoard"},
	{names: []string{"update_html_freq"}, note: "report.html in the run's folder is always kept up to date; sample sheets are added every -display_freq pictures"},
	{names: []string{"no_html"}, flag: true, note: "report.html in the run's folder is always kept up to date; sample sheets are added every -display_freq pictures"},
	{names: []string{"results_dir", "aspect_ratio", "num_test", "model_suffix", "ntest"}, accepts: never, note: "it is an option of test.py, whose work go run ./cmd/infer does"},
	{names: []string{"eval"}, flag: true, accepts: never, note: "it is an option of test.py, whose work go run ./cmd/infer does"},
}

// bindOfficial adds the official options to fs. Used collects the notes to
// print, once each.
func bindOfficial(fs *flag.FlagSet, used *[]string) {
	for _, o := range officialOptions {
		for _, name := range o.names {
			store := func(value string) error {
				if o.accepts != nil && !o.accepts(value) {
					return fmt.Errorf("%s", o.note)
				}
				note := fmt.Sprintf("-%s: %s", name, o.note)
				if o.accepts == nil && !strings.Contains(strings.Join(*used, "\n"), o.note) {
					*used = append(*used, note)
				}
				return nil
			}
			usage := "official option: " + o.note
			if o.flag {
				fs.BoolFunc(name, usage, store)
			} else {
				fs.Func(name, usage, store)
			}
		}
	}
}

// runFlags are the options of the official train.py that choose where a run
// starts and what it is called, and are not kept with it.
type runFlags struct {
	resume     bool
	epoch      string
	loadIter   int64
	epochCount int
	verbose    bool
	suffix     string
	check      bool // -check, which is no official option
	json       bool
	profile    bool // -profile, neither
	worker     string
}

func (r *runFlags) bind(fs *flag.FlagSet) {
	fs.BoolVar(&r.resume, "continue_train", false, "go on with the run called name, with its options and from its newest checkpoint")
	fs.StringVar(&r.epoch, "epoch", "latest", "with continue_train: go on from the checkpoint kept at the end of this epoch, or from the best")
	fs.Int64Var(&r.loadIter, "load_iter", 0, "with continue_train: go on from the checkpoint that save_by_iter kept after so many pictures")
	fs.IntVar(&r.epochCount, "epoch_count", 1, "with continue_train: the epoch that the run is expected to go on in; it is known from the checkpoint")
	fs.BoolVar(&r.check, "check", false, "look at the pictures that would be trained on, every one of them, and stop")
	fs.BoolVar(&r.json, "json", false, "with check: print what was found as JSON")
	fs.StringVar(&r.worker, "worker", "", "serve a share of others' trainings at this address of this machine, as 10.0.0.2:7000, until Ctrl-C; only threads and gpu_ids count beside it. Who reaches the address can run anything here: keep it on a private network")
	fs.BoolVar(&r.profile, "profile", false, "have TensorFlow record one of the first steps: where its time goes is printed, and profile.json in the run's folder opens in ui.perfetto.dev or chrome://tracing")
	fs.BoolVar(&r.verbose, "verbose", false, "print the networks, layer by layer")
	fs.StringVar(&r.suffix, "suffix", "", "added to name, with options in braces replaced by their values: {netG}_size{load_size}")
}

// validate refuses what makes no sense without another option.
func (r *runFlags) validate() error {
	if r.json && !r.check {
		return errors.New("-json is how -check prints; add -check")
	}
	if r.resume {
		return nil
	}
	for _, c := range []struct {
		name string
		set  bool
	}{{"epoch", r.epoch != "latest"}, {"load_iter", r.loadIter != 0}, {"epoch_count", r.epochCount != 1}} {
		if c.set {
			return fmt.Errorf("-%s says where a run goes on; it needs -continue_train and -name", c.name)
		}
	}
	return nil
}
