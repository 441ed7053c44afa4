package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"cyclegan/infer"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// config is what a command line asks for.
type config struct {
	model        string
	inputs       []string
	output       string
	format       string
	quality      int
	workers      int
	skipExisting bool
	json         string
	dryRun       bool
	resize       resize
	limits       pixels.Limits
	options      infer.Options
	official     *official // nil when -model names a file
}

// errHelp says that the options are to be listed.
var errHelp = flag.ErrHelp

// flags gives the command's options, which fill c.
func flags(c *config) *flag.FlagSet {
	f := flag.NewFlagSet("infer", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	f.StringVar(&c.model, "model", "", "the generator, an ONNX `file` such as G_AB.onnx (needed); the words cycle_gan and test are the official ones, see below")
	f.Func("in", "a picture, a folder of pictures, searched with its subfolders, or a pattern such as 'photos/*.jpg'; may be repeated, and further `path`s may follow (needed)", func(s string) error {
		if s == "" {
			return errors.New("it is empty")
		}
		c.inputs = append(c.inputs, s)
		return nil
	})
	f.StringVar(&c.output, "out", "", "the `folder` to write to (needed)")
	f.StringVar(&c.format, "format", "", "write `png`, jpg, gif, bmp or tiff (default: each picture's own, and png for webp)")
	f.IntVar(&c.quality, "quality", 95, "JPEG quality, 1 to 100")
	f.BoolVar(&c.skipExisting, "skip_existing", false, "leave out pictures whose output is there already")
	f.StringVar(&c.options.Provider, "provider", session.CPU, "what `computes`: "+strings.Join(session.Providers(), ", ")+"; auto takes the best that works and says why it is not a better one; go run ./third_party install -with cuda or -with openvino fetches what those need")
	f.IntVar(&c.options.DeviceID, "device", 0, "the GPU's `number`, from 0, with -provider cuda, tensorrt or directml")
	f.Func("provider_option", "an option of the provider's own, such as `device_type=GPU` for openvino or cudnn_conv_algo_search=HEURISTIC for cuda; may be repeated", func(s string) error {
		return c.providerOption(s)
	})
	f.IntVar(&c.options.Threads, "threads", 0, "threads that compute a picture (default: all processors)")
	f.IntVar(&c.workers, "workers", 0, "`pictures` in the model at once (default: 2, and those of more than 512x512 alone)")
	f.BoolVar(&c.dryRun, "dry_run", false, "only list what would be converted and where to; -model may be left out")
	f.Func("resize", "bring pictures to this `size` before, and keep it: 256x256, 256 for the shorter side, or training for the size that the model was trained at (default: each keeps its own)", func(s string) error {
		var err error
		c.resize, err = parseResize(s)
		return err
	})
	f.IntVar(&c.limits.MaxPixels, "max_input_pixels", 100_000_000, "refuse pictures of more `pixels`, width times height, before they are decoded")
	f.Int64Var(&c.limits.MaxBytes, "max_input_bytes", 512<<20, "refuse files of more `bytes`")
	f.IntVar(&c.options.MaxPixels, "max_pixels", 0, "`pixels` in the model at once, width times height: larger pictures go through it in tiles, which bounds memory (default 2621440; -1: all go through whole)")
	f.StringVar(&c.json, "json", "", "write a summary as JSON to `file`, or to standard output with -")
	f.Func("range", "values of black and white in a model that does not say it, such as `0,1` or 0,255 (default: the model's, else what its types or its last operator tell, else -1,1)", func(s string) error {
		var err error
		c.options.Range, err = parseRange(s)
		return err
	})
	f.Func("output_range", "-range of what the model gives, where it differs from what it takes, such as `0,255`", func(s string) error {
		var err error
		c.options.OutputRange, err = parseRange(s)
		return err
	})
	f.StringVar(&c.options.Layout, "layout", "", "`NCHW` or NHWC (default: as the model's shapes tell)")
	f.StringVar(&c.options.Input, "input", "", "the `name` of the model's input that takes the picture (default: the only one that is needed)")
	f.StringVar(&c.options.Output, "output", "", "the `name` of the model's output that gives the picture (default: the only one that can be)")
	f.BoolVar(&c.options.BGR, "bgr", false, "the model takes and gives blue first")
	f.IntVar(&c.options.SizeMultiple, "size_multiple", 0, "pad sides to a multiple of so many `pixels` (default: the model's, else what its layers ask for)")
	f.IntVar(&c.options.MinSize, "min_size", 0, "pad sides to at least so many `pixels` (default: the model's, else what its layers ask for)")
	return f
}

// providerOption takes one NAME=VALUE.
func (c *config) providerOption(s string) error {
	name, value, found := strings.Cut(s, "=")
	if !found || name == "" {
		return errors.New("it is a name and a value, as in device_type=GPU")
	}
	if was, ok := c.options.ProviderOptions[name]; ok && was != value {
		return fmt.Errorf("%s is %s already", name, was)
	}
	if c.options.ProviderOptions == nil {
		c.options.ProviderOptions = map[string]string{}
	}
	c.options.ProviderOptions[name] = value
	return nil
}

// parse reads a command line and lists everything that is wrong with it.
func parse(args []string) (*config, error) {
	c := &config{}
	f := flags(c)
	o := &official{}
	o.bind(f)
	if err := parseMixed(f, args, &c.inputs); err != nil {
		return nil, err
	}
	explicit := map[string]bool{}
	f.Visit(func(f *flag.Flag) { explicit[f.Name] = true })
	bad := c.which(o, f, explicit)
	if c.format != "" && !pixels.Writable(c.format) {
		bad = append(bad, fmt.Errorf("-format %q cannot be written: choose png, jpg, gif, bmp or tiff", c.format))
	}
	if c.quality < 1 || c.quality > 100 {
		bad = append(bad, fmt.Errorf("-quality %d is outside 1 to 100", c.quality))
	}
	if c.limits.MaxPixels < 1 {
		bad = append(bad, fmt.Errorf("-max_input_pixels %d is below 1", c.limits.MaxPixels))
	}
	if c.limits.MaxBytes < 1 {
		bad = append(bad, fmt.Errorf("-max_input_bytes %d is below 1", c.limits.MaxBytes))
	}
	if c.workers < 0 {
		bad = append(bad, fmt.Errorf("-workers %d is below 0", c.workers))
	}
	if err := c.options.Validate(); err != nil {
		bad = append(bad, err)
	}
	if err := errors.Join(bad...); err != nil {
		return nil, err
	}
	return c, nil
}

// which decides between the two ways to say what is to be converted, and lists what is wrong with that.
func (c *config) which(o *official, f *flag.FlagSet, explicit map[string]bool) []error {
	chosen, err := o.choose(c.model)
	if err != nil {
		return []error{err}
	}
	if chosen {
		c.official = o
		if c.format == "" {
			c.format = "png"
		}
		return o.check(c, f, explicit)
	}
	var bad []error
	if c.model == "" && !c.dryRun {
		bad = append(bad, errors.New("-model FILE is missing (or -dataroot and -name, to convert with a run's generators)"))
	}
	if len(c.inputs) == 0 {
		bad = append(bad, errors.New("-in PATH is missing"))
	}
	if c.output == "" {
		bad = append(bad, errors.New("-out FOLDER is missing"))
	}
	return bad
}

// parseMixed reads options and, between and after them, paths; after "--" there are paths alone.
func parseMixed(f *flag.FlagSet, args []string, paths *[]string) error {
	for {
		if err := f.Parse(args); err != nil {
			return err
		}
		rest := f.Args()
		if n := len(args) - len(rest); n > 0 && args[n-1] == "--" {
			*paths = append(*paths, rest...)
			return nil
		}
		if len(rest) == 0 {
			return nil
		}
		*paths = append(*paths, rest[0])
		args = rest[1:]
	}
}

func parseRange(s string) (pixels.Range, error) {
	lo, hi, found := strings.Cut(s, ",")
	l, err1 := strconv.ParseFloat(strings.TrimSpace(lo), 32)
	h, err2 := strconv.ParseFloat(strings.TrimSpace(hi), 32)
	if !found || err1 != nil || err2 != nil || l == h {
		return pixels.Range{}, errors.New("it is two different numbers with a comma, such as -1,1")
	}
	return pixels.Range{Lo: float32(l), Hi: float32(h)}, nil
}

// usage lists the options.
func usage(w io.Writer) {
	fmt.Fprint(w, `Sends pictures through a generator, keeping names, folders and sizes.

usage: go run ./cmd/infer -model G_AB.onnx -in PHOTOS -out WINTER [options] [further pictures and folders]
       go run ./cmd/infer -dataroot DIR -name RUN [-model cycle_gan] [options]
       go run ./cmd/infer -dataroot DIR/testA -name RUN -model test -model_suffix _A [options]

ONNX Runtime is fetched on first need. Several input folders become a folder of the output each.
Ctrl-C finishes the pictures under way; pressed again, it breaks them off.
Exit status: 0 all done, 1 failed, 2 wrong usage, 3 some pictures failed, 130 interrupted.

options:
`)
	f := flags(&config{})
	f.SetOutput(w)
	f.PrintDefaults()
	officialUsage(w)
}

// checkPaths looks for the model and the inputs before anything is fetched or opened.
func (j *job) checkPaths(dryRun bool) error {
	info, err := os.Stat(j.model)
	switch {
	case dryRun && j.model == "":
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no model %q\nto mend it: train one with `go run ./cmd/train`, which prints where it writes G_AB.onnx and G_BA.onnx%s", j.model, modelsNear(filepath.Dir(j.model)))
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("model %q is a folder\nto mend it: name the .onnx file%s", j.model, modelsNear(j.model))
	}
	for _, in := range j.inputs {
		paths, err := infer.Expand(in)
		if err != nil {
			return err
		}
		for _, path := range paths {
			if _, err := os.Stat(path); err != nil {
				return fmt.Errorf("input: %w", err)
			}
		}
	}
	return nil
}

// modelsNear names the models in a folder, for a hint.
func modelsNear(dir string) string {
	found, err := filepath.Glob(filepath.Join(dir, "*.onnx"))
	if err != nil || len(found) == 0 {
		return ""
	}
	if len(found) > 4 {
		found = found[:4]
	}
	return "; near it are " + strings.Join(found, ", ")
}
