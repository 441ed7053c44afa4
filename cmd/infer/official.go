package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer"
)

// The values of -model that select the official command line, with their meaning in test.py.
const (
	modelCycleGAN = "cycle_gan" // both generators, each on its folder in -dataroot
	modelTest     = "test"      // one generator, on the folder -dataroot
)

// support tells how this command treats an official option.
type support int

const (
	supported support = iota
	fixed             // recorded in the .onnx file: accepted if it agrees
	idle              // accepted, because it has no effect on test.py's results either
	ignored           // accepted with a note
	refused           // refused with a reason, unless it has its default value
)

// officialOption is an option of the official test.py with cycle_gan or test, or one of train.py.
type officialOption struct {
	name, value string // value is the default
	isSwitch    bool
	support
	about string // help, or the reason for ignoring or refusing it
	check func(string) error
}

const (
	noPage   = "no web page is written; the images are in results_dir"
	noWandb  = "Weights & Biases is not used; -json writes a summary"
	noIter   = "generators are exported by epoch (-epoch), not by iteration"
	training = "it is an option of train.py, which cmd/train replaces"
)

var officialOptions = slices.Concat([]officialOption{
	{name: "dataroot", about: "convert the images in `DIR`/testA and DIR/testB, or with -model test those in DIR (required)"},
	{name: "name", value: "experiment_name", about: "use the generators of the run `NAME`: checkpoints_dir/NAME/G_AB.onnx and G_BA.onnx"},
	{name: "checkpoints_dir", value: "./checkpoints", about: "folder `DIR` of all runs"},
	{name: "results_dir", value: "./results/", about: "write to the folders fake_B (by G_AB) and fake_A (by G_BA) in `DIR`/NAME/test_latest, as PNG unless -format is given"},
	{name: "direction", value: "AtoB", about: "direction `NAME` of the training, AtoB or BtoA (which swaps testA and testB), or with -model test of the conversion (default: the run's); without -model and -name, that of the built-in model", check: oneOf("AtoB", "BtoA")},
	{name: "model_suffix", about: "use the generator with suffix `NAME` for -model test: _A for G_AB, _B for G_BA (default: by -direction)", check: oneOf("", "_A", "_B", "_AB", "_BA")},
	{name: "epoch", value: latest, about: "use the generators of epoch `N`, which cmd/export must have written to checkpoints_dir/NAME/epoch_N, or the last ones (latest) instead of the best by the run's score (default: best)", check: matches(best+"|"+latest+`|[1-9]\d*`, "best, latest or the number of an epoch")},
	{name: "phase", value: "test", about: "prefix `NAME` of the folders: test for testA, train for trainA", check: matches(`[^./\\][^/\\]*`, "test, train or another beginning of the folders' names")},
	{name: "num_test", value: "50", about: "convert at most `N` images of a folder, the first by name", check: integer(1, 1<<31-1)},
	{name: "max_dataset_size", about: "the same as -num_test `N`; the smaller one applies", check: integer(1, 1<<31-1)},
	{name: "preprocess", value: resizeAndCrop, about: "preprocess with `NAME`: resize_and_crop, crop, scale_width, scale_width_and_crop, or none, which rounds sides to multiples of 4; crops are taken from the middle, not at random", check: oneOf(resizeAndCrop, cropOnly, scaleWidth, scaleWidthAndCrop, none)},
	{name: "load_size", value: "256", about: "resize to `N` pixels", check: integer(1, modelcli.MaxSide)},
	{name: "crop_size", value: "256", about: "crop to `N` pixels", check: integer(1, modelcli.MaxSide)},
	{name: "aspect_ratio", value: "1.0", about: "widen results by the factor `N`, or heighten them if it is below 1 (the official code stretches the other side)", check: checkRatio},
	{name: "eval", isSwitch: true, about: "no effect: an .onnx file always uses BatchNorm's running statistics and no dropout"},
	{name: "dataset_mode", about: "data set mode `NAME`, which must be unaligned with cycle_gan and single with test", check: oneOf("unaligned", "single")},
	{name: "suffix", about: "append _`TEXT` to the name, with options in braces replaced by their values: {netG}_size{load_size}"},
	{name: "gpu_ids", about: "use the first GPU in `LIST`: 0 stands for -provider cuda -device 0, -1 for -provider cpu (default: as -provider)", check: matches(` *(-1|\d+) *(, *(-1|\d+) *)*`, "-1 for the CPU, or the numbers of GPUs separated by commas")},
},
	options(fixed, "", "netG=resnet_9blocks", "ngf=64", "norm=instance", "input_nc=3", "output_nc=3"),
	options(idle, "", "no_dropout", "netD=basic", "ndf=64", "n_layers_D=3", "init_type=normal", "init_gain=0.02",
		"batch_size=1", "num_threads=4", "serial_batches", "no_flip", "verbose", "ntest="),
	options(ignored, noPage, "display_winsize=256", "display_id=1", "display_ncols=4", "display_server=", "display_env=",
		"display_port=8097", "no_html"),
	options(ignored, noWandb, "use_wandb", "wandb_project_name="),
	options(refused, noIter, "load_iter=0"),
	options(refused, training, "continue_train", "epoch_count=", "n_epochs=", "n_epochs_decay=", "lr=", "beta1=", "lr_policy=",
		"lr_decay_iters=", "gan_mode=", "pool_size=", "lambda_A=", "lambda_B=", "lambda_identity=", "print_freq=",
		"display_freq=", "update_html_freq=", "save_latest_freq=", "save_epoch_freq=", "save_by_iter"),
)

