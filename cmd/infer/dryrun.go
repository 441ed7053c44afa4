package main

import (
	"fmt"
	"io"
	"os"

	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer/batch"
)

// plan says what a run would convert, and where to. It writes nothing, and needs no model where the inputs are named by -in.
func (j *job) plan(cfg *config, rep *results, stdout, stderr io.Writer) error {
	inputs, _, err := j.first(cfg.format)
	if err != nil {
		return err
	}
	plan, err := batch.DryPlan(inputs, j.output, cfg.format)
	if err != nil {
		return err
	}
	rep.plan(plan)
	rep.Total = len(plan.Jobs)
	for i, p := range plan.Jobs {
		there := ""
		if info, err := os.Stat(p.Output); cfg.skipExisting && err == nil && !info.IsDir() {
			there = " (there already)"
			rep.Pictures[i].Status = statusSkipped
			rep.Skipped++
		}
		fmt.Fprintf(stdout, "%s -> %s%s\n", modelcli.Shown(p.Input), modelcli.Shown(p.Output), there)
	}
	rep.Left = rep.Total - rep.Skipped
	for _, f := range plan.Unread {
		fmt.Fprintf(stderr, "failed: %v\n", f.Err)
		rep.Failed = append(rep.Failed, failure{f.Path, f.Err.Error()})
	}
	fmt.Fprintf(stderr, "-dry_run: %s to convert", cli.Count(rep.Left, "picture"))
	if rep.Skipped > 0 {
		fmt.Fprintf(stderr, ", %d there already", rep.Skipped)
	}
	fmt.Fprintln(stderr, "; nothing is written")
	return nil
}
