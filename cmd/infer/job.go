package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
	"cyclegan/cmd/internal/progress"
	"cyclegan/infer"
	"cyclegan/infer/batch"
	"cyclegan/infer/builtin"
)

// source is the model of a job: a file, or if path is empty one of the built-in generators.
type source struct {
	path      string
	direction string // of the built-in generator: AtoB or BtoA
}

// String names the model in messages and reports, which also say its direction.
func (s source) String() string {
	if s.path != "" {
		return s.path
	}
	return "built-in model"
}

func (s source) open(o *infer.Options) (*infer.Model, error) {
	if s.path != "" {
		return infer.Open(s.path, o)
	}
	return builtin.Open(s.direction, o)
}

// job is one model with the images that it converts.
type job struct {
	model  source
	inputs []string
	output string
	// maxImages bounds the number of images, as in the official test.py: the first by name, all of
	// them into one folder. With 0, all images are converted and their folder tree is kept.
	maxImages int
	video     bool
	// check rejects a model, and wrap changes what it does to an image. Both may be nil.
	check func(infer.Info) error
	wrap  func(batch.Translator) batch.Translator
}

// checkPaths reports a missing model or input before anything is fetched or opened.
func (j *job) checkPaths() error {
	if j.model.path != "" {
		if err := modelcli.Check(j.model.path); err != nil {
			return err
		}
	}
	for _, in := range j.inputs {
		paths, err := batch.Expand(in)
		if err != nil {
			return err
		}
		for _, path := range paths {
			if _, err := os.Stat(path); err != nil {
				return fmt.Errorf("input: %w", err)
			}
		}
	}
	return nil
}

// plan plans the conversion. It writes nothing if dry is true.
func (j *job) plan(format string, dry bool, stderr io.Writer) (*batch.Plan, error) {
	makePlan := batch.NewPlan
	if dry {
		makePlan = batch.DryPlan
	}
	if j.maxImages == 0 {
		return makePlan(j.inputs, j.output, format)
	}
	all, err := batch.DryPlan(j.inputs, j.output, format)
	if err != nil {
		return nil, err
	}
	inputs := j.inputs // if nothing in them can be read, the plan reports it
	if len(all.Jobs) > 0 {
		inputs = nil
		for _, i := range all.Jobs[:min(j.maxImages, len(all.Jobs))] {
			inputs = append(inputs, i.Input)
		}
	}
	plan, err := makePlan(inputs, j.output, format)
	if err != nil {
		return nil, err
	}
	plan.Unread, plan.Unsupported = all.Unread, all.Unsupported
	if len(plan.Jobs) < len(all.Jobs) {
		fmt.Fprintf(stderr, "note: converting the first %d of %d images; -num_test changes that\n", len(plan.Jobs), len(all.Jobs))
	}
	return plan, nil
}

// dryRun prints what would be converted to which files. It writes nothing, and needs no model.
func (j *job) dryRun(cfg *config, rep *results, stdout, stderr io.Writer) error {
	plan, err := j.plan(cfg.Format, true, stderr)
	if err != nil {
		return err
	}
	rep.plan(plan)
	rep.Total = len(plan.Jobs)
	modelcli.PrintDryRun(plan, stdout, stderr, func(output string) bool {
		info, err := os.Stat(output)
		exists := cfg.SkipExisting && err == nil && !info.IsDir()
		if exists {
			rep.Images[rep.index[output]].Status = statusSkipped
			rep.Skipped++
		}
		return exists
	})
	rep.Left = rep.Total - rep.Skipped
	for _, f := range plan.Unread {
		rep.Failed = append(rep.Failed, modelcli.Failure{Path: f.Path, Error: f.Err.Error()})
	}
	return nil
}

// open opens the model, reports what it is, and returns the sizes to which -resize scales its
// images.
func (j *job) open(soft context.Context, cfg *config, rep *results, stderr io.Writer) (_ *infer.Model, size func(w, h int) (int, int), err error) {
	options := cfg.ModelOptions // of this job: others may be shorter
	o := &options
	if o.Concurrency == 0 && j.isLong() {
		o.Concurrency = 2
	}
	model, err := modelcli.Open(soft, o, stderr, func() (*infer.Model, error) { return j.model.open(o) })
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			model.Close()
		}
	}()
	if soft.Err() != nil {
		return nil, nil, soft.Err()
	}
	info := model.Info()
	if j.check != nil {
		if err := j.check(info); err != nil {
			return nil, nil, cli.Usage(fmt.Errorf("model %q: %w", j.model, err))
		}
	}
	rep.Model.fill(info)
	fmt.Fprintf(stderr, "%s: %s", j.model, modelcli.Describe(info))
	size, err = modelcli.Sizes(cfg.Resize, info)
	return model, size, err
}

// batchOptions returns the options of the conversion with a model.
func (c *config) batchOptions(info infer.Info, size func(w, h int) (int, int)) *batch.Options {
	return &batch.Options{
		Quality: c.Quality, Lossless: c.Lossless, Strip: c.Strip, SkipExisting: c.SkipExisting, Workers: c.Workers,
		Limits: c.Limits, Size: size, Window: info.Output.Window,
	}
}

