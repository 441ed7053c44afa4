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
	"cyclegan/cmd/internal/progress"
)

// convert runs the pipeline and returns the exit status. Its error is about more than single
// images, whose errors are in the summary.
func convert(ctx context.Context, c *config, s *summary, stdout, stderr io.Writer) (int, error) {
	if c.Model != "" && !strings.Contains(c.Model, "://") && (c.inProcess() || c.dryRun) {
		if err := modelcli.Check(c.Model); err != nil {
			return cli.Failed, err
		}
	}
	o := c.pipelineOptions()
	plan, err := pipeline.Plan(ctx, o, c.dryRun)
	if err != nil {
		return cli.Failed, err
	}
	s.Total = len(plan.Jobs)
	if c.dryRun {
		modelcli.PrintDryRun(plan, stdout, stderr, func(output string) bool {
			return c.SkipExisting && pipeline.Exists(ctx, output)
		})
		if len(plan.Unread) > 0 {
			return cli.SomeFailed, nil
		}
		return cli.Done, nil
	}
	if c.inProcess() {
		info, err := pipeline.OpenModel(ctx, o, stderr)
		if err != nil {
			return cli.Status(err), err
		}
		defer pipeline.CloseModels()
		fmt.Fprintf(stderr, "%s: %s", o.Model, modelcli.Describe(info))
	}
	modelcli.PrintPlan(stderr, plan)
	// Writing an empty list first checks the path and removes the list of an earlier run.
	if err := pipeline.WriteLetters(ctx, o.DeadLetters, nil); err != nil {
		return cli.Failed, err
	}
	begin := time.Now()
	result, err := c.run(ctx, o, s.Total, stderr)
	s.Seconds = time.Since(begin).Seconds()
	if err != nil {
		return cli.Failed, c.explain(err)
	}
	if *jobopts.Async {
		fmt.Fprintf(stderr, "submitted; %s will list the images that cannot be converted\n", o.DeadLetters)
		return cli.Done, nil
	}
	return s.end(ctx, result, stdout, stderr)
}

// run runs the pipeline, and prints the progress if this process converts the images.
func (c *config) run(ctx context.Context, o *pipeline.Options, total int, stderr io.Writer) (beam.PipelineResult, error) {
	temporary, err := os.MkdirTemp("", "cyclegan-beam-*") // the SDK leaves files behind
	if err != nil {
		return nil, err
	}
	c.temporary = temporary
	defer c.removeTemporary()
	if err := os.Setenv("TMPDIR", temporary); err != nil {
		return nil, err
	}
	if c.inProcess() {
		bar := progress.New(stderr, total, "images")
		defer bar.Finish()
		pipeline.Finished = bar.Step
	} else {
		fmt.Fprintf(stderr, "submitting the job to %s\n", c.runner)
	}
	p, s := beam.NewPipelineWithRoot()
	pipeline.Build(s, o)
	return beamx.RunWithMetrics(ctx, p)
}

func (c *config) removeTemporary() {
	if c.temporary != "" {
		os.RemoveAll(c.temporary)
	}
}

// explain removes Beam's frames from an error of this project, unless -verbose is given.
func (c *config) explain(err error) error {
	text := strings.TrimSpace(err.Error())
	if i := strings.LastIndex(text, "failed:\n"); i >= 0 && strings.Contains(text, "DoFn[") && !c.verbose {
		text = strings.TrimSpace(text[i+len("failed:\n"):])
	}
	return fmt.Errorf("the pipeline failed: %s", text)
}
