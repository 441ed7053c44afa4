package main

import (
	"context"
	"fmt"
	"io"

	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer"
	"cyclegan/infer/batch"
)

// job is one generator with the pictures that it converts.
type job struct {
	model  string
	inputs []string
	output string
	// most is how many pictures are converted, the first by their names and all into one folder, as the official test.py does;
	// 0: all, with their tree.
	most int
	// check refuses a model, and wrap changes what it does to a picture; nil: neither.
	check func(infer.Info) error
	wrap  func(batch.Translator) batch.Translator
}

// jobs says what the command line asks for.
func (c *config) jobs(stderr io.Writer) ([]job, error) {
	if c.official == nil {
		return []job{{model: c.model, inputs: c.inputs, output: c.output}}, nil
	}
	jobs, notes, err := c.official.jobs()
	if err != nil {
		return nil, err
	}
	for _, note := range notes {
		fmt.Fprintln(stderr, "note:", note)
	}
	return jobs, nil
}

// run converts the pictures. The summary is nil if none was begun.
func (j *job) run(soft, hard context.Context, cfg *config, rep *results, stderr io.Writer) (*batch.Summary, error) {
	if soft.Err() != nil {
		return nil, context.Cause(soft)
	}
	model, err := modelcli.Open(soft, j.model, &cfg.options, stderr)
	if err != nil {
		return nil, err
	}
	defer model.Close()
	if soft.Err() != nil {
		return nil, context.Cause(soft)
	}
	if j.check != nil {
		if err := j.check(model.Info()); err != nil {
			return nil, cli.Usage(fmt.Errorf("model %q: %w", j.model, err))
		}
	}
	rep.Model.fill(model.Info())
	show := newProgress(stderr)
	show.model(j.model, model.Info())
	size, err := cfg.resize.Sizes(model.Info())
	if err != nil {
		return nil, cli.Usage(err)
	}
	inputs, all, err := j.first(cfg.format)
	if err != nil {
		return nil, err
	}
	plan, err := batch.NewPlan(inputs, j.output, cfg.format)
	if err != nil {
		return nil, err
	}
	if all != nil {
		plan.Unread, plan.Unsupported = all.Unread, all.Unsupported
		if len(plan.Jobs) < len(all.Jobs) {
			fmt.Fprintf(stderr, "note: the first %d of %d pictures; -num_test takes more\n", len(plan.Jobs), len(all.Jobs))
		}
	}
	rep.plan(plan)
	show.begin(plan)
	var translator batch.Translator = model
	if j.wrap != nil {
		translator = j.wrap(model)
	}
	converter, err := batch.New(translator, &batch.Options{
		Quality: cfg.quality, SkipExisting: cfg.skipExisting, Workers: cfg.workers, Limits: cfg.limits, Size: size,
		Done: func(r batch.Result) {
			if r.Err != nil {
				r.Err = modelcli.FlagError{Err: r.Err}
			}
			rep.done(r)
			show.done(r)
		},
	})
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(soft, func() {
		converter.Stop()
		show.interrupted()
	})()
	summary, err := converter.Run(hard, plan)
	show.end()
	return summary, err
}

// first names the pictures that are converted, and gives the plan of all that there are; nil where they are the inputs themselves.
func (j *job) first(format string) ([]string, *batch.Plan, error) {
	if j.most == 0 {
		return j.inputs, nil, nil
	}
	all, err := batch.DryPlan(j.inputs, j.output, format)
	if err != nil {
		return nil, nil, err
	}
	var names []string
	for _, p := range all.Jobs[:min(j.most, len(all.Jobs))] {
		names = append(names, p.Input)
	}
	if len(names) == 0 { // only what cannot be read, which the batch says
		return j.inputs, nil, nil
	}
	return names, all, nil
}
