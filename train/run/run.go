//go:build tensorflow

// Package run carries out a whole run. [Train] opens the data, starts or resumes the run, attaches
// checkpoints, log, evaluation, samples and report to the bare loop of package train, and exports
// the generators at the end.
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"cyclegan/infer/pixels"
	"cyclegan/train"
	"cyclegan/train/checkpoint"
	"cyclegan/train/dataset"
	"cyclegan/train/inspect"
	"cyclegan/train/report"
	"cyclegan/train/watch"
	"cyclegan/train/worker"
)

// Config says what to train and where messages go.
type Config struct {
	Options train.Options
	Resume  *Resume // nil starts a new run
	Profile bool    // record one of the first steps
	Verbose bool    // print the networks
	// Out gets what the run found and made, Display its progress.
	Out     io.Writer
	Display Display
	// Program returns what a person types to run the project's command with this name.
	Program func(name string) string

	now func() time.Time // nil for time.Now
}

// Display shows the progress of a run.
type Display interface {
	// Step is called after each step. Fresh reports that the means are new.
	Step(p train.Progress, m Means, fresh bool)
	// Say prints a line.
	Say(line string)
	// Stop is called after the last step.
	Stop()
}

// Files of a run's folder besides options and checkpoints.
const (
	logFile         = "log.jsonl"
	evaluationsFile = "evaluations.jsonl"
	warningsFile    = "warnings.jsonl"
	reportFile      = "report.html"
	lossPlot        = "losses.png"
	samplesDir      = "samples"
	latestSamples   = "samples.png"
	eventsDir       = "events"
	latestDir       = "latest"
	profileFile     = "profile.json"
)

// run is the state of a run in progress, which its hooks share.
type run struct {
	Config
	opts    train.Options
	trainer *train.Trainer
	data    *dataset.Dataset
	found   *inspect.Result
	best    *checkpoint.Checkpoint // without tensors; nil if there is none to compare with
	epoch   int                    // of the newest step
	failing map[string]bool        // what could not be written the last time
	open    []io.Closer
	early   string // why the run ended before its last step, "" if it did not

	timing     *timing
	saver      *train.Saver
	journal    *journal
	evaluation *evaluation // nil without -eval_every
	samples    *sampler
	page       *page
}

// Train carries out a run from start to end. When ctx is canceled it saves the state after the
// current step and returns the context's error.
func Train(ctx context.Context, c Config) error {
	release, err := c.Options.Claim()
	if err != nil {
		return err
	}
	defer release()
	r := &run{Config: c, opts: c.Options, failing: map[string]bool{}}
	defer r.close()
	r.timing = newTiming(r)
	if r.data, err = r.opts.OpenData(r.Resume != nil); err != nil {
		return err
	}
	r.open = append(r.open, r.data)
	// The run resumes with what auto has chosen. Without 16-bit images there is nothing to choose.
	if w := r.data.Options(); w.WindowA != (pixels.Window{}) || w.WindowB != (pixels.Window{}) {
		r.opts.Window = pixels.FormatWindows(w.WindowA, w.WindowB)
	}
	if err := r.inspect(ctx); err != nil {
		return err
	}
	if err := r.awaitWorkers(ctx); err != nil {
		return err
	}
	if err := r.attach(ctx); err != nil {
		return err
	}
	// Only now, so that a start that fails leaves no run behind, and no wrong option in an old one.
	if err := r.opts.Save(filepath.Join(r.opts.Dir(), train.OptionsFile)); err != nil {
		return err
	}
	if err := r.train(ctx); err != nil {
		return err
	}
	// The rest takes seconds, and losing it would be a pity after days of training.
	return r.finish(context.WithoutCancel(ctx))
}

// close closes in reverse order what was opened.
func (r *run) close() {
	for _, c := range slices.Backward(r.open) {
		_ = c.Close()
	}
}

