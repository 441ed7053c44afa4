// Command export writes trained generators as files that other programs run.
//
//	go run ./cmd/export -name RUN                                 # both generators of a run of cmd/train, also while it trains
//	go run ./cmd/export -pth latest_net_G_A.pth -o G.onnx         # the weights of the official PyTorch implementation
//	go run ./cmd/export -name RUN -format safetensors             # back to PyTorch
//	go run ./cmd/export -name RUN -precision int8                 # smaller, and faster on a CPU
//
// An ONNX file is written only once ONNX Runtime has given the same pictures
// with it as TensorFlow does with the network, or much the same ones where
// -precision asks for fewer bits. TensorFlow is linked in only
// with the build tag "tensorflow". Without it the program is the start of
// itself: it checks the command line, writes safetensors files, which need no
// library, and for ONNX fetches the native libraries if they are missing,
// builds the tagged program and becomes it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"cyclegan/cmd/internal/cli"
	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
)

// The formats, which are also the extensions of their files.
const (
	formatONNX        = "onnx"
	formatSafetensors = "safetensors"
)

// A command is a command line that has been understood.
type command struct {
	format string
	output string

	// A PyTorch file, and what is asked of it.
	pth      string
	asked    graph.GeneratorOptions
	metadata onnxgraph.Metadata

	// A run of cmd/train.
	name, checkpointsDir string
	epoch                int  // 0 for the latest checkpoint
	best                 bool // the best one in its place

	// What an ONNX file computes with, and for int8 the folder of pictures to
	// calibrate on, "" for the run's own, and how many.
	precision        onnxgraph.Precision
	calibration      string
	calibrationCount int

	explicit map[string]bool
	*work
}

// start parses the command line and loads what is to be exported. When that is
// the end of it, for help or for a mistake, it says so on stderr and returns
// false with the exit status.
func start(args []string, stderr io.Writer) (*command, int, bool) {
	c, err := parse(args, stderr)
	if err == nil {
		err = c.load()
	}
	if err != nil {
		return nil, cli.Report(stderr, "export", err), false
	}
	return c, cli.Done, true
}

func parse(args []string, stderr io.Writer) (*command, error) {
	c := &command{explicit: map[string]bool{}}
	epoch, norm, precision, noDropout, cropSize := "", "", "", false, 0
	fs := flag.NewFlagSet("export", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&c.pth, "pth", "", "PyTorch `file` to export: a state dict such as latest_net_G_A.pth, or safetensors")
	fs.StringVar(&c.name, "name", "", "`run` of cmd/train to export, in place of -pth")
	fs.StringVar(&c.output, "o", "", "with -pth, the `path` to write (needed); with -name, the folder to write to (default: the run's own)")
	fs.StringVar(&c.format, "format", "", "`onnx`, or safetensors for PyTorch (default: as -o's extension says, else onnx)")

	fs.StringVar(&precision, "precision", "f32", "what the ONNX file computes with: `f32`; f16, of half the size, for GPUs; or int8, of a quarter, on a CPU two to four times as fast")
	fs.StringVar(&c.calibration, "calibration", "", "with -precision int8, `folder` of pictures like those to convert, from which it learns the range of its integers (needed with -pth; default: the run's training pictures). With -name also one with trainA and trainB")
	fs.IntVar(&c.calibrationCount, "calibration_count", 64, "with -precision int8, `pictures` to calibrate on")

	fs.StringVar(&c.checkpointsDir, "checkpoints_dir", "./checkpoints", "with -name, `folder` of all runs")
	fs.StringVar(&epoch, "epoch", "latest", "with -name, `latest`, best, or the number of an epoch that was kept")

	fs.StringVar(&c.asked.Architecture, "netG", "", "with -pth, the `generator` that it must be: resnet_9blocks, resnet_6blocks, unet_256 or unet_128 (default: as its tensors show, as for all of these)")
	fs.StringVar(&norm, "norm", "", "with -pth, its `normalisation`: instance, batch or none")
	fs.IntVar(&c.asked.Filters, "ngf", 0, "with -pth, `filters` in its last hidden layer")
	fs.IntVar(&c.asked.In, "input_nc", 0, "with -pth, `channels` of the pictures it takes")
	fs.IntVar(&c.asked.Out, "output_nc", 0, "with -pth, `channels` of the pictures it gives")
	fs.BoolVar(&noDropout, "no_dropout", false, "with -pth, it has no dropout; -no_dropout=false for one that has")

	fs.StringVar(&c.metadata.Direction, "direction", "AtoB", "with -pth, `AtoB` or BtoA, which the ONNX file tells")
	fs.StringVar(&c.metadata.DomainFrom, "domain_from", "", "with -pth, `name` of the domain it translates from (default: A or B, by the direction)")
	fs.StringVar(&c.metadata.DomainTo, "domain_to", "", "with -pth, `name` of the domain it translates to")
	fs.IntVar(&cropSize, "crop_size", 0, "with -pth, size in `pixels` that it was trained on, 256 for the official defaults; 0 for unknown")
	fs.Usage = func() {}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			usage(fs, stderr)
			return nil, err
		}
		return nil, cli.Usage(err)
	}
	fs.Visit(func(f *flag.Flag) { c.explicit[f.Name] = true })
	c.asked.Norm, c.asked.Dropout = graph.Norm(norm), !noDropout
	c.metadata.TrainWidth, c.metadata.TrainHeight = cropSize, cropSize
	c.precision = onnxgraph.Precision(precision)
	if err := c.check(fs, epoch); err != nil {
		return nil, cli.Usage(err)
	}
	return c, nil
}

