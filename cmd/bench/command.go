// Command bench measures this project beside its peers in Python: a training
// step, folders of pictures through a generator, a single picture from the
// start, and the export.
//
//	go run ./cmd/bench                              # our side alone
//	go run ./cmd/bench -python venv/bin/python      # with the peers that this Python has
//	go run ./cmd/bench -python venv/bin/python -work step -size 64 -ngf 32 -rounds 9
//	go run ./cmd/bench growth -o DIR                # time and memory against size, batch, width and number of pictures
//
// Every contender has the same weights and the same pictures, and is timed
// only once its results agree with ours. They take turns, so that what else
// happens on the machine falls on all of them. The peers' scripts and the
// recipe that installs them are in the folder peers.
//
// It is a plain program. The processes that train and export for our side are
// it as well, built with TensorFlow by the build tag "tensorflow"; what is
// missing for that is fetched and built at the start.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"

	"cyclegan/cmd/internal/cli"
)

// A command is a command line that has been understood.
type command struct {
	python   string
	works    []string
	peers    []string // nil for all
	settings []setting
	dataroot string
	json     string
	dir      string

	found map[string]faults // by the folder of a setting
}

// start parses the command line. When that is the end of it, for help or for a
// mistake, it says so on stderr and returns false with the exit status.
func start(args []string, stderr io.Writer) (*command, int, bool) {
	c, err := parse(args, stderr)
	if err != nil {
		return nil, cli.Report(stderr, "bench", err), false
	}
	return c, cli.Done, true
}

func parse(args []string, stderr io.Writer) (*command, error) {
	c := &command{}
	works, peers, asked := "", "", setting{}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&works, "work", strings.Join(allWorks, ","), "what to measure: some of `"+strings.Join(allWorks, ",")+"`")
	fs.StringVar(&c.python, "python", "", "`interpreter` that has the peers; without it they are left out")
	fs.StringVar(&peers, "peers", "", "the peers to measure, `names` with commas (default: all that there are): "+strings.Join(peerNames(), ", "))
	fs.StringVar(&c.dataroot, "dataroot", "", "`folder` or zip file with trainA, trainB and testA, testB to take pictures from (default: built-in scenes)")
	fs.IntVar(&asked.Rounds, "rounds", 5, "`turns` of each contender")
	fs.IntVar(&asked.Steps, "steps", 0, "training `steps` in a turn (default: as many as take some seconds)")
	fs.IntVar(&asked.Pictures, "pictures", 0, "`pictures` in a turn of convert and session (default 200 and 20)")
	fs.IntVar(&asked.Threads, "threads", 0, "`threads` that each contender computes with; 0 for one a processor")
	fs.IntVar(&asked.Size, "size", 0, "`side` of the pictures in pixels (default: 128 and 64 for step, 256 for the rest)")
	fs.StringVar(&asked.NetG, "netG", "", "`generator`: resnet_6blocks or resnet_9blocks (default: resnet_6blocks for step, resnet_9blocks for the rest)")
	fs.IntVar(&asked.NGF, "ngf", 0, "`filters` in the generator's last hidden layer (default 64)")
	fs.IntVar(&asked.NDF, "ndf", 0, "`filters` in the discriminator's first layer (default 64)")
	fs.IntVar(&asked.Batch, "batch_size", 0, "`pictures` of each domain in a training step (default 1)")
	fs.StringVar(&asked.Precision, "precision", "", "f32, or `bf16` for mixed precision in training (default: both)")
	fs.StringVar(&c.json, "json", "", "`file` to write everything to as JSON, - for standard output")
	fs.StringVar(&c.dir, "dir", "", "`folder` to keep weights, models, pictures and logs in (default: one that is removed at the end)")
	fs.Usage = func() {}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			usage(fs, stderr)
			return nil, err
		}
		return nil, cli.Usage(err)
	}
	c.works = split(works)
	explicit := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { explicit[f.Name] = true })
	if explicit["peers"] {
		c.peers = split(peers)
	}
	if err := c.check(fs, asked, explicit); err != nil {
		return nil, cli.Usage(err)
	}
	for _, w := range allWorks {
		if slices.Contains(c.works, w) {
			c.settings = append(c.settings, settingsOf(w, asked)...)
		}
	}
	return c, nil
}

