package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
	"cyclegan/cmd/internal/progress"
	"cyclegan/infer/batch"
	"cyclegan/infer/pixels"
	"cyclegan/infer/y4m"
)

// pipe stands for standard input or output instead of a path.
const pipe = "-"

// piped reports whether the result goes to standard output.
func (c *config) piped() bool { return !c.byRun && c.Output == pipe }

func (c *config) checkPipes() (bad []error) {
	if !c.piped() {
		for _, in := range c.Inputs {
			if in == pipe {
				bad = append(bad, errors.New("-in -: standard input needs -out -"))
			}
		}
		return bad
	}
	if len(c.Inputs) > 1 {
		bad = append(bad, fmt.Errorf("-out -: standard output takes the result of one input, not of %d", len(c.Inputs)))
	}
	for _, o := range []struct {
		name string
		set  bool
	}{{"-dry_run", c.dryRun}, {"-watch", c.watch}, {"-skip_existing", c.SkipExisting}, {"-json -", c.JSON == pipe}} {
		if o.set {
			bad = append(bad, fmt.Errorf("%s: cannot be combined with -out -", o.name))
		}
	}
	return bad
}

// convertPiped converts an image or a video from standard input or a file to standard output. It
// returns the exit status.
func convertPiped(cfg *config, rep *report, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	soft, hard := interrupts()
	// A reader that closes the pipe is an error of a write, not the end of this process.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	jobs, err := cfg.jobs(stderr)
	if err != nil {
		return cli.Status(err), err
	}
	rep.begin(jobs)
	defer rep.sum()
	j, part := jobs[0], &rep.Parts[0]
	file := batch.Job{Input: cfg.Inputs[0], Output: "standard output"}
	in := stdin
	if file.Input != pipe {
		f, err := os.Open(file.Input)
		if err != nil {
			return cli.Failed, fmt.Errorf("input: %w", err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return cli.Failed, fmt.Errorf("input %q is a folder: -out - takes a single image or video", file.Input)
		}
		in = f
	} else {
		file.Input = "standard input"
	}
	buffered := bufio.NewReaderSize(in, 64<<10)
	head, _ := buffered.Peek(len(y4m.Magic)) // the next read returns the error again
	j.video = string(head) == y4m.Magic
	part.plan(&batch.Plan{Jobs: []batch.Job{file}})
	model, size, err := j.open(soft, cfg, part, stderr)
	if err != nil {
		return cli.Status(err), err
	}
	defer model.Close()
	converter, err := batch.New(model, cfg.batchOptions(model.Info(), size))
	if err != nil {
		return cli.Failed, err
	}
	defer context.AfterFunc(soft, converter.Stop)()

	var result batch.Result
	if j.video {
		bar := progress.New(stderr, -1, "frames")
		result = converter.Video(hard, file, buffered, stdout, bar.Step)
		bar.Finish()
	} else {
		result = convertImage(hard, converter, cfg, file, buffered, stdout)
	}
	part.done(result)
	printNotes(stderr, part.Images, model.Info())
	summary := &batch.Summary{Total: 1}
	switch {
	case result.Err != nil:
		summary.Failed = []batch.Failure{{Path: file.Input, Err: result.Err}}
	default:
		summary.Converted = 1
	}
	part.summary(summary)
	switch {
	case soft.Err() != nil:
		return cli.Interrupted, errors.New("interrupted")
	case result.Err != nil:
		return cli.Failed, modelcli.FlagError{Err: result.Err}
	}
	return cli.Done, nil
}

// convertImage writes the result in the format of -format, or else in that of the image.
func convertImage(ctx context.Context, converter *batch.Converter, cfg *config, file batch.Job, in io.Reader, out io.Writer) (r batch.Result) {
	r.Job = file
	data, err := pixels.ReadAll(in, 0, cfg.Limits.MaxBytes)
	if err != nil {
		r.Err = fmt.Errorf("read %s: %w", file.Input, err)
		return r
	}
	format := cfg.Format
	if format == "" {
		info, _ := pixels.Header(bytes.NewReader(data), cfg.Limits) // Convert reports the error
		format = pixels.OutputFormat(info.Format)
	}
	named := batch.Job{Input: file.Input, Output: file.Output + "." + format}
	data, r = converter.Convert(ctx, named, data)
	r.Job = file
	if r.Err == nil {
		_, r.Err = out.Write(data)
	}
	return r
}
