// Command export writes trained generators as files that other programs run.
//
//	go run ./cmd/export -name RUN                                 # both generators of a run, also while it trains
//	go run ./cmd/export -pth latest_net_G_A.pth -o G.onnx         # weights of the official PyTorch implementation
//	go run ./cmd/export -name RUN -format safetensors             # back to PyTorch
//	go run ./cmd/export -name RUN -precision int8                 # smaller, and faster on a CPU
//
// An ONNX file is written only after ONNX Runtime has computed the same images with it as
// TensorFlow with the network, or similar ones for a lower -precision. Without the build tag
// "tensorflow" the program is a launcher: it checks the command line, writes safetensors files,
// which need no library, and for ONNX fetches the native libraries, builds the tagged program and
// runs it.
package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"cyclegan/cmd/internal/cli"
	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/infer/pixels"
	"cyclegan/train/export"
)

// The formats, which are also the extensions of their files.
const (
	formatONNX        = "onnx"
	formatSafetensors = "safetensors"
)

// Values of -epoch.
const (
	best   = "best"
	latest = "latest"
)

// command is the parsed command line, and what it has loaded.
type command struct {
	format string
	output string

	// Options for a PyTorch file.
	pth      string
	net      string // one of several generators in the file
	asked    graph.GeneratorOptions
	metadata onnxgraph.Metadata

	// Options for a run of cmd/train.
	name, checkpointsDir string
	epoch                string // best, latest, the number of an epoch, or "" for the best if there is one

	precision        onnxgraph.Precision
	force            bool   // keep a file that lost too much
	calibration      string // folder of images for int8; "" for those of the run
	calibrationCount int

	explicit map[string]bool
	loaded
}

// Options that apply only with -pth, and only with -name.
var (
	pthOptions = []string{"net", "netG", "norm", "ngf", "input_nc", "output_nc", "no_dropout", "direction", "domain_from", "domain_to", "window", "crop_size"}
	runOptions = []string{"checkpoints_dir", "epoch"}
)

// start parses the command line and loads what it exports. For help and for mistakes it prints them
// and returns false with the exit status.
func start(args []string, stdout, stderr io.Writer) (*command, int, bool) {
	c := &command{}
	var norm, precision string
	var noDropout bool
	var cropSize int
	program := cli.Program("export")
	f := cli.NewFlags("export", fmt.Sprintf(`Export generators as ONNX, for %[2]s and other programs, or as safetensors, for PyTorch.

Usage:
  %[1]s -name NAME [-epoch latest|best|N] [-o DIR] [options]
  %[1]s -pth FILE -o G.onnx [options]
  %[1]s -pth FILE -o G.safetensors [options]
  %[1]s -pth FILE -o G.int8.onnx -precision int8 -calibration DIR

A run can be exported while it trains and after it was interrupted: its best checkpoint so far is used,
or the latest before the first evaluation.

A file of a lower precision is compared with f32 on images: calibration images that were not used, or
random ones for f16. If the mean PSNR is below %[4]d dB, a difference may be visible, and there is a
warning. Below %[3]d dB nothing is written, except with -force.

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.`, program, cli.Program("infer"), export.MinPSNR, export.GoodPSNR))
	f.Group("Source and output")
	f.StringVar(&c.name, "name", "", "export both generators of the run `NAME`")
	f.StringVar(&c.pth, "pth", "", "export the PyTorch `FILE`: a state dict such as latest_net_G_A.pth, a checkpoint, or safetensors")
	f.StringVar(&c.output, "o", "", "write to `PATH`: a file with -pth (required), a folder with -name (default: the run's folder)")
	f.StringVar(&c.format, "format", "", "write the format `NAME`: onnx, or safetensors for PyTorch (default: the extension of -o, else onnx)")
	f.Group("Precision of ONNX files")
	f.StringVar(&precision, "precision", "f32", "compute with `NAME`: f32, f16 (half the size, for GPUs) or int8 (a quarter of the size, two to four times as fast on a CPU)")
	f.BoolVar(&c.force, "force", false, fmt.Sprintf("write a file of a lower precision even if its images have a PSNR below %d dB to those of f32. Below %d dB there is a warning", export.MinPSNR, export.GoodPSNR))
	f.StringVar(&c.calibration, "calibration", "", "calibrate int8 on the images in `DIR`, or with -name in DIR/trainA and DIR/trainB, which should resemble those to convert (required with -pth; default: the run's training images)")
	f.IntVar(&c.calibrationCount, "calibration_count", 64, "calibrate int8 on `N` images")
	f.Group("With -name")
	f.StringVar(&c.checkpointsDir, "checkpoints_dir", "./checkpoints", "folder `DIR` of all runs")
	f.StringVar(&c.epoch, "epoch", "", "export the checkpoint `NAME`: best, latest or the number of a kept epoch (default: the best if there is one, else the latest)")
	f.Group("With -pth")
	f.StringVar(&c.net, "net", "", "export the generator `NAME` of a checkpoint that holds several, such as G_AB (default: by -direction)")
	f.StringVar(&c.asked.Architecture, "netG", "", "require the generator `NAME`: resnet_9blocks or another number of blocks, unet_256, unet_128, pyramid, or deeplearning_ai (default, here and below: from the tensors)")
	f.StringVar(&norm, "norm", "", "require the normalization `NAME`: instance, instance_affine, batch, or none")
	f.IntVar(&c.asked.Filters, "ngf", 0, "require `N` filters in the last hidden layer")
	f.IntVar(&c.asked.In, "input_nc", 0, "require `N` input channels")
	f.IntVar(&c.asked.Out, "output_nc", 0, "require `N` output channels")
	f.BoolVar(&noDropout, "no_dropout", false, "require a generator without dropout, or one with dropout with =false")
	f.StringVar(&c.metadata.Direction, "direction", "AtoB", "record the direction `NAME`, AtoB or BtoA, in the ONNX file")
	f.StringVar(&c.metadata.DomainFrom, "domain_from", "", "record `NAME` as the input domain (default: A or B, by the direction)")
	f.StringVar(&c.metadata.DomainTo, "domain_to", "", "record `NAME` as the output domain (default: A or B, by the direction)")
	f.Func("window", "record the values `LO,HI` that 16-bit images use, such as 0,4095 for 12 bits, or IN:OUT, one window for each domain (default: none, for training images with 8 bits)", func(s string) (err error) {
		c.metadata.InputWindow, c.metadata.OutputWindow, err = pixels.ParseWindows(s)
		return err
	})
	f.IntVar(&cropSize, "crop_size", 0, "record the training size of `N` pixels, 256 for the official defaults (default: unknown)")

	err := f.Parse(args)
	if err == nil {
		c.explicit = f.Explicit()
		c.asked.Norm, c.asked.Dropout = graph.Norm(norm), !noDropout
		c.metadata.TrainWidth, c.metadata.TrainHeight = cropSize, cropSize
		c.precision = onnxgraph.Precision(precision)
		if mistakes := errors.Join(c.check(f.Args())...); mistakes != nil {
			err = cli.Usage(mistakes)
		} else {
			err = c.load()
		}
	}
	if err != nil {
		return nil, f.Report(err, stdout, stderr), false
	}
	return c, cli.Done, true
}