// split takes a list with commas apart; an empty one has nothing in it.
func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// check lists everything that is wrong with the command line.
func (c *command) check(fs *flag.FlagSet, asked setting, explicit map[string]bool) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.works) == 0 {
		bad("-work: name some of %s", strings.Join(allWorks, ", "))
	}
	for _, w := range c.works {
		if !slices.Contains(allWorks, w) {
			bad("-work %q is none of %s", w, strings.Join(allWorks, ", "))
		}
	}
	for _, p := range c.peers {
		if !slices.Contains(peerNames(), p) {
			bad("-peers %q is none of %s", p, strings.Join(peerNames(), ", "))
		}
	}
	if _, err := exec.LookPath(c.python); c.python != "" && err != nil {
		bad("-python %s can't be run: %w", c.python, err)
	}
	if explicit["peers"] && c.python == "" {
		bad("-peers goes with -python, which names the interpreter that has them")
	}
	if err := checkSetting(fs, asked, explicit); err != nil {
		errs = append(errs, err)
	}
	if asked.Precision == "bf16" && !slices.Equal(c.works, []string{workStep}) {
		bad("-precision bf16 is for training: add -work step")
	}
	return errors.Join(errs...)
}

// checkSetting lists what is wrong with what was asked of the settings, which
// bench growth takes too, and with words beyond the options.
func checkSetting(fs *flag.FlagSet, asked setting, explicit map[string]bool) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if fs.NArg() > 0 {
		bad("%q is no option", fs.Arg(0))
	}
	if asked.Rounds < 1 {
		bad("-rounds %d: at least 1", asked.Rounds)
	}
	if asked.Threads < 0 {
		bad("-threads %d: it is 1 or more, or 0 for one a processor", asked.Threads)
	}
	for name, value := range map[string]int{"steps": asked.Steps, "pictures": asked.Pictures, "ngf": asked.NGF, "ndf": asked.NDF, "batch_size": asked.Batch} {
		if explicit[name] && value < 1 {
			bad("-%s %d: at least 1", name, value)
		}
	}
	if explicit["size"] && (asked.Size < leastSize || asked.Size%4 != 0) {
		bad("-size %d: it is a multiple of 4, and at least %d", asked.Size, leastSize)
	}
	if explicit["netG"] && asked.NetG != "resnet_6blocks" && asked.NetG != "resnet_9blocks" {
		bad("-netG %q is neither resnet_6blocks nor resnet_9blocks, which the peers have too", asked.NetG)
	}
	if explicit["precision"] && asked.Precision != "f32" && asked.Precision != "bf16" {
		bad("-precision %q is neither f32 nor bf16", asked.Precision)
	}
	return errors.Join(errs...)
}

// leastSize is the smallest picture that the discriminator gives a score for.
const leastSize = 32

func usage(fs *flag.FlagSet, out io.Writer) {
	fmt.Fprintf(out, `Measure this project beside PyTorch, TensorFlow and ONNX Runtime from Python and OpenVINO.

  go run ./cmd/bench                              our side alone
  go run ./cmd/bench -python venv/bin/python      with the peers that this Python has
  go run ./cmd/bench growth -h                    how our side's time and memory grow

To install the peers: python3 -m venv venv && venv/bin/pip install -r cmd/bench/peers/requirements.txt

-work names what is measured:

  step      a training step, its pictures in memory. Without options of networks and sizes, three settings:
            128 px in f32 and in bf16, and 64 px with half the filters
  convert   a folder of pictures, files to files, by a program that is running; beside it the bare session of
            ONNX Runtime that only runs the generator as often
  cold      one picture, from the start of a program until the program has written it and ended
  export    a generator to an ONNX file; ours includes the check against TensorFlow
  session   the generator alone, on pictures in memory

Each contender is a process of its own, which stays for all rounds but for cold, and they take turns. All compute the same
thing: one whose results differ from ours is named and not timed. Leave the machine alone meanwhile. All of it, with the
peers, takes about an hour and a half on two processors, and -rounds 3 -pictures 50 about half an hour.
Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.

The options:

`)
	fs.SetOutput(out)
	fs.PrintDefaults()
}
