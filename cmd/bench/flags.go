package main

import (
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"cyclegan/cmd/internal/cli"
)

// command is a parsed command line.
type command struct {
	growth   bool
	python   string
	settings []setting // to compare; with growth, the base of each kind of work
	axes     []axis
	dataroot string
	json     string
}

const about = `Compare this project with PyTorch, TensorFlow, ONNX Runtime and OpenVINO from Python.

  go run . [options]           this project alone, or with -python also its peers
  go run . growth [options]    this project's time and memory as one number grows at a time

To install the peers: python3 -m venv venv && venv/bin/pip install -r peers/requirements.txt

  step      a training step with its images in memory. By default three settings: 128 px in f32
            and in bf16, and 64 px with half the filters
  convert   a folder of images, files to files, in a running process
  cold      one image, from the start of a program until the program has written it and ended

Leave the machine alone meanwhile. With all peers, a comparison takes about an hour on two
processors; growth takes about a quarter of an hour.
Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.`

// parse reads a command line.
func parse(args []string) (*command, *cli.Flags, error) {
	c := &command{growth: len(args) > 0 && args[0] == "growth"}
	var works, axes string
	var asked setting
	f := cli.NewFlags("bench", about)
	f.Group("What is measured")
	if c.growth {
		args = args[1:]
		f.StringVar(&axes, "grow", defaultAxes, "measure `NUMBER=VALUES`, a list separated by spaces")
	} else {
		f.StringVar(&works, "work", strings.Join(allWorks, ","), "measure `WORK`, a comma-separated list")
		f.StringVar(&c.python, "python", "", "Python interpreter `FILE` with the peers (default: no peers)")
		f.IntVar(&asked.Batch, "batch_size", 0, "train on `N` images of each domain in a step (default 1)")
		f.StringVar(&asked.Precision, "precision", "", "train in `TYPE` f32 or bf16 (default: both)")
		f.IntVar(&asked.Steps, "steps", 0, "make `N` training steps in a turn (default 3, or 15 at 64 px)")
		f.IntVar(&asked.Images, "images", 0, "convert `N` images in a turn (default 60)")
	}
	f.IntVar(&asked.Rounds, "rounds", 5, "give each contender `N` turns")
	f.IntVar(&asked.Threads, "threads", 0, "compute with `N` threads (default: one for each processor)")
	f.IntVar(&asked.Size, "size", 0, "use images of `N` x N pixels (default: 128 and 64 to train, 256 to convert)")
	f.StringVar(&asked.NetG, "netG", "", "use generator `NAME`: resnet_6blocks or resnet_9blocks (default: 6 blocks to train, 9 to convert)")
	f.IntVar(&asked.NGF, "ngf", 0, "use `N` filters in the generator's last hidden layer (default 64)")
	f.IntVar(&asked.NDF, "ndf", 0, "use `N` filters in the discriminator's first layer (default 64)")
	f.StringVar(&c.dataroot, "dataroot", "", "use the images of `DIR` or a zip file with trainA, trainB, testA and testB (default: built-in scenes)")
	f.StringVar(&c.json, "json", "", "write all numbers as JSON to `FILE`, - for standard output")
	if err := f.Parse(args); err != nil {
		return nil, f, err
	}
	if err := c.check(f.FlagSet, works, axes, asked); err != nil {
		return nil, f, cli.Usage(err)
	}
	if c.growth {
		asked.Precision = "f32"
	}
	for _, w := range allWorks {
		grows := slices.ContainsFunc(c.axes, func(a axis) bool { return a.Work == w })
		switch {
		case grows:
			c.settings = append(c.settings, settingsOf(w, asked)[0])
		case slices.Contains(strings.Split(works, ","), w):
			c.settings = append(c.settings, settingsOf(w, asked)...)
		}
	}
	return c, f, nil
}

// minSize is the smallest image for which the discriminator has an output.
const minSize = 32

// check parses the axes and lists all mistakes in the command line.
func (c *command) check(fs *flag.FlagSet, works, axes string, asked setting) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if fs.NArg() > 0 {
		bad("unexpected argument %q", fs.Arg(0))
	}
	if c.growth {
		var err error
		if c.axes, err = parseAxes(axes); err != nil {
			errs = append(errs, err)
		}
	} else {
		for _, w := range strings.Split(works, ",") {
			if !slices.Contains(allWorks, w) {
				bad("-work %q: choose from %s", w, strings.Join(allWorks, ", "))
			}
		}
	}
	if c.python != "" {
		if _, err := exec.LookPath(c.python); err != nil {
			bad("-python: %w", err)
		}
	}
	if asked.Threads < 0 {
		bad("-threads %d: must be 1 or more, or 0 for one for each processor", asked.Threads)
	}
	fs.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "rounds", "steps", "images", "ngf", "ndf", "batch_size":
			if f.Value.(flag.Getter).Get().(int) < 1 {
				bad("-%s %s: must be at least 1", f.Name, f.Value)
			}
		case "size":
			if err := checkSize(asked.Size); err != nil {
				bad("-size %w", err)
			}
		case "netG":
			if asked.NetG != "resnet_6blocks" && asked.NetG != "resnet_9blocks" {
				bad("-netG %q: must be resnet_6blocks or resnet_9blocks, which the peers have too", asked.NetG)
			}
		case "precision":
			if asked.Precision != "f32" && asked.Precision != "bf16" {
				bad("-precision %q: must be f32 or bf16", asked.Precision)
			}
		}
	})
	return errors.Join(errs...)
}

func checkSize(size int) error {
	if size < minSize || size%4 != 0 {
		return fmt.Errorf("%d: must be a multiple of 4, at least %d", size, minSize)
	}
	return nil
}
