package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer"
	"cyclegan/infer/batch"
	"cyclegan/infer/pixels"
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
	resize       modelcli.Resize
	limits       pixels.Limits
	options      infer.Options
	official     *official // nil when -model names a file
}

// errHelp says that the options are to be listed.
var errHelp = flag.ErrHelp

// flags gives the command's options, which fill c.
func flags(c *config) *cli.Flags {
	f := cli.NewFlags("infer", "")
	f.StringVar(&c.model, "model", "", "the generator, an ONNX `file` such as G_AB.onnx (needed); the words cycle_gan and test are the official ones, see below")
	f.Func("in", "a picture, a folder of pictures, searched with its subfolders, or a pattern such as 'photos/*.jpg'; may be repeated, and further `path`s may follow (needed)", func(s string) error {
		if s == "" {
			return errors.New("it is empty")
		}
		c.inputs = append(c.inputs, s)
		return nil
	})
	modelcli.BindWriting(f.FlagSet, &c.output, &c.format, &c.quality, &c.skipExisting)
	modelcli.Bind(f.FlagSet, &c.options)
	modelcli.BindLimits(f.FlagSet, &c.limits)
	f.IntVar(&c.workers, "workers", 0, "`pictures` in the model at once (default: 2, and those of more than 512x512 alone)")
	f.BoolVar(&c.dryRun, "dry_run", false, "only list what would be converted and where to; -model may be left out")
	f.Func("resize", "bring pictures to this `size` before, and keep it: 256x256, 256 for the shorter side, or training for the size that the model was trained at (default: each keeps its own)", func(s string) error {
		var err error
		c.resize, err = modelcli.ParseResize(s)
		return err
	})
	f.StringVar(&c.json, "json", "", "write a summary as JSON to `file`, or to standard output with -")
	return f
}

// parse reads a command line and lists everything that is wrong with it.
func parse(args []string) (*config, error) {
	c := &config{}
	f := flags(c)
	o := &official{}
	o.bind(f.FlagSet)
	if err := f.ParseMixed(args, &c.inputs); err != nil {
		return nil, err
	}
	explicit := map[string]bool{}
	f.Visit(func(f *flag.Flag) { explicit[f.Name] = true })
	bad := c.which(o, f.FlagSet, explicit)
	if c.format != "" && !pixels.Writable(c.format) {
		bad = append(bad, fmt.Errorf("-format %q cannot be written: choose png, jpg, gif, bmp or tiff", c.format))
	}
	bad = append(bad, modelcli.CheckPictures(c.quality, c.limits)...)
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
	if j.model != "" || !dryRun {
		if err := modelcli.Check(j.model); err != nil {
			return err
		}
	}
	for _, in := range j.inputs {
		paths, err := batch.Expand(in)
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