// options returns options with the same treatment. A name without = is a switch.
func options(s support, about string, names ...string) []officialOption {
	var list []officialOption
	for _, n := range names {
		name, value, found := strings.Cut(n, "=")
		list = append(list, officialOption{name: name, value: value, isSwitch: !found, support: s, about: about})
	}
	return list
}

func oneOf(valid ...string) func(string) error {
	return func(s string) error {
		if slices.Contains(valid, s) {
			return nil
		}
		return fmt.Errorf("want one of %s", strings.TrimPrefix(strings.Join(valid, ", "), ", "))
	}
}

func integer(lo, hi int) func(string) error {
	return func(s string) error {
		if n, err := strconv.Atoi(s); err != nil || n < lo || n > hi {
			return fmt.Errorf("want an integer from %d to %d", lo, hi)
		}
		return nil
	}
}

// matches accepts values that match a regular expression as a whole.
func matches(pattern, want string) func(string) error {
	re := regexp.MustCompile("^(" + pattern + ")$")
	return func(s string) error {
		if !re.MatchString(s) {
			return errors.New("want " + want)
		}
		return nil
	}
}

func checkRatio(s string) error {
	if r, err := strconv.ParseFloat(s, 64); err != nil || !(r >= 0.01 && r <= 100) {
		return errors.New("want a number from 0.01 to 100")
	}
	return nil
}

// titles are those of the official options in the help. The last two continue with the reason.
var titles = map[support]string{
	supported: "Options of the official test.py, instead of -model, -in and -out",
	fixed:     "Options of the official test.py that the .onnx file fixes; other values are refused",
	idle:      "Options of the official test.py without effect here, as in test.py",
	ignored:   "Accepted official options: ",
	refused:   "Refused official options: ",
}

type official struct {
	flags *cli.Flags
	model string
	name  string // of the run, with -suffix
}

func (o *official) bind(f *cli.Flags) {
	o.flags = f
	for _, opt := range officialOptions {
		if opt.support == supported {
			f.Group(titles[supported], opt.name)
		} else {
			f.Brief(titles[opt.support]+opt.about, opt.name)
		}
		if opt.isSwitch {
			f.Bool(opt.name, false, opt.about)
		} else {
			f.String(opt.name, opt.value, opt.about)
		}
	}
	f.OldNames()
}

func (o *official) value(name string) string { return o.flags.Lookup(name).Value.String() }

func (o *official) has(name string) bool { return o.flags.Explicit()[name] }

// form returns an option on the command line that makes it an official one.
func (o *official) form() string {
	switch {
	case o.has("name"):
		return "-name"
	case o.has("dataroot"):
		return "-dataroot"
	case o.has("model"):
		return "-model " + o.model
	}
	return "-" + o.given()[0]
}

func (o *official) given() []string {
	var names []string
	for _, opt := range officialOptions {
		if o.has(opt.name) {
			names = append(names, opt.name)
		}
	}
	return names
}

// number returns the value of an integer option, or 0 if it has none.
func (o *official) number(name string) int {
	n, _ := strconv.Atoi(o.value(name))
	return n
}