// inspect looks for faults of the dataset without decoding images.
func (r *run) inspect(ctx context.Context) (err error) {
	if r.found, err = inspect.Dataset(ctx, r.data, inspect.Options{}); err != nil {
		return err
	}
	if r.found.BuiltIn {
		fmt.Fprintln(r.Out, r.data)
	} else if err := r.found.Fprint(r.Out, false); err != nil {
		return err
	}
	return r.found.Err()
}

// workersTimeout is the time that workers have to start.
const workersTimeout = time.Minute

func (r *run) awaitWorkers(ctx context.Context) error {
	err := worker.Wait(ctx, r.opts.WorkerList(), workersTimeout, r.Display.Say)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w\nFix: start it on its machine, at an address that this machine and the other workers reach:\n  %s -worker ADDRESS",
			err, r.Program("train"))
	}
	return err
}

// attach starts or resumes the run and opens what its hooks write to.
func (r *run) attach(ctx context.Context) error {
	from, err := r.start()
	if err != nil {
		return err
	}
	r.open = append(r.open, r.trainer)
	r.timing.start(from)
	r.printPlan()
	if r.Verbose {
		if err := r.trainer.Describe(r.Out); err != nil {
			return err
		}
	}
	r.epoch, _ = r.data.At(int(max(r.trainer.Used(), 1) - 1))
	r.saver = train.NewSaver(r.trainer, r.data)
	if r.samples, err = newSampler(r); err != nil {
		return err
	}
	if r.opts.EvalEvery > 0 {
		if r.evaluation, err = newEvaluation(ctx, r); err != nil {
			return err
		}
	}
	r.page = &page{run: r}
	// What follows changes the files of the run.
	if from != nil {
		if err := r.opts.Checkpoints().ResumeFrom(from); err != nil {
			return err
		}
	}
	if r.journal, err = openJournal(r); err != nil {
		return err
	}
	r.findBest()
	if r.evaluation != nil {
		return r.evaluation.resume()
	}
	return nil
}

// printPlan prints what is going to be trained, and how far.
func (r *run) printPlan() {
	if r.Resume != nil {
		for _, change := range r.opts.Changed(r.Resume.Saved) {
			fmt.Fprintln(r.Out, "changed since the run was saved: "+change)
		}
	}
	steps, done := r.planned(), r.trainer.Steps()
	end, longer := fmt.Sprintf("%d epochs", r.opts.Epochs()), "raise -max_steps or -n_epochs"
	switch {
	case steps == r.opts.MaxSteps:
		end = "-max_steps"
	case r.opts.InSteps():
		end, longer = fmt.Sprintf("%d at the initial rate, %d falling", r.opts.NSteps, r.opts.NStepsDecay), "raise -n_steps"
	}
	if r.opts.MaxMinutes > 0 {
		end += fmt.Sprintf("; fewer if they take more than %g minutes", r.opts.MaxMinutes)
		longer = "raise -max_minutes"
	}
	if done >= steps {
		fmt.Fprintf(r.Out, "run %s: all %d steps (%s) are done; %s to train longer\n", r.opts.Dir(), done, end, longer)
		return
	}
	fmt.Fprintf(r.Out, "run %s: preset %s, %s, %s; steps %d to %d (%s)\n",
		r.opts.Dir(), r.opts.Preset, r.trainer.Device(), r.opts.Precision, done+1, steps, end)
}

