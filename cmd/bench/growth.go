package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"cyclegan/cmd/internal/cli"
)

// growthArgument makes this program measure how time and memory grow.
const growthArgument = "growth"

// A growth is that command line.
type growth struct {
	command // of which it has dataroot and the settings, a base for each work
	out     string
	axes    []axis
	budget  float64 // seconds
	redraw  bool
}

func startGrowth(args []string, stderr io.Writer) (*growth, int, bool) {
	g, err := parseGrowth(args, stderr)
	if err != nil {
		return nil, cli.Report(stderr, "bench growth", err), false
	}
	return g, cli.Done, true
}

func parseGrowth(args []string, stderr io.Writer) (*growth, error) {
	g := &growth{}
	asked, grow := setting{Precision: "f32"}, ""
	fs := flag.NewFlagSet("bench growth", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&g.out, "o", "", "`folder` for the plots, the table and the numbers")
	fs.StringVar(&grow, "grow", defaultAxes, "what grows, and its `values`")
	fs.BoolVar(&g.redraw, "redraw", false, "measure nothing, and make plots and table of the folder's growth.json anew")
	fs.IntVar(&asked.Rounds, "rounds", 3, "`turns` for each value at most")
	fs.Float64Var(&g.budget, "budget", 10, "`seconds` after which a value has no further turn")
	fs.IntVar(&asked.Threads, "threads", 0, "`threads` to compute with; 0 for one a processor")
	fs.IntVar(&asked.Size, "size", 0, "`side` of the pictures in pixels where something else grows (default: 128 for step, 256 for convert)")
	fs.StringVar(&asked.NetG, "netG", "", "`generator`: resnet_6blocks or resnet_9blocks (default: resnet_6blocks for step, resnet_9blocks for convert)")
	fs.IntVar(&asked.NGF, "ngf", 0, "`filters` in the generator's last hidden layer where something else grows (default 64)")
	fs.IntVar(&asked.NDF, "ndf", 0, "`filters` in the discriminator's first layer (default 64)")
	fs.StringVar(&g.dataroot, "dataroot", "", "`folder` or zip file with trainA, trainB and testA, testB to take pictures from (default: built-in scenes)")
	fs.Usage = func() {}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			growthUsage(fs, stderr)
			return nil, err
		}
		return nil, cli.Usage(err)
	}
	explicit := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { explicit[f.Name] = true })
	var errs []error
	if g.out == "" {
		errs = append(errs, errors.New("-o: name a folder for the results"))
	}
	if !(g.budget >= 0) {
		errs = append(errs, fmt.Errorf("-budget %g: it is 0 or more seconds", g.budget))
	}
	if err := checkSetting(fs, asked, explicit); err != nil {
		errs = append(errs, err)
	}
	axes, err := parseAxes(grow)
	if err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, cli.Usage(err)
	}
	g.axes = axes
	for _, w := range g.works() {
		g.settings = append(g.settings, settingsOf(w, asked)[0])
	}
	return g, nil
}

func growthUsage(fs *flag.FlagSet, out io.Writer) {
	fmt.Fprintf(out, `Measure how the time and the memory of training and of converting pictures grow, and set beside it what the
networks' operations and bytes should take on this machine.

  go run ./cmd/bench growth -o DIR

A training step and a folder of pictures have one of their numbers changed at a time. The folder gets

  step.png, convert.png     what was measured, with the model's line
  table.md                  the same in numbers
  growth.json               everything, with machine and versions

and standard output a short table. Every value has a process of its own, whose memory is its peak. The model and its
peaks, which are measured first, are told in testdata/growth/README.md.

What has been measured is kept in growth.partial.json as it goes. The same command goes on from there after Ctrl-C;
one that had come to its end begins anew, and replaces the results once it has new ones. Leave the machine alone
meanwhile: all of it takes about a quarter of an hour on two processors.
Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.

The options:

`)
	fs.SetOutput(out)
	fs.PrintDefaults()
}

// works are those that something of grows.
func (g *growth) works() []string {
	var works []string
	for _, w := range []string{workStep, workConvert} {
		for _, a := range g.axes {
			if a.Work == w {
				works = append(works, w)
				break
			}
		}
	}
	return works
}

// run measures what is missing, then writes the results.
func (g *growth) run(ctx context.Context) error {
	var s *study
	var err error
	if g.redraw {
		s, err = readStudy(filepath.Join(g.out, studyFile))
	} else {
		if err := os.MkdirAll(g.out, 0o755); err != nil {
			return err
		}
		s, err = g.measureAll(ctx)
	}
	if err != nil {
		return err
	}
	if err := s.predict(); err != nil {
		return err
	}
	if err := s.save(g.out); err != nil {
		return err
	}
	s.printShort(os.Stdout)
	if g.redraw {
		return nil
	}
	if err := os.Remove(filepath.Join(g.out, partialFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return s.failures()
}

// failures lists the values that could not be measured.
func (s *study) failures() error {
	var failed []string
	for _, p := range s.Points {
		if p.Failed != "" {
			failed = append(failed, fmt.Sprintf("%s: %s", p.Setting, p.Failed))
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("not everything could be measured:\n%s", strings.Join(failed, "\n"))
}
