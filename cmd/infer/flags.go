package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer/pixels"
)

type config struct {
	modelcli.Conversion
	dryRun   bool
	watch    bool
	official official
	byRun    bool // the official options name the models and images
}

func flags(c *config) *cli.Flags {
	f := cli.NewFlags("infer", fmt.Sprintf(`Convert images with a trained generator. The results keep the names, folders and sizes.

Usage:
  %[1]s -in PATH -out DIR [-direction BtoA] [options] [further images and folders]
  %[1]s -model FILE -in PATH -out DIR [options] [further images and folders]
  %[1]s -in - -out - [options] < IMAGE_OR_VIDEO > RESULT
  %[1]s -dataroot DIR -name NAME [-model cycle_gan] [options]
  %[1]s -dataroot DIR -name NAME -model test -model_suffix _A [options]
  %[1]s inspect [MODEL...] [options]

The first form uses the built-in model, which turns summer to winter, or winter to summer with
-direction BtoA. The third form converts an image or an uncompressed video in the format Y4M, which
ffmpeg reads and writes, from standard input or a file to standard output. The fourth and fifth are
those of the official test.py; -name is the name of a run of %[2]s. The last form describes models;
inspect -h lists its options.
Several input folders become a folder each in the output. ONNX Runtime is downloaded when it is first
needed. Ctrl-C finishes the images in progress; a second one aborts them. On Linux, the environment
variable GLIBC_TUNABLES=glibc.malloc.hugetlb=1 can make conversion faster.

Exit status: 0 done, 1 failed, 2 wrong usage, 3 some images failed, 130 interrupted.`, cli.Program("infer"), cli.Program("train")))
	c.Bind(f, "default: the built-in model")
	f.Group("Input and output")
	f.BoolVar(&c.dryRun, "dry_run", false, "list what would be converted to which files, and stop")
	f.BoolVar(&c.watch, "watch", false, "keep running, and convert images that arrive in the inputs or change there, until Ctrl-C")
	c.official.bind(f)
	return f
}

// parse parses a command line. Its error lists every mistake.
func (c *config) parse(f *cli.Flags, args []string) error {
	if err := f.ParseMixed(args, &c.Inputs); err != nil {
		return err
	}
	bad := []error{c.official.choose(c)}
	switch {
	case bad[0] != nil:
	case c.byRun:
		if c.Format == "" {
			c.Format = "png"
		}
		bad = append(bad, c.official.check(c)...)
	default:
		if err := oneOf("AtoB", "BtoA")(c.official.value("direction")); err != nil {
			bad = append(bad, fmt.Errorf("-direction: %w", err))
		}
		bad = append(bad, c.CheckRequired(false)...)
		extension := strings.ToLower(strings.TrimPrefix(filepath.Ext(c.Output), "."))
		if _, err := os.Stat(c.Output); err != nil && pixels.Writable(extension) {
			bad = append(bad, fmt.Errorf("-out %s: results go to a folder. Fix: name a folder, or for a single image use -format %s -out - > %[1]s", c.Output, extension))
		}
	}
	switch {
	case c.watch && c.dryRun:
		bad = append(bad, errors.New("-watch: cannot be combined with -dry_run"))
	case c.watch && c.byRun:
		bad = append(bad, fmt.Errorf("-watch: cannot be combined with %s; it applies with -in and -out", c.official.form()))
	}
	bad = append(bad, c.checkPipes()...)
	bad = append(bad, c.Check()...)
	if err := errors.Join(bad...); err != nil {
		return cli.Usage(err)
	}
	return nil
}

// jobs returns the conversions that the command line requests, and prints notes about them.
func (c *config) jobs(stderr io.Writer) ([]job, error) {
	if renamed := c.official.flags.Renamed(); renamed != "" {
		fmt.Fprintln(stderr, "note:", renamed)
	}
	if !c.byRun {
		model := source{path: c.Model, direction: c.official.value("direction")}
		return []job{{model: model, inputs: c.Inputs, output: c.Output}}, nil
	}
	jobs, notes, err := c.official.jobs()
	for _, note := range notes {
		fmt.Fprintln(stderr, "note:", note)
	}
	return jobs, err
}
