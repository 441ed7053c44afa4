// Command train trains a CycleGAN and exports its generators to ONNX.
//
//	go run ./cmd/train                                  # built-in scenes, minutes
//	go run ./cmd/train -dataroot DIR -name NAME         # twenty minutes on your images
//	go run ./cmd/train -name NAME -continue_train       # resume a run
//
// It parses options and shows the progress; package run does the work.
//
// The build tag "tensorflow" links TensorFlow. Without it the program is a launcher: it checks the
// command line, fetches missing native libraries, builds the program with the tag and runs it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"cyclegan/cmd/internal/cli"
	"cyclegan/train"
	"cyclegan/train/inspect"
)

func main() { os.Exit(command(os.Args[1:], os.Stdout, os.Stderr)) }

func command(args []string, stdout, stderr *os.File) int {
	c, f, err := parse(args)
	switch {
	case err != nil:
		return f.Report(err, stdout, stderr)
	case c.check:
		return c.checkImages(stdout, stderr)
	}
	return c.train(stdout, stderr)
}

// config is a parsed command line.
type config struct {
	runFlags
	opts     train.Options
	saved    train.Options // with resume: the options in the run's folder
	explicit map[string]bool
	notes    []string
}

// parse parses the command line twice: first to find the preset or the run that the defaults come
// from, then with these defaults.
func parse(args []string) (*config, *cli.Flags, error) {
	first, err := train.Preset("paper")
	if err != nil {
		return nil, nil, err
	}
	c := &config{}
	f := c.flags(&first)
	if err := f.Parse(args); err != nil && !errors.Is(err, flag.ErrHelp) {
		return nil, f, err
	}
	c.explicit = f.Explicit()
	if first.Name, err = cli.Suffixed(first.Name, c.suffix, f.FlagSet); err != nil {
		return nil, f, cli.Usage(err)
	}
	if c.resume {
		c.opts, err = savedOptions(first, c.explicit)
	} else {
		c.opts, err = presetOptions(first, c.explicit, f.Renamed() != "")
	}
	if err != nil {
		return nil, f, err
	}
	c.saved = c.opts
	c.forgetData()
	f = c.flags(&c.opts)
	if err := f.Parse(args); err != nil {
		return nil, f, err
	}
	if renamed := f.Renamed(); renamed != "" {
		c.notes = append(c.notes, renamed)
	}
	if c.resume {
		c.opts.Name = first.Name
	} else if c.opts.Name, err = cli.Suffixed(c.opts.Name, c.suffix, f.FlagSet); err != nil {
		return nil, f, cli.Usage(err)
	}
	if c.explicit["n_epochs"] || c.explicit["n_epochs_decay"] {
		if c.explicit["n_steps"] || c.explicit["n_steps_decay"] {
			return nil, f, cli.Usage(errors.New("-n_epochs and -n_steps exclude each other: a schedule is in epochs or in steps"))
		}
		c.opts.NSteps, c.opts.NStepsDecay = 0, 0 // those of the preset, or of the run so far
	}
	return c, f, c.validate(f)
}

// validate reports mistakes in the options.
func (c *config) validate(f *cli.Flags) error {
	if f.NArg() > 0 && c.json {
		return cli.Usage(fmt.Errorf("unexpected argument %q: -json prints to standard output. Fix: -json > %[1]s", f.Arg(0)))
	}
	if f.NArg() > 0 {
		return cli.Usage(fmt.Errorf("unexpected argument %q; did you mean -dataroot %s?", f.Arg(0), f.Arg(0)))
	}
	if err := errors.Join(c.runFlags.validate(), c.opts.Validate()); err != nil {
		return cli.Usage(err)
	}
	if c.check || c.worker != "" {
		return nil // these write nothing
	}
	if !c.resume {
		return c.pickName()
	}
	if err := c.opts.CheckResume(c.saved); err != nil {
		return cli.Usage(err)
	}
	return nil
}

// presetOptions returns the defaults of a new run: those of -preset, or of the demo without data.
// With data they are those of fast, or of the paper for an official command line or other networks.
// Old says that the command line uses old names of official options.
func presetOptions(first train.Options, explicit map[string]bool, old bool) (train.Options, error) {
	name := "demo"
	switch {
	case explicit["preset"]:
		name = first.Preset
	case !explicit["dataroot"] && !explicit["dir_A"] && !explicit["dir_B"]:
	case old || explicit["model"] || explicit["netG"] || explicit["netD"]:
		name = "paper"
	default:
		name = "fast"
	}
	o, err := train.Preset(name)
	if err != nil {
		err = cli.Usage(err)
	}
	return o, err
}

// savedOptions returns the options of the run to resume.
func savedOptions(first train.Options, explicit map[string]bool) (train.Options, error) {
	if !explicit["name"] {
		return first, cli.Usage(errors.New("-continue_train needs the -name of the run"))
	}
	o, err := train.LoadRun(first.CheckpointsDir, first.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return o, cli.Usage(fmt.Errorf("no run %q in %s; omit -continue_train to start one%s", first.Name, first.CheckpointsDir, cli.There("runs", first.CheckpointsDir, cli.Runs)))
	}
	return o, err
}

// forgetData drops the saved place of a run's images if the command line names another one, which
// may be of the other kind: a dataroot or two folders.
func (c *config) forgetData() {
	if c.explicit["dataroot"] || c.explicit["dir_A"] && c.explicit["dir_B"] {
		o := &c.opts
		o.Dataroot, o.DirA, o.DirB, o.TestDirA, o.TestDirB = "", "", "", "", ""
	}
}

// pickName keeps a new run out of the folder of an old one. It rejects a given name that is taken,
// and numbers a default one.
func (c *config) pickName() error {
	base := c.opts.Name
	for i := 2; ; i++ {
		_, err := os.Stat(filepath.Join(c.opts.Dir(), train.OptionsFile))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look for older runs: %w", err)
		}
		if c.explicit["name"] {
			return cli.Usage(fmt.Errorf("run %s exists; add -continue_train to resume it, or choose another -name", c.opts.Dir()))
		}
		c.opts.Name = fmt.Sprintf("%s-%d", base, i)
	}
}

// checkImages carries out -check: it decodes every image, prints the findings and returns the exit
// status. It needs neither TensorFlow nor the run's folder.
func (c *config) checkImages(stdout, stderr *os.File) int {
	ctx, stop := cli.Context()
	defer stop()
	found, err := c.inspect(ctx, stdout, stderr)
	switch {
	case ctx.Err() != nil:
		return cli.Interrupted
	case err != nil:
		return cli.Report(stderr, "train", err)
	case len(found.Unreadable) > 0:
		return cli.SomeFailed
	}
	return cli.Done
}

// inspect decodes every image and prints the findings. The error says what prevents a run.
func (c *config) inspect(ctx context.Context, stdout, stderr *os.File) (*inspect.Result, error) {
	data, err := c.opts.OpenData(c.resume)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	options := inspect.Options{Decode: true}
	if term.IsTerminal(int(stderr.Fd())) {
		options.Progress = func(done, total int) { fmt.Fprintf(stderr, "\rimages: %d of %d", done, total) }
	}
	found, err := inspect.Dataset(ctx, data, options)
	if options.Progress != nil {
		fmt.Fprint(stderr, "\r\x1b[K")
	}
	if err != nil {
		return nil, err
	}
	if !c.json {
		return found, errors.Join(found.Fprint(stdout, c.verbose), found.Err())
	}
	out := json.NewEncoder(stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return found, errors.Join(out.Encode(found), found.Err())
}
