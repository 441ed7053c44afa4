package main

import (
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
)

// The words that -model takes beside a file, with the meaning of the official test.py.
const (
	modelCycleGAN = "cycle_gan" // both generators, each on its folder of -dataroot
	modelTest     = "test"      // one generator, on the folder -dataroot
)

// official is a command line of the official test.py.
type official struct {
	model  string
	values map[string]string
	given  []string // the options that the command line has
	name   string   // of the run, with its suffix
}

// bind adds the official options to f.
func (o *official) bind(f *flag.FlagSet) {
	o.values = map[string]string{}
	for i := range officialOptions {
		opt := &officialOptions[i]
		o.values[opt.name] = opt.value
		f.Var(&officialValue{o, opt}, opt.name, opt.about)
	}
}

// officialValue is the flag of an official option.
type officialValue struct {
	*official
	opt *officialOption
}

func (v *officialValue) IsBoolFlag() bool { return v.opt.arg == "" }

func (v *officialValue) String() string {
	if v.official == nil { // the zero value, which package flag asks
		return ""
	}
	return v.values[v.opt.name]
}

func (v *officialValue) Set(s string) error {
	if v.IsBoolFlag() {
		if _, err := strconv.ParseBool(s); err != nil {
			return errors.New("it is true or false")
		}
	}
	if v.opt.check != nil {
		if err := v.opt.check(s); err != nil {
			return err
		}
	}
	v.values[v.opt.name] = s
	if !slices.Contains(v.given, v.opt.name) {
		v.given = append(v.given, v.opt.name)
	}
	return nil
}

func (o *official) has(name string) bool { return slices.Contains(o.given, name) }

// number gives the value of an option that is a whole number by its check; absent stands for one that has no value.
func (o *official) number(name string, absent int) int {
	n, err := strconv.Atoi(o.values[name])
	if err != nil {
		return absent
	}
	return n
}

func (o *official) is(name string) bool {
	b, err := strconv.ParseBool(o.values[name])
	return err == nil && b
}

// choose says whether the command line c is the official one, with model as it was given.
func (o *official) choose(model string) (bool, error) {
	switch model {
	case modelCycleGAN, modelTest:
		o.model = model
		return true, nil
	case "pix2pix", "colorization":
		return false, fmt.Errorf("-model %s is not here: cycle_gan and test are, or an .onnx file (./%[1]s if that is the name of one)", model)
	case "":
		o.model = modelCycleGAN
		if o.has("model_suffix") {
			o.model = modelTest
		}
		return len(o.given) > 0, nil
	}
	if len(o.given) > 0 {
		return false, fmt.Errorf("-%s: of the official command line, which names a run (-name) and its pictures (-dataroot) in place of an .onnx file: leave out either it or -model %s", strings.Join(o.given, ", -"), model)
	}
	return false, nil
}

// check lists everything that is wrong with the official part of c, and fills in what it says in other words. Explicit are c's own options.
func (o *official) check(c *config, f *flag.FlagSet, explicit map[string]bool) []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, opt := range officialOptions {
		if opt.place == refused && o.has(opt.name) && o.values[opt.name] != opt.value {
			bad("-%s does not apply: %s", opt.name, opt.about)
		}
	}
	if o.values["dataroot"] == "" {
		bad("-dataroot DIR is missing: the folder with testA and testB, or with -model test a folder of pictures")
	}
	if len(c.inputs) > 0 {
		bad("%s: with -name the pictures are named by -dataroot; -in and further paths go with -model FILE", strings.Join(c.inputs, ", "))
	}
	if c.output != "" {
		bad("-out %s: with -name it is -results_dir that says where to write; -out goes with -model FILE", c.output)
	}
	if c.resize != (modelcli.Resize{}) {
		bad("-resize: with -name it is -preprocess, -load_size and -crop_size that say it")
	}
	if o.has("model_suffix") && o.model != modelTest {
		bad("-model_suffix %s goes with -model test; cycle_gan runs both generators", o.values["model_suffix"])
	}
	if want := map[string]string{modelCycleGAN: "unaligned", modelTest: "single"}[o.model]; o.has("dataset_mode") && o.values["dataset_mode"] != want {
		bad("-dataset_mode %s: with -model %s it is %s", o.values["dataset_mode"], o.model, want)
	}
	name, err := cli.Suffixed(o.values["name"], f.Lookup("suffix").Value.String(), f)
	if err == nil && !filepath.IsLocal(name) {
		err = fmt.Errorf("-name %q cannot be the name of a run", name)
	}
	if err != nil {
		errs = append(errs, err)
	}
	o.name = name
	if err := o.device(c, explicit); err != nil {
		errs = append(errs, err)
	}
	return errs
}

// device says -gpu_ids in the words of -provider and -device.
func (o *official) device(c *config, explicit map[string]bool) error {
	if !o.has("gpu_ids") {
		return nil
	}
	if explicit["provider"] || explicit["device"] {
		return fmt.Errorf("-gpu_ids %s stands for -provider and -device: give one or the other", o.values["gpu_ids"])
	}
	c.options.Provider, c.options.DeviceID = "cpu", 0
	for id := range strings.SplitSeq(o.values["gpu_ids"], ",") {
		if n, err := strconv.Atoi(strings.TrimSpace(id)); err == nil && n >= 0 {
			c.options.Provider, c.options.DeviceID = "cuda", n
			break
		}
	}
	return nil
}

// notes are what is worth a line each about the options that were given.
func (o *official) notes() []string {
	var notes []string
	told := map[string]bool{}
	for _, opt := range officialOptions {
		if opt.place == instead && o.has(opt.name) && !told[opt.about] {
			told[opt.about] = true
			notes = append(notes, fmt.Sprintf("-%s: %s", opt.name, opt.about))
		}
	}
	if strings.Contains(o.values["gpu_ids"], ",") {
		notes = append(notes, fmt.Sprintf("-gpu_ids %s: one device computes, the first", o.values["gpu_ids"]))
	}
	return append(notes, o.preprocessing().notes(o.has("preprocess") || o.has("load_size") || o.has("crop_size"))...)
}

func (o *official) preprocessing() *preprocessing {
	ratio, _ := strconv.ParseFloat(o.values["aspect_ratio"], 64)
	return &preprocessing{o.values["preprocess"], o.number("load_size", 0), o.number("crop_size", 0), ratio}
}

// most is how many pictures of a folder are converted.
func (o *official) most() int {
	n := o.number("num_test", 0)
	return min(n, o.number("max_dataset_size", n))
}