// train runs the loop. However it ends, unless the losses diverge, it saves the state and prints
// how to resume. Checkpoints come first, so that no other hook can cost training.
func (r *run) train(ctx context.Context) error {
	if r.evaluation != nil && r.planned() > r.trainer.Steps() {
		if r.early = r.evaluation.exhausted(); r.early != "" { // when it was resumed
			r.Display.Say(r.early)
			return nil
		}
	}
	hooks := []train.Hook{r.saveCheckpoint, r.journal.step}
	if r.evaluation != nil {
		hooks = append(hooks, r.evaluation.step)
	}
	hooks = append(hooks, r.samples.step)
	profile := profiler{run: r}
	if r.Profile {
		hooks = append(hooks, profile.step)
	}
	hooks = append(hooks, r.timing.step)
	r.timing.foretell()
	err := r.warmUp(ctx)
	if err == nil {
		r.timing.last, r.timing.tasks = r.timing.now(), 0
		err = train.Run(ctx, r.trainer, r.data, hooks...)
	}
	r.Display.Stop()
	var diverged *train.NotFiniteError
	var unreachable *worker.UnreachableError
	switch {
	case err == nil:
		if r.Profile {
			profile.missed()
		}
		return nil
	case errors.As(err, &diverged):
		err = r.afterDivergence(err)
		r.journal.warn([]watch.Warning{{Step: diverged.Step, Title: watch.Diverging, Text: err.Error()}})
		r.page.update(report.Diverged, true)
		return err
	case errors.As(err, &unreachable):
		r.page.update(report.Failed, true)
		return r.afterUnreachable(errors.Join(err, r.saver.Flush()), unreachable)
	}
	what, status := "interrupted", report.Interrupted
	if !errors.Is(err, context.Canceled) {
		what, status = "failed", report.Failed
	}
	saved, saveErr := r.saver.Save()
	r.page.update(status, true)
	if saveErr != nil {
		return r.afterUnsaved(fmt.Errorf("%s (%v), and saving failed: %w", what, err, saveErr))
	}
	fmt.Fprintf(r.Out, "%s after step %d, which is saved. To resume:\n  %s\n", what, saved.Step, r.resumeCommand(""))
	if r.best == nil {
		fmt.Fprintf(r.Out, "To convert images with the state so far, first:\n  %s\n", r.exportCommand(""))
	} else {
		fmt.Fprintf(r.Out, "To convert images with the best state, of step %d, first:\n  %s\nor with the newest:\n  %s\n",
			r.best.Step, r.exportCommand(""), r.exportCommand(" -epoch latest"))
	}
	return err
}

// warmUp trains the discriminators before the first step and says how it goes.
func (r *run) warmUp(ctx context.Context) error {
	begin, sum, n := time.Now(), 0.0, 0
	return r.trainer.WarmUp(ctx, r.data, func(done, steps int, dA, dB float64) {
		sum, n = sum+dA+dB, n+1
		if every := max(steps/5, 1); done%every != 0 && done != steps {
			return
		}
		r.Display.Say(fmt.Sprintf("warm-up of the discriminators: step %d of %d, D loss %.3f, %.2f s a step",
			done, steps, sum/float64(n), time.Since(begin).Seconds()/float64(n)))
		begin, sum, n = time.Now(), 0, 0
	})
}

// saveCheckpoint is the hook that writes checkpoints.
func (r *run) saveCheckpoint(p train.Progress) error {
	r.tolerate("checkpoints", p.Step, r.saver.Hook(p))
	return nil
}

// tolerate reports that something could not be written, once, and later that it could. The run
// continues meanwhile, because a full disk should cost none of it.
func (r *run) tolerate(what string, step int64, err error) {
	switch {
	case err != nil && !r.failing[what]:
		r.failing[what] = true
		r.Display.Say(fmt.Sprintf("step %d: could not write %s: %v; the run continues and tries again", step, what, err))
	case err == nil && r.failing[what]:
		// The absence of an error means something only after a checkpoint was due.
		if what != "checkpoints" || r.saver.Saved() >= step-1 {
			delete(r.failing, what)
			r.Display.Say(fmt.Sprintf("step %d: %s could be written again", step, what))
		}
	}
}

// createDir creates a folder in the run's folder.
func (r *run) createDir(name string) (string, error) {
	dir := filepath.Join(r.opts.Dir(), name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("create a folder of the run: %w", err)
	}
	return dir, nil
}