// choose decides whether c is an official command line.
func (o *official) choose(c *config) error {
	given := o.given()
	mixed := func(other string) error {
		instead := ""
		for _, name := range given {
			if ours := map[string]string{"load_size": "-resize", "gpu_ids": "-provider and -device", "results_dir": "-out"}[name]; ours != "" {
				instead += fmt.Sprintf("; instead of -%s, use %s", name, ours)
			}
		}
		return fmt.Errorf("-%s: options of the official test.py apply to a run (-name) and its images (-dataroot). Fix: omit them, or %s%s", strings.Join(given, ", -"), other, instead)
	}
	switch c.Model {
	case modelCycleGAN, modelTest:
		o.model, c.byRun = c.Model, true
	case "pix2pix", "colorization":
		return fmt.Errorf("-model %s is not supported; use cycle_gan, test or an .onnx file (./%[1]s for a file of that name)", c.Model)
	case "":
		// -direction alone chooses between the built-in generators.
		o.model, c.byRun = modelCycleGAN, len(given) > 0 && !slices.Equal(given, []string{"direction"})
		if o.has("model_suffix") {
			o.model = modelTest
		}
		if c.byRun && len(c.Inputs) > 0 && !o.has("name") && !o.has("dataroot") {
			return mixed("-in " + strings.Join(c.Inputs, " "))
		}
	default:
		if slices.Equal(given, []string{"direction"}) {
			file := "G_AB.onnx"
			if o.value("direction") == "BtoA" {
				file = "G_BA.onnx"
			}
			return fmt.Errorf("-direction chooses a generator of the built-in model or of a run (-name), but -model %s has one direction. Fix: omit it, and name the file of that direction, such as %s", c.Model, filepath.Join(filepath.Dir(c.Model), file))
		}
		if len(given) > 0 {
			return mixed("-model " + c.Model)
		}
	}
	return nil
}

// check returns the mistakes in an official command line, and sets the options of c that it
// implies.
func (o *official) check(c *config) []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, opt := range officialOptions {
		value := o.value(opt.name)
		switch {
		case !o.has(opt.name):
		case opt.support == refused && value != opt.value:
			bad("-%s does not apply: %s", opt.name, opt.about)
		case opt.check != nil:
			if err := opt.check(value); err != nil {
				bad("-%s %q: %w", opt.name, value, err)
			}
		}
	}
	if o.value("dataroot") == "" {
		bad("-dataroot DIR is missing: the folder with testA and testB, or with -model test a folder of images")
	}
	file := "FILE"
	if o.has("name") {
		file = fmt.Sprintf("%s instead of -name", filepath.Join(o.value("checkpoints_dir"), o.value("name"), "G_AB.onnx"))
	}
	if len(c.Inputs) > 0 {
		bad("%s: with %s, use -dataroot to name the images; -in and further paths apply with -model %s", strings.Join(c.Inputs, ", "), o.form(), file)
	}
	if c.Output != "" {
		bad("-out %s: with %s, use -results_dir; -out applies with -model %s", c.Output, o.form(), file)
	}
	if c.Resize != "" {
		bad("-resize %s: with %s, use -preprocess, -load_size and -crop_size", c.Resize, o.form())
	}
	if c.ModelOptions.Detail == "" {
		c.ModelOptions.Detail = infer.DetailModel // as in test.py
	}
	if o.has("model_suffix") && o.model != modelTest {
		bad("-model_suffix %s applies with -model test; cycle_gan runs both generators", o.value("model_suffix"))
	}
	if want := map[string]string{modelCycleGAN: "unaligned", modelTest: "single"}[o.model]; o.has("dataset_mode") && o.value("dataset_mode") != want {
		bad("-dataset_mode %s: -model %s needs %s", o.value("dataset_mode"), o.model, want)
	}
	var err error
	if o.name, err = cli.Suffixed(o.value("name"), o.value("suffix"), o.flags.FlagSet); err == nil && !filepath.IsLocal(o.name) {
		err = fmt.Errorf("-name %q cannot be the name of a run", o.name)
	}
	if o.has("gpu_ids") && (o.has("provider") || o.has("device")) {
		bad("-gpu_ids %s stands for -provider and -device: use one or the other", o.value("gpu_ids"))
	} else if o.has("gpu_ids") {
		c.ModelOptions.Provider, c.ModelOptions.DeviceID = "cpu", 0
		for id := range strings.SplitSeq(o.value("gpu_ids"), ",") {
			if n, err := strconv.Atoi(strings.TrimSpace(id)); err == nil && n >= 0 {
				c.ModelOptions.Provider, c.ModelOptions.DeviceID = "cuda", n
				break
			}
		}
	}
	return append(errs, err)
}

func (o *official) notes() []string {
	var notes []string
	for _, opt := range officialOptions {
		if opt.support == ignored && o.has(opt.name) {
			notes = append(notes, fmt.Sprintf("-%s: %s", opt.name, opt.about))
		}
	}
	if strings.Contains(o.value("gpu_ids"), ",") {
		notes = append(notes, fmt.Sprintf("-gpu_ids %s: only the first device is used", o.value("gpu_ids")))
	}
	return append(notes, o.preprocessing().notes(o.has("preprocess") || o.has("load_size") || o.has("crop_size"))...)
}

func (o *official) preprocessing() *preprocessing {
	ratio, _ := strconv.ParseFloat(o.value("aspect_ratio"), 64)
	return &preprocessing{o.value("preprocess"), o.number("load_size"), o.number("crop_size"), ratio}
}
