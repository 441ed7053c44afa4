// Command train trains a CycleGAN and exports its generators to ONNX.
//
//	go run ./cmd/train                                  # built-in scenes, minutes
//	go run ./cmd/train -dataroot DIR -name NAME         # the paper's recipe on your pictures
//	go run ./cmd/train -name NAME -continue_train       # go on with a run
//
// TensorFlow is linked in only with the build tag "tensorflow". Without it the
// program is the start of itself: it checks the command line, fetches the
// native libraries if they are missing, builds the tagged program and becomes
// it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"cyclegan/cmd/internal/cli"
	"cyclegan/train"
)

// A command is a command line that has been understood.
type command struct {
	runFlags
	opts     train.Options
	saved    train.Options // with resume: what the run was started with
	explicit map[string]bool
	notes    []string
}

// start parses the command line. When that is the end of it, for help or for a
// mistake, it says so on stderr and returns false with the exit status.
func start(args []string, stderr io.Writer) (*command, int, bool) {
	c, err := parse(args, stderr)
	if err != nil {
		return nil, cli.Report(stderr, "train", err), false
	}
	return c, cli.Done, true
}

// parse reads the command line in two passes: the first finds the recipe that
// the options' defaults come from, or the run to go on with, the second the
// options.
func parse(args []string, stderr io.Writer) (*command, error) {
	first, err := train.Preset("paper")
	if err != nil {
		return nil, err
	}
	c := &command{explicit: map[string]bool{}}
	quiet := c.flagSet(io.Discard, &first)
	if err := quiet.Parse(args); err != nil && !errors.Is(err, flag.ErrHelp) {
		return nil, cli.Usage(err)
	}
	quiet.Visit(func(f *flag.Flag) { c.explicit[f.Name] = true })
	if first.Name, err = cli.Suffixed(first.Name, c.suffix, quiet); err != nil {
		return nil, cli.Usage(err)
	}

	if c.resume {
		c.opts, err = resumeOptions(first, c.explicit)
	} else {
		c.opts, err = presetOptions(first, c.explicit)
	}
	if err != nil {
		return nil, err
	}
	c.saved = c.opts
	fs := c.flagSet(stderr, &c.opts)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		return nil, cli.Usage(err)
	}
	if c.resume {
		c.opts.Name = first.Name
	} else if c.opts.Name, err = cli.Suffixed(c.opts.Name, c.suffix, fs); err != nil {
		return nil, cli.Usage(err)
	}
	return c, c.validate(fs)
}

// validate finds mistakes in options that were parsed.
func (c *command) validate(fs *flag.FlagSet) error {
	if fs.NArg() > 0 {
		return cli.Usage(fmt.Errorf("%q is no option; did you mean -dataroot %s?", fs.Arg(0), fs.Arg(0)))
	}
	if err := c.runFlags.validate(); err != nil {
		return cli.Usage(err)
	}
	if err := c.opts.Validate(); err != nil {
		return cli.Usage(fmt.Errorf("these options can't be:\n  %s", strings.ReplaceAll(err.Error(), "\n", "\n  ")))
	}
	if c.check || c.worker != "" {
		return nil // nothing is written
	}
	if !c.resume {
		return c.pickName()
	}
	if err := c.opts.CheckResume(c.saved); err != nil {
		return cli.Usage(err)
	}
	return nil
}

// flagSet has every option: those of the run, in o, those of this command, and
// those that are known from the official implementation.
func (c *command) flagSet(out io.Writer, o *train.Options) *flag.FlagSet {
	fs := flag.NewFlagSet("train", flag.ContinueOnError)
	fs.SetOutput(out)
	c.notes = nil
	c.runFlags.bind(fs)
	bindOfficial(fs, &c.notes)
	o.Bind(fs)
	fs.Usage = func() {
		fmt.Fprintf(fs.Output(), `Train a CycleGAN. With no options it learns built-in scenes in some minutes.

  go run ./cmd/train
  go run ./cmd/train -dataroot DIR -name NAME [-preset paper|yosemite] [options]
  go run ./cmd/train -name NAME -continue_train
  go run ./cmd/train -worker 10.0.0.2:7000          (on each of several machines)
  go run ./cmd/train -workers 10.0.0.2:7000,10.0.0.3:7000 -batch_size 2 [options]

The options, with the defaults of preset %s:

`, o.Preset)
		fs.PrintDefaults()
	}
	return fs
}

// presetOptions are the defaults of a new run: those of -preset, else of the
// paper when data is named, else of the demo.
func presetOptions(first train.Options, explicit map[string]bool) (train.Options, error) {
	name := "demo"
	switch {
	case explicit["preset"]:
		name = first.Preset
	case explicit["dataroot"] || explicit["dir_A"] || explicit["dir_B"]:
		name = "paper"
	}
	o, err := train.Preset(name)
	if err != nil {
		return o, cli.Usage(err)
	}
	return o, nil
}

// resumeOptions are the options that a run was started with.
func resumeOptions(first train.Options, explicit map[string]bool) (train.Options, error) {
	if !explicit["name"] {
		return first, cli.Usage(errors.New("-continue_train needs the run's -name"))
	}
	o, err := train.LoadRun(first.CheckpointsDir, first.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return o, cli.Usage(fmt.Errorf("there is no run %q in %s to go on with: %w; leave out -continue_train to start one", first.Name, first.CheckpointsDir, err))
	}
	return o, err
}

// pickName keeps a new run out of the folder of an old one: it refuses a name
// that was asked for and is taken, and counts up from one that was not.
func (c *command) pickName() error {
	base := c.opts.Name
	for i := 2; ; i++ {
		entries, err := os.ReadDir(c.opts.Dir())
		if errors.Is(err, fs.ErrNotExist) || (err == nil && !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == train.OptionsFile })) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look for older runs: %w", err)
		}
		if c.explicit["name"] {
			return cli.Usage(fmt.Errorf("there is a run in %s already: add -continue_train to go on with it, or give another -name", c.opts.Dir()))
		}
		c.opts.Name = fmt.Sprintf("%s-%d", base, i)
	}
}
