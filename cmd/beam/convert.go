package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	"cyclegan/cmd/beam/pipeline"
	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer"
	"cyclegan/infer/batch"
)

// convert does the work and gives the exit status; the error is what there is to say beside the pictures' own errors.
func convert(ctx context.Context, c *config, s *summary, stdout, stderr io.Writer) (int, error) {
	o := &c.options
	if o.Model != "" && !strings.Contains(o.Model, "://") && (c.inProcess() || c.dryRun) {
		if err := modelcli.Check(o.Model); err != nil {
			return cli.Failed, err
		}
	}
	plan, err := pipeline.Plan(ctx, o, c.dryRun)
	if err != nil {
		return cli.Failed, err
	}
	s.Total = len(plan.Jobs)
	if c.dryRun {
		return list(ctx, plan, o.SkipExisting, stdout, stderr), nil
	}
	if c.inProcess() {
		info, err := pipeline.OpenModel(ctx, o, stderr)
		if err != nil {
			return cli.Failed, err
		}
		defer pipeline.CloseModels()
		fmt.Fprintf(stderr, "%s: %s", o.Model, modelcli.Described(info))
		if err := resizable(o, info); err != nil {
			return cli.WrongUsage, err
		}
	}
	modelcli.SayPlan(stderr, plan)
	// Known before the work whether it takes a list, and a list of an earlier run is not taken for one of this.
	if err := pipeline.WriteLetters(ctx, o.DeadLetters, nil); err != nil {
		return cli.Failed, err
	}
	begin := time.Now()
	result, err := c.run(ctx, o, s.Total, stderr)
	s.Seconds = time.Since(begin).Seconds()
	if err != nil {
		return cli.Failed, c.explained(err)
	}
	if *jobopts.Async {
		fmt.Fprintf(stderr, "submitted; what cannot be converted will be in %s\n", o.DeadLetters)
		return cli.Done, nil
	}
	return s.end(ctx, result, stdout, stderr)
}

// resizable tells whether the model says what -resize training asks of it.
func resizable(o *pipeline.Options, info infer.Info) error {
	if o.Resize == "" {
		return nil
	}
	resize, err := modelcli.ParseResize(o.Resize)
	if err == nil {
		_, err = resize.Sizes(info)
	}
	return err
}

// list says what a run would convert, and where to.
func list(ctx context.Context, plan *batch.Plan, skip bool, stdout, stderr io.Writer) int {
	skipped := 0
	for _, p := range plan.Jobs {
		there := ""
		if skip && pipeline.Exists(ctx, p.Output) {
			there = " (there already)"
			skipped++
		}
		fmt.Fprintf(stdout, "%s -> %s%s\n", modelcli.Shown(p.Input), modelcli.Shown(p.Output), there)
	}
	for _, f := range plan.Unread {
		fmt.Fprintf(stderr, "failed: %v\n", f.Err)
	}
	fmt.Fprintf(stderr, "-dry_run: %s to convert", cli.Count(len(plan.Jobs)-skipped, "picture"))
	if skipped > 0 {
		fmt.Fprintf(stderr, ", %d there already", skipped)
	}
	fmt.Fprintln(stderr, "; nothing is written")
	if len(plan.Unread) > 0 {
		return cli.SomeFailed
	}
	return cli.Done
}

// run runs the pipeline, and says how far it is where this process does the work.
func (c *config) run(ctx context.Context, o *pipeline.Options, total int, stderr io.Writer) (beam.PipelineResult, error) {
	// In a folder of its own, since the SDK leaves files behind.
	temporary, err := os.MkdirTemp("", "cyclegan-beam-*")
	if err != nil {
		return nil, err
	}
	c.temporary = temporary
	defer c.cleanUp()
	if err := os.Setenv("TMPDIR", temporary); err != nil {
		return nil, err
	}
	if c.inProcess() {
		defer tellProgress(total, stderr)()
	} else {
		fmt.Fprintf(stderr, "the job goes to %s\n", c.runner)
	}
	p, s := beam.NewPipelineWithRoot()
	pipeline.Build(s, o)
	return beamx.RunWithMetrics(ctx, p)
}

// cleanUp removes the temporary folder.
func (c *config) cleanUp() {
	if c.temporary != "" {
		os.RemoveAll(c.temporary)
	}
}

// linePeriod is how often progress is told, as cmd/infer does where it has no terminal.
const linePeriod = 5 * time.Second

// tellProgress tells it until it is stopped.
func tellProgress(total int, stderr io.Writer) (stop func()) {
	begin, already := time.Now(), pipeline.Done()
	ticker, end, ended := time.NewTicker(linePeriod), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ticker.C:
				n, took := int(pipeline.Done()-already), time.Since(begin)
				if n == 0 || n >= total {
					continue
				}
				left := time.Duration(float64(took) / float64(n) * float64(total-n))
				fmt.Fprintf(stderr, "%d of %d pictures, %.3g a second, %v left\n", n, total, float64(n)/took.Seconds(), left.Round(time.Second))
			case <-end:
				return
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(end)
		<-ended
	}
}

// explained takes the frames of Beam off an error of this program's own, under which it is hard to see; -verbose keeps them.
func (c *config) explained(err error) error {
	text := strings.TrimSpace(err.Error())
	if i := strings.LastIndex(text, "failed:\n"); i >= 0 && strings.Contains(text, "DoFn[") && !c.verbose {
		text = strings.TrimSpace(text[i+len("failed:\n"):])
	}
	return fmt.Errorf("the pipeline has failed: %s", text)
}
