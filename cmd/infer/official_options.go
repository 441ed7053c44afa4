package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"cyclegan/cmd/internal/modelcli"
)

// place says what became of an option of the official test.py.
type place int

const (
	here    place = iota // works as there
	fixed                // the .onnx file fixes it; one that contradicts it is refused
	idle                 // taken, with nothing to do
	instead              // taken, and told what stands in its place
	refused              // refused with the reason
)

// officialOption is an option that the official test.py takes with cycle_gan or test, or that its users know from train.py.
type officialOption struct {
	name  string
	arg   string // what its value is called; empty for a switch
	value string // the default
	place place
	about string // what it does, what stands in its place, or why it is refused
	check func(string) error
}

const (
	noPage   = "no web page is written: the pictures lie in results_dir"
	noWandb  = "Weights & Biases is not used: -json writes a summary"
	training = "it is an option of train.py, whose work `go run ./cmd/train` does"
)

var officialOptions = []officialOption{
	{"dataroot", "DIR", "", here, "the pictures: DIR/testA and DIR/testB; with -model test one folder of pictures", nil},
	{"name", "RUN", "experiment_name", here, "the run whose generators convert: checkpoints_dir/RUN/G_AB.onnx and G_BA.onnx", nil},
	{"checkpoints_dir", "DIR", "./checkpoints", here, "the folder of all runs", nil},
	{"results_dir", "DIR", "./results/", here, "results_dir/RUN/test_latest gets the folders fake_B (by G_AB) and fake_A (by G_BA): PNG unless -format says otherwise, by the names of the pictures they were made of", nil},
	{"direction", "WORD", "AtoB", here, "AtoB, or BtoA for a run that was trained so, to which testB is A (default: the run's); with -model test the way to convert", word("AtoB", "BtoA")},
	{"model_suffix", "_A", "", here, "with -model test, the generator: _A for G_AB, _B for G_BA (default: G_AB, if -direction is the run's)", word("", "_A", "_B", "_AB", "_BA")},
	{"epoch", "N", "latest", here, "latest, or an epoch that `go run ./cmd/export -name RUN -epoch N -o checkpoints_dir/RUN/epoch_N` has written", checkEpoch},
	{"phase", "WORD", "test", here, "the folders' names begin with it: trainA and trainB with train", checkPhase},
	{"num_test", "N", "50", here, "the most pictures of a folder, in the order of their names", whole(1, 1<<31-1)},
	{"max_dataset_size", "N", "", here, "the same as num_test; the smaller counts", whole(1, 1<<31-1)},
	{"preprocess", "WORD", "resize_and_crop", here, "how pictures are resized before: resize_and_crop, crop, scale_width, scale_width_and_crop, or none, which rounds sides to multiples of 4; crops are the middle, not a random part", word(resizeAndCrop, cropOnly, scaleWidth, scaleWidthAndCrop, none)},
	{"load_size", "PIXELS", "256", here, "the size to resize to", whole(1, modelcli.MaxSide)},
	{"crop_size", "PIXELS", "256", here, "the size to cut out", whole(1, modelcli.MaxSide)},
	{"aspect_ratio", "R", "1.0", here, "results are widened by it, or heightened if it is below 1 (the official code stretches the other side)", checkRatio},
	{"eval", "", "", here, "always on: an .onnx file has BatchNorm's running statistics, and no dropout", nil},
	{"dataset_mode", "WORD", "", here, "unaligned with cycle_gan, single with test", word("unaligned", "single")},
	{"suffix", "TEXT", "", here, "added to the name after a _, with options in braces filled in: {netG}_size{load_size}", nil},
	{"gpu_ids", "IDS", "", here, "-1 stands for -provider cpu, 0 for -provider cuda -device 0; of several the first is used (default: -provider's)", checkGPUs},

	{"netG", "WORD", "resnet_9blocks", fixed, "", nil},
	{"ngf", "N", "64", fixed, "", whole(1, 1<<16)},
	{"norm", "WORD", "instance", fixed, "", word("instance", "batch", "none")},
	{"input_nc", "N", "3", fixed, "", whole(1, 3)},
	{"output_nc", "N", "3", fixed, "", whole(1, 3)},

	{"no_dropout", "", "", idle, "", nil},
	{"netD", "WORD", "basic", idle, "", nil},
	{"ndf", "N", "64", idle, "", whole(1, 1<<16)},
	{"n_layers_D", "N", "3", idle, "", whole(0, 1<<16)},
	{"init_type", "WORD", "normal", idle, "", nil},
	{"init_gain", "X", "0.02", idle, "", nil},
	{"batch_size", "N", "1", idle, "", whole(1, 1<<16)},
	{"num_threads", "N", "4", idle, "", whole(0, 1<<16)},
	{"serial_batches", "", "", idle, "", nil},
	{"no_flip", "", "", idle, "", nil},
	{"verbose", "", "", idle, "", nil},
	{"ntest", "N", "", idle, "", nil},

	{"display_winsize", "N", "256", instead, noPage, nil},
	{"display_id", "N", "1", instead, noPage, nil},
	{"display_ncols", "N", "4", instead, noPage, nil},
	{"display_server", "URL", "", instead, noPage, nil},
	{"display_env", "TEXT", "", instead, noPage, nil},
	{"display_port", "N", "8097", instead, noPage, nil},
	{"no_html", "", "", instead, noPage, nil},
	{"use_wandb", "", "", instead, noWandb, nil},
	{"wandb_project_name", "TEXT", "", instead, noWandb, nil},

	{"load_iter", "N", "0", refused, "generators are exported by epochs (-epoch), not by iterations", nil},
	{"continue_train", "", "", refused, training, nil},
	{"epoch_count", "N", "", refused, training, nil},
	{"n_epochs", "N", "", refused, training, nil},
	{"n_epochs_decay", "N", "", refused, training, nil},
	{"lr", "X", "", refused, training, nil},
	{"beta1", "X", "", refused, training, nil},
	{"lr_policy", "WORD", "", refused, training, nil},
	{"lr_decay_iters", "N", "", refused, training, nil},
	{"gan_mode", "WORD", "", refused, training, nil},
	{"pool_size", "N", "", refused, training, nil},
	{"lambda_A", "X", "", refused, training, nil},
	{"lambda_B", "X", "", refused, training, nil},
	{"lambda_identity", "X", "", refused, training, nil},
	{"print_freq", "N", "", refused, training, nil},
	{"display_freq", "N", "", refused, training, nil},
	{"update_html_freq", "N", "", refused, training, nil},
	{"save_latest_freq", "N", "", refused, training, nil},
	{"save_epoch_freq", "N", "", refused, training, nil},
	{"save_by_iter", "", "", refused, training, nil},
}