func usage(fs *flag.FlagSet, stderr io.Writer) {
	fmt.Fprint(stderr, `Export generators as ONNX, for cmd/infer and other programs, or as safetensors, for PyTorch.

  go run ./cmd/export -name RUN [-epoch latest|best|N] [-o FOLDER] [-format onnx|safetensors]
  go run ./cmd/export -pth FILE -o G.onnx [options]
  go run ./cmd/export -pth FILE -o G.safetensors [options]
  go run ./cmd/export -name RUN -precision f16|int8 [-calibration FOLDER] [-calibration_count N]
  go run ./cmd/export -pth FILE -o G.int8.onnx -precision int8 -calibration FOLDER

A run can be exported while it trains, and after it was interrupted: its newest checkpoint counts.
Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.

The options:

`)
	fs.SetOutput(stderr)
	fs.PrintDefaults()
}

// check lists everything that is wrong with the command line.
func (c *command) check(fs *flag.FlagSet, epoch string) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if fs.NArg() > 0 {
		bad("%q is no option; did you mean -pth %s?", fs.Arg(0), fs.Arg(0))
	}
	switch {
	case c.pth == "" && c.name == "":
		bad("name what to export: -name RUN or -pth FILE")
	case c.pth != "" && c.name != "":
		bad("-pth and -name can't be exported at once")
	case c.pth != "":
		c.checkPTH(bad)
	default:
		c.checkRun(bad, epoch)
	}
	extension := strings.ToLower(strings.TrimPrefix(filepath.Ext(c.output), "."))
	if c.format == "" && c.pth != "" && extension != formatONNX && extension != formatSafetensors && c.output != "" {
		bad("-o %s ends in neither .onnx nor .safetensors; say which with -format", c.output)
	}
	if c.format == "" {
		c.format = formatONNX
		if c.pth != "" {
			c.format = extension
		}
	} else if c.format != formatONNX && c.format != formatSafetensors {
		bad("-format %q is neither onnx nor safetensors", c.format)
	}
	c.checkPrecision(bad)
	return errors.Join(errs...)
}

// checkPrecision checks -precision and what comes with it.
func (c *command) checkPrecision(bad func(string, ...any)) {
	if !slices.Contains(onnxgraph.Precisions, c.precision) {
		bad("-precision %q is none of f32, f16 and int8", c.precision)
		return
	}
	if c.format == formatSafetensors && c.precision != onnxgraph.F32 {
		bad("-precision %s is for ONNX files; safetensors keep the weights as they were trained", c.precision)
	}
	if c.precision != onnxgraph.Int8 {
		for _, name := range []string{"calibration", "calibration_count"} {
			if c.explicit[name] {
				bad("-%s goes with -precision int8", name)
			}
		}
		return
	}
	if c.calibrationCount < 1 {
		bad("-calibration_count %d: at least 1", c.calibrationCount)
	}
	if c.pth != "" && c.calibration == "" {
		bad("-calibration FOLDER is missing: -precision int8 has to see some pictures like those that the generator shall convert, and a PyTorch file brings none")
	}
}

// checkPTH checks what comes with -pth.
func (c *command) checkPTH(bad func(string, ...any)) {
	if c.output == "" {
		bad("-o PATH is missing: where to write what -pth holds, such as -o G_AB.onnx")
	}
	c.refuse(bad, "-pth", "-name", "checkpoints_dir", "epoch")
	o := graph.GeneratorOptions{Architecture: graph.ResNet9, In: 3, Out: 3, Filters: 1, Norm: graph.NormInstance, Upsampling: graph.UpTranspose}
	if err := c.override(o).Validate(); err != nil {
		bad("%w", err)
	}
	if c.asked.Architecture == graph.Yosemite {
		bad("-netG yosemite: the official implementation has no such generator")
	}
	if c.metadata.DomainFrom == "" && c.metadata.DomainTo == "" {
		c.metadata.DomainFrom, c.metadata.DomainTo = "A", "B"
		if c.metadata.Direction == "BtoA" {
			c.metadata.DomainFrom, c.metadata.DomainTo = "B", "A"
		}
	}
	if err := c.metadata.Validate(); err != nil {
		bad("%w", err)
	}
}

// checkRun checks what comes with -name.
func (c *command) checkRun(bad func(string, ...any), epoch string) {
	c.refuse(bad, "-name", "-pth", "netG", "norm", "ngf", "input_nc", "output_nc", "no_dropout", "direction", "domain_from", "domain_to", "crop_size")
	if extension := filepath.Ext(c.output); extension == "."+formatONNX || extension == "."+formatSafetensors {
		bad("-o %s: with -name it is a folder, for two generators", c.output)
	}
	if !filepath.IsLocal(c.name) {
		bad("-name %q can't be the name of a run", c.name)
	}
	c.best = epoch == "best"
	if epoch != "latest" && !c.best {
		n, err := strconv.Atoi(epoch)
		if err != nil || n < 1 {
			bad("-epoch %q is neither latest nor best nor the number of an epoch", epoch)
		}
		c.epoch = n
	}
}

// refuse names options that go with something else.
func (c *command) refuse(bad func(string, ...any), with, belongs string, names ...string) {
	for _, name := range names {
		if c.explicit[name] {
			bad("-%s goes with %s, not with %s", name, belongs, with)
		}
	}
}

// override puts what the command line asks for in the place of what is there.
func (c *command) override(o graph.GeneratorOptions) graph.GeneratorOptions {
	for name, set := range map[string]func(){
		"netG":       func() { o.Architecture = c.asked.Architecture },
		"norm":       func() { o.Norm = c.asked.Norm },
		"ngf":        func() { o.Filters = c.asked.Filters },
		"input_nc":   func() { o.In = c.asked.In },
		"output_nc":  func() { o.Out = c.asked.Out },
		"no_dropout": func() { o.Dropout = c.asked.Dropout },
	} {
		if c.explicit[name] {
			set()
		}
	}
	return o
}
