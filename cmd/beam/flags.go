package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
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

// config is what a command line asks for.
type config struct {
	options pipeline.Options
	json    string
	verbose bool
	// own are the names of the options that are not Beam's.
	own []string
	// runner and dryRun are options of Beam's.
	runner string
	dryRun bool

	temporary string // a folder, while there is one
}

// flags adds the command's options, which fill c, to those of Beam, which are the process's own.
func flags(c *config) *flag.FlagSet {
	f := flag.CommandLine
	f.Init("beam", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	beams := map[string]bool{}
	f.VisitAll(func(f *flag.Flag) { beams[f.Name] = true })
	o := &c.options
	f.StringVar(&o.Model, "model", "", "the generator, an ONNX `file` such as G_AB.onnx, local to each worker, or gs:// or s3:// (needed)")
	f.Func("in", "a picture, a folder of pictures, searched with its subfolders, or a pattern such as 'photos/*.jpg' or 'gs://bucket/photos/**.jpg'; may be repeated, and further `path`s may follow (needed)", func(s string) error {
		if s == "" {
			return errors.New("it is empty")
		}
		o.Inputs = append(o.Inputs, s)
		return nil
	})
	modelcli.BindWriting(f, &o.Output, &o.Format, &o.Quality, &o.SkipExisting)
	f.StringVar(&o.DeadLetters, "dead_letters", "", "the `file` that names each picture that could not be converted, with the reason, as JSON a line (default: OUT.dead_letters.jsonl, beside the folder OUT)")
	f.IntVar(&o.Workers, "workers", 0, "`pictures` in the model at once in each worker process (default: 2, and those of more than 512x512 alone)")
	f.Func("resize", "bring pictures to this `size` before, and keep it: 256x256, 256 for the shorter side, or training for the size that the model was trained at (default: each keeps its own)", func(s string) error {
		_, err := modelcli.ParseResize(s)
		o.Resize = s
		return err
	})
	modelcli.Bind(f, &o.ModelOptions)
	modelcli.BindLimits(f, &o.Limits)
	f.StringVar(&c.json, "json", "", "write a summary as JSON to `file`, or to standard output with -")
	f.BoolVar(&c.verbose, "verbose", false, "show what Beam and the runner log")
	f.Lookup("dry_run").Usage = "only list what would be converted and where to; -model may be left out"
	f.VisitAll(func(f *flag.Flag) {
		if !beams[f.Name] || f.Name == "dry_run" {
			c.own = append(c.own, f.Name)
		}
	})
	return f
}

// read reads a command line. In a worker it is the runner's.
func (c *config) read(f *flag.FlagSet, args []string) error {
	if err := cli.Wrap(f, "").ParseMixed(args, &c.options.Inputs); err != nil {
		return err
	}
	c.runner = strings.ToLower(cmp.Or(f.Lookup("runner").Value.String(), "prism"))
	c.dryRun = f.Lookup("dry_run").Value.String() == "true"
	return nil
}

// check lists everything that is wrong with a command line, and fills in what follows from the rest of it.
func (c *config) check(f *flag.FlagSet) error {
	var bad []error
	o := &c.options
	if o.Model == "" && !c.dryRun {
		bad = append(bad, errors.New("-model FILE is missing"))
	}
	if len(o.Inputs) == 0 {
		bad = append(bad, errors.New("-in PATH is missing"))
	}
	if o.Output == "" {
		bad = append(bad, errors.New("-out FOLDER is missing"))
	} else if o.DeadLetters == "" {
		if o.DeadLetters = pipeline.BesideOutput(o.Output); o.DeadLetters == "" {
			bad = append(bad, fmt.Errorf("-dead_letters FILE is missing: there is no place beside %s", o.Output))
		}
	}
	bad = append(bad, modelcli.CheckPictures(o.Quality, o.Limits)...)
	if len(bad) == 0 {
		checked := *o
		if c.dryRun {
			checked.Model = cmp.Or(checked.Model, "none")
		}
		if err := checked.Validate(); err != nil {
			bad = append(bad, err)
		}
	}
	if !c.inProcess() && !c.dryRun {
		bad = append(bad, c.workerBinary(f), c.absolute())
	}
	return errors.Join(bad...)
}

// inProcess tells whether this process does the work itself, whichever runner gives it out.
func (c *config) inProcess() bool {
	switch env := strings.ToLower(*jobopts.EnvironmentType); {
	case env == "loopback", c.runner == "direct", c.runner == "directrunner":
		return true
	default:
		prism := c.runner == "prism" || c.runner == "prismrunner"
		return prism && env == "" && *jobopts.Endpoint == ""
	}
}

// workerBinary makes workers run this very program where nothing else is said. What the SDK does then, a build without cgo, could not load ONNX Runtime.
func (c *config) workerBinary(f *flag.FlagSet) error {
	if *jobopts.WorkerBinary != "" || c.runner == "dot" {
		return nil
	}
	path, ok := self()
	if !ok {
		return errors.New("-worker_binary FILE is missing: workers run a program for Linux on x86-64 that is built with cgo, and this one is not: go build there, and name what it writes")
	}
	*jobopts.WorkerBinary = path
	return nil
}

// absolute names local files so that they mean the same in the folder that a worker runs in.
func (c *config) absolute() error {
	o := &c.options
	paths := []*string{&o.Model, &o.Output, &o.DeadLetters}
	for i := range o.Inputs {
		paths = append(paths, &o.Inputs[i])
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

// self is this program, if it can be a worker's.
func self() (path string, ok bool) {
	info, known := debug.ReadBuildInfo()
	cgo := known && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "CGO_ENABLED" && s.Value == "1" })
	path, err := os.Executable()
	return path, err == nil && cgo && runtime.GOOS == "linux" && runtime.GOARCH == "amd64"
}

// usage lists the options: the command's own, and of Beam's those that choose a runner.
func (c *config) usage(all *flag.FlagSet, w io.Writer) {
	fmt.Fprint(w, `Sends pictures through a generator as a Beam pipeline, keeping names, folders and sizes, to the bytes that cmd/infer writes.

usage: go run . -model G_AB.onnx -in PHOTOS -out WINTER [options] [further pictures and folders]
       go run . -model gs://BUCKET/G_AB.onnx -in gs://BUCKET/photos -out gs://BUCKET/winter -runner dataflow ...

Folders, pictures and the model are local, gs:// or s3://, and must be there for every worker. ONNX Runtime is fetched on first need where this process
does the work; other workers look for it as CYCLEGAN_ONNXRUNTIME says, in the cache and in the system.
Exit status: 0 all done, 1 failed, 2 wrong usage, 3 some pictures failed, 130 interrupted.

options:
`)
	print := func(names []string) {
		f := flag.NewFlagSet("", flag.ContinueOnError)
		f.SetOutput(w)
		for _, name := range names {
			known := all.Lookup(name)
			f.Var(known.Value, name, known.Usage)
			f.Lookup(name).DefValue = known.DefValue
		}
		f.PrintDefaults()
	}
	print(c.own)
	fmt.Fprint(w, "\nBeam's own options, of which these choose who does the work:\n")
	print([]string{"runner", "endpoint", "environment_type", "environment_config", "worker_binary", "job_name", "parallelism", "async"})
	fmt.Fprint(w, "\nDataflow has more, such as -project, -region, -staging_location, -temp_location, -sdk_container_image, -num_workers and -machine_type.\n")
}
