package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"

	"cyclegan/cmd/beam/pipeline"
	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
)

type config struct {
	modelcli.Conversion
	deadLetters string
	verbose     bool

	// Options of Beam.
	runner string
	dryRun bool

	temporary string // folder for the files of the SDK, "" if there is none
}

// flags adds the command's options, which set c, to those of Beam, which are in flag.CommandLine.
func flags(c *config) *cli.Flags {
	flag.CommandLine.Init("beam", flag.ContinueOnError)
	f := cli.Wrap(flag.CommandLine, fmt.Sprintf(`Convert images with a generator as an Apache Beam pipeline. The results keep the names, folders and
sizes, and are bit-identical to those of cmd/infer.

Usage:
  %[1]s -model FILE -in PATH -out DIR [options] [further images and folders]
  %[1]s -model gs://BUCKET/G_AB.onnx -in gs://BUCKET/photos -out gs://BUCKET/winter -runner dataflow ...

Folders, images and the model are local, gs:// or s3://, and every worker must reach them. ONNX Runtime
is downloaded when this process needs it; other workers find it through CYCLEGAN_ONNXRUNTIME, in the
cache or in the system.

Exit status: 0 done, 1 failed, 2 wrong usage, 3 some images failed, 130 interrupted.`, cli.Program("beam")))
	c.Bind(f, "required")
	f.Group("Input and output")
	f.StringVar(&c.deadLetters, "dead_letters", "", "list images that could not be converted in `FILE`, one JSON object with the reason per line (default: OUT.dead_letters.jsonl, next to the folder OUT)")
	f.Group("Input and output", "dry_run")
	f.Lookup("dry_run").Usage = "list what would be converted to which files, and stop; -model may be omitted"
	f.Group("Runner: Beam's options (Dataflow has more, such as -project, -region, -staging_location, -temp_location, -num_workers)",
		"runner", "endpoint", "environment_type", "environment_config", "worker_binary", "job_name", "parallelism", "async")
	f.BoolVar(&c.verbose, "verbose", false, "show what Beam and the runner log")
	return f
}

// parse parses a command line, which in a worker is the runner's.
func (c *config) parse(f *cli.Flags, args []string) error {
	if err := f.ParseMixed(args, &c.Inputs); err != nil {
		return err
	}
	c.runner = strings.ToLower(cmp.Or(f.Lookup("runner").Value.String(), "prism"))
	c.dryRun = f.Lookup("dry_run").Value.String() == "true"
	return nil
}

// check lists every mistake in the command line, and sets options that follow from others.
func (c *config) check() error {
	bad := append(c.CheckRequired(!c.dryRun), c.Check()...)
	if c.Output != "" && c.deadLetters == "" {
		if c.deadLetters = pipeline.DefaultDeadLetters(c.Output); c.deadLetters == "" {
			bad = append(bad, fmt.Errorf("-dead_letters FILE is missing: %s has no parent folder", c.Output))
		}
	}
	if errors.Join(bad...) == nil {
		o := c.pipelineOptions()
		if c.dryRun {
			o.Model = cmp.Or(o.Model, "none")
		}
		bad = append(bad, o.Validate())
	}
	if !c.inProcess() && !c.dryRun {
		bad = append(bad, c.setWorkerBinary(), c.makeAbsolute())
	}
	if err := errors.Join(bad...); err != nil {
		return cli.Usage(err)
	}
	return nil
}

func (c *config) pipelineOptions() *pipeline.Options {
	return &pipeline.Options{
		Model: c.Model, ModelOptions: c.ModelOptions, Inputs: c.Inputs, Output: c.Output, DeadLetters: c.deadLetters,
		Format: c.Format, Quality: c.Quality, Lossless: c.Lossless, Strip: c.Strip, SkipExisting: c.SkipExisting, Workers: c.Workers, Limits: c.Limits, Resize: c.Resize,
	}
}

// inProcess reports whether this process converts the images itself, whichever runner distributes
// them.
func (c *config) inProcess() bool {
	switch env := strings.ToLower(*jobopts.EnvironmentType); {
	case env == "loopback", c.runner == "direct", c.runner == "directrunner":
		return true
	default:
		prism := c.runner == "prism" || c.runner == "prismrunner"
		return prism && env == "" && *jobopts.Endpoint == ""
	}
}

// setWorkerBinary makes workers run this very program by default. The SDK would build one without
// cgo, which cannot load ONNX Runtime.
func (c *config) setWorkerBinary() error {
	if *jobopts.WorkerBinary != "" || c.runner == "dot" {
		return nil
	}
	info, known := debug.ReadBuildInfo()
	cgo := known && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "CGO_ENABLED" && s.Value == "1" })
	path, err := os.Executable()
	if err != nil || !cgo || runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return errors.New("-worker_binary FILE is missing: workers need a program for Linux on x86-64 that is built with cgo, and this one is not\nFix: run `go build` on such a machine, and name its result")
	}
	*jobopts.WorkerBinary = path
	return nil
}

// makeAbsolute makes local paths absolute, because workers run in other folders.
func (c *config) makeAbsolute() error {
	paths := []*string{&c.Model, &c.Output, &c.deadLetters}
	for i := range c.Inputs {
		paths = append(paths, &c.Inputs[i])
	}
	for _, p := range paths {
		if *p == "" || strings.Contains(*p, "://") {
			continue
		}
		abs, err := filepath.Abs(*p)
		if err != nil {
			return err
		}
		*p = abs
	}
	return nil
}