func (c *command) check(args []string) []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(args) > 0 {
		option := "-name"
		if filepath.Ext(args[0]) != "" {
			option = "-pth"
		}
		bad("unexpected argument %q; did you mean %s %[1]s?", args[0], option)
	}
	switch {
	case c.pth == "" && c.name == "":
		bad("-name NAME or -pth FILE is missing")
	case c.pth != "" && c.name != "":
		bad("-pth and -name exclude each other")
	case c.pth != "":
		c.checkPTH(bad)
	default:
		c.checkRun(bad)
	}
	extension := strings.ToLower(strings.TrimPrefix(filepath.Ext(c.output), "."))
	if c.format == "" && c.pth != "" && extension != formatONNX && extension != formatSafetensors && c.output != "" {
		bad("-o %s ends in neither .onnx nor .safetensors; add -format", c.output)
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
	return errs
}

func (c *command) checkPrecision(bad func(string, ...any)) {
	if !slices.Contains(onnxgraph.Precisions, c.precision) {
		bad("-precision %q is not f32, f16 or int8", c.precision)
		return
	}
	if c.format == formatSafetensors && c.precision != onnxgraph.F32 {
		bad("-precision %s is for ONNX files; safetensors files keep the trained weights", c.precision)
	}
	if c.precision == onnxgraph.F32 {
		c.refuse(bad, "-precision f16 or int8", "force")
	}
	if c.precision != onnxgraph.Int8 {
		c.refuse(bad, "-precision int8", "calibration", "calibration_count")
		return
	}
	if c.calibrationCount < 1 {
		bad("-calibration_count %d is below 1", c.calibrationCount)
	}
	if c.pth != "" && c.calibration == "" {
		bad("-calibration DIR is missing: int8 needs images that resemble those to convert, and a PyTorch file has none")
	}
}

func (c *command) checkPTH(bad func(string, ...any)) {
	if c.output == "" {
		bad("-o PATH is missing: the file to write, such as -o G_AB.onnx")
	}
	c.refuse(bad, "-name", runOptions...)
	// The filters and the size of the crops fit every generator.
	o := graph.GeneratorOptions{Architecture: graph.ResNet9, In: 3, Out: 3, Filters: 4, Size: 128, Norm: graph.NormInstance, Upsampling: graph.UpTranspose}
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

func (c *command) checkRun(bad func(string, ...any)) {
	c.refuse(bad, "-pth", pthOptions...)
	if extension := filepath.Ext(c.output); extension == "."+formatONNX || extension == "."+formatSafetensors {
		bad("-o %s: with -name, name a folder, for two generators", c.output)
	}
	if !filepath.IsLocal(c.name) {
		bad("-name %q cannot be the name of a run", c.name)
	}
	if c.epoch != "" && c.epoch != best && c.epoch != latest {
		if n, err := strconv.Atoi(c.epoch); err != nil || n < 1 {
			bad("-epoch %q is not latest, best or the number of an epoch", c.epoch)
		}
	}
}

// refuse reports options that apply only with another one.
func (c *command) refuse(bad func(string, ...any), with string, names ...string) {
	for _, name := range names {
		if c.explicit[name] {
			bad("-%s applies only with %s", name, with)
		}
	}
}

// override replaces options by those on the command line.
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