func word(valid ...string) func(string) error {
	return func(s string) error {
		if slices.Contains(valid, s) {
			return nil
		}
		return fmt.Errorf("it is one of %s", strings.TrimPrefix(strings.Join(valid, ", "), ", "))
	}
}

func whole(lo, hi int) func(string) error {
	return func(s string) error {
		if n, err := strconv.Atoi(s); err != nil || n < lo || n > hi {
			return fmt.Errorf("it is a whole number from %d to %d", lo, hi)
		}
		return nil
	}
}

func checkEpoch(s string) error {
	if n, err := strconv.Atoi(s); s != latest && (err != nil || n < 1 || strconv.Itoa(n) != s) {
		return errors.New("it is latest or the number of an epoch")
	}
	return nil
}

func checkPhase(s string) error {
	if s == "" || strings.ContainsAny(s, `/\`) || strings.HasPrefix(s, ".") {
		return errors.New("it is test, train or another beginning of the folders' names")
	}
	return nil
}

func checkRatio(s string) error {
	if r, err := strconv.ParseFloat(s, 64); err != nil || !(r >= 0.01 && r <= 100) {
		return errors.New("it is a number from 0.01 to 100")
	}
	return nil
}

func checkGPUs(s string) error {
	for id := range strings.SplitSeq(s, ",") {
		if n, err := strconv.Atoi(strings.TrimSpace(id)); err != nil || n < -1 {
			return errors.New("it is -1 for the CPU, or the numbers of GPUs with commas")
		}
	}
	return nil
}

// officialUsage lists the official options, and what became of each.
func officialUsage(w io.Writer) {
	fmt.Fprint(w, `
options of the official test.py, another way to say -model, -in and -out; with the official defaults, so that its command lines run unchanged:
`)
	var lists [refused + 1][]string
	reasons := map[string][]string{}
	var order []string
	for _, opt := range officialOptions {
		lists[opt.place] = append(lists[opt.place], "-"+opt.name)
		switch {
		case opt.place == here:
			head, about := "-"+opt.name, opt.about
			if opt.arg != "" {
				head += " " + opt.arg
			}
			if opt.value != "" && !strings.Contains(about, "(default") {
				about += fmt.Sprintf(" (default %s)", opt.value)
			}
			fmt.Fprintf(w, "  %-24s %s\n", head, about)
		case opt.place >= instead:
			if reasons[opt.about] == nil {
				order = append(order, opt.about)
			}
			reasons[opt.about] = append(reasons[opt.about], "-"+opt.name)
		}
	}
	fmt.Fprintf(w, "  taken if the generator was trained so, else refused, since the .onnx file fixes it: %s\n", strings.Join(lists[fixed], " "))
	fmt.Fprintf(w, "  taken, with no effect here as in test.py: %s\n", strings.Join(lists[idle], " "))
	for _, reason := range order {
		verb := "refused"
		if slices.Contains(lists[instead], reasons[reason][0]) {
			verb = "taken"
		}
		fmt.Fprintf(w, "  %s, since %s: %s\n", verb, reason, strings.Join(reasons[reason], " "))
	}
}