// run converts the images. The summary is nil if the conversion did not begin.
func (j *job) run(soft, hard context.Context, cfg *config, rep *results, stderr io.Writer) (*batch.Summary, error) {
	model, size, err := j.open(soft, cfg, rep, stderr)
	if err != nil {
		return nil, err
	}
	defer model.Close()
	info := model.Info()
	var bar atomic.Pointer[progress.Bar] // of the plan that is converted
	var translator batch.Translator = model
	if j.wrap != nil {
		translator = j.wrap(model)
	}
	options := cfg.batchOptions(info, size)
	options.Done = func(r batch.Result) {
		if r.Err != nil {
			r.Err = modelcli.FlagError{Err: r.Err}
			bar.Load().Printf("failed: %v\n", r.Err)
		}
		rep.done(r)
		bar.Load().Step()
	}
	converter, err := batch.New(translator, options)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(soft, func() {
		converter.Stop()
		if b := bar.Load(); b != nil {
			b.Printf("interrupted: finishing the images in progress; Ctrl-C again aborts them\n")
		}
	})()
	convert := func(plan *batch.Plan) (*batch.Summary, error) {
		rep.plan(plan)
		bar.Store(progress.New(stderr, len(plan.Jobs), "images"))
		modelcli.PrintPlan(stderr, plan) // after which an interruption says that images are finished
		defer func() { bar.Swap(nil).Finish() }()
		return converter.Run(hard, plan)
	}
	var summary *batch.Summary
	if cfg.watch {
		summary, err = j.watch(soft, cfg.Format, convert, stderr)
	} else {
		var plan *batch.Plan
		if plan, err = j.plan(cfg.Format, false, stderr); err != nil {
			return nil, err
		}
		summary, err = convert(plan)
	}
	printNotes(stderr, rep.Images, info)
	return summary, err
}

// watch converts the images of the inputs, and then those that arrive or change, until soft ends.
func (j *job) watch(soft context.Context, format string, convert func(*batch.Plan) (*batch.Summary, error), stderr io.Writer) (*batch.Summary, error) {
	const pause = time.Second // between two looks at the inputs
	watcher := batch.NewWatcher(j.inputs, j.output, format)
	total := &batch.Summary{}
	problem := ""
	for first := true; ; first = false {
		begin := time.Now()
		plan, err := watcher.Next()
		switch {
		case err != nil && first:
			return nil, err
		case err != nil:
			// An input on a network drive may come back.
			if err.Error() != problem {
				problem = err.Error()
				fmt.Fprintf(stderr, "failed: %v; trying again\n", err)
			}
		case len(plan.Jobs)+len(plan.Unread) > 0:
			problem = ""
			summary, err := convert(plan)
			total.Add(plan, summary)
			if err != nil {
				return total, err
			}
		}
		if first {
			fmt.Fprintf(stderr, "watching %s; Ctrl-C ends\n", strings.Join(j.inputs, ", "))
		}
		select {
		case <-soft.Done():
			return total, nil
		case <-time.After(max(pause, 4*time.Since(begin))):
		}
	}
}

// printNotes prints what happened to images that were converted, with the number of images.
func printNotes(w io.Writer, images []imageReport, info infer.Info) {
	scaled, tiled, details, notes := 0, 0, map[string]int{}, map[string]int{}
	frames, moving := 0, 0
	clamped, values := 0, 0
	for _, p := range images {
		if p.Frames > 0 {
			frames, moving = frames+p.Frames, moving+1
		}
		if p.Status != statusConverted {
			continue
		}
		details[p.Detail]++
		if p.Detail != infer.DetailInput && (info.Width > 0 && p.Width > info.Width || info.Height > 0 && p.Height > info.Height) {
			scaled++
		}
		if p.Tiling != "" {
			tiled++
		}
		if p.Clamped > 0 {
			clamped, values = clamped+1, values+p.Clamped
		}
		for _, note := range p.Notes {
			notes[note]++
		}
	}
	printDetail(w, details[infer.DetailInput], details[infer.DetailModel], info)
	if frames > 0 {
		fmt.Fprintf(w, "%s in %s converted\n", cli.Count(frames, "frame"), cli.Count(moving, "file"))
	}
	if scaled > 0 {
		fmt.Fprintf(w, "note: %s scaled down to %dx%d, the only size that the model takes, and the results scaled up again\n",
			cli.Count(scaled, "image"), info.Width, info.Height)
	}
	if tiled > 0 {
		fmt.Fprintf(w, "note: %s passed through the model in tiles, which bounds memory; -max_pixels sets the size from which on\n", cli.Count(tiled, "image"))
	}
	if clamped > 0 {
		fmt.Fprintf(w, "note: %s: %s outside of the window %v clamped; -window changes it\n",
			cli.Count(clamped, "image"), cli.Count(values, "value"), info.Input.Window)
	}
	for _, note := range slices.Sorted(maps.Keys(notes)) {
		fmt.Fprintf(w, "note: %s: %s\n", cli.Count(notes[note], "image"), note)
	}
}

// printDetail prints where the detail of the results comes from, if the model's training size is
// known. A pyramid always takes it from the input.
func printDetail(w io.Writer, fromInput, fromModel int, info infer.Info) {
	if fromInput == 0 && info.Architecture == "pyramid" {
		return
	}
	var ways []string
	if fromInput > 0 {
		ways = append(ways, "from the input for "+cli.Count(fromInput, "image"))
	}
	if fromModel > 0 {
		ways = append(ways, "from the model for "+cli.Count(fromModel, "image"))
	}
	side := min(cmp.Or(info.TrainWidth, info.Width), cmp.Or(info.TrainHeight, info.Height))
	if side > 0 && len(ways) > 0 {
		fmt.Fprintf(w, "detail: %s (trained at %d px); -detail changes that\n", strings.Join(ways, ", "), side)
	}
}

// isLong reports whether there are enough images for dividing the threads between two to pay.
func (j *job) isLong() bool {
	if j.video {
		return true
	}
	const many = 8
	plan, err := batch.DryPlan(j.inputs, j.output, "")
	return err == nil && len(plan.Jobs) >= many && (j.maxImages == 0 || j.maxImages >= many)
}
