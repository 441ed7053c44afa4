//go:build tensorflow

package run

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"cyclegan/graph"
	"cyclegan/train"
	"cyclegan/train/checkpoint"
	"cyclegan/train/worker"
)

// Resume says where a run is resumed.
type Resume struct {
	Saved train.Options // the options in the run's folder
	// Epoch is "latest", "best", or the number of an epoch whose checkpoint was kept.
	Epoch string
	// Iteration is the number of images after which a checkpoint was kept; 0 leaves the choice to
	// Epoch.
	Iteration int64
	// EpochCount is the epoch in which the run is expected to resume, 0 if unknown.
	EpochCount int
}

// start builds the networks with their initial weights, or with those of the checkpoint to resume
// from, which it returns.
func (r *run) start() (from *checkpoint.Checkpoint, err error) {
	first, err := r.data.Batch(1, 0)
	if err != nil {
		return nil, err
	}
	shapeA := graph.Shape{H: first.HA, W: first.WA, C: first.CA}
	shapeB := graph.Shape{H: first.HB, W: first.WB, C: first.CB}
	first.Release()
	if r.trainer, err = train.NewTrainer(r.opts, shapeA, shapeB); err != nil {
		return nil, err
	}
	if r.Resume != nil {
		from, err = r.resume()
	} else {
		err = r.initialize()
	}
	if err != nil {
		r.trainer.Close()
		return nil, err
	}
	return from, nil
}

// initialize loads the weights that the options name.
func (r *run) initialize() error {
	lines, err := r.trainer.LoadInitial()
	for _, line := range lines {
		fmt.Fprintln(r.Out, line)
	}
	return err
}

func (r *run) resume() (*checkpoint.Checkpoint, error) {
	c, err := r.findCheckpoint()
	if errors.Is(err, fs.ErrNotExist) {
		if kept := r.opts.Checkpoints().Kept(); len(kept) > 0 {
			return nil, fmt.Errorf("run %s has no latest checkpoint, only %s\nFix: choose one with -epoch or -load_iter", r.opts.Dir(), strings.Join(kept, ", "))
		}
		fmt.Fprintf(r.Out, "run %s was stopped before its first checkpoint and starts again\n", r.opts.Dir())
		return nil, r.initialize()
	}
	if err != nil {
		return nil, err
	}
	if err := r.trainer.Restore(c); err != nil {
		return nil, err
	}
	r.trainer.SetEpoch(r.data.Batches())
	epoch, _ := r.data.At(int(r.trainer.Used()))
	if expected := r.Resume.EpochCount; expected != 0 && expected != epoch {
		return nil, fmt.Errorf("-epoch_count %d: the checkpoint resumes in epoch %d\nFix: omit the option", expected, epoch)
	}
	fmt.Fprintf(r.Out, "resuming after step %d, in epoch %d\n", c.Step, epoch)
	switch {
	case c.Device != r.trainer.Device():
		fmt.Fprintf(r.Out, "note: the run was on %s, now %s, so its continuation is not bit-identical\n", c.Device, r.trainer.Device())
	case r.trainer.OnGPU():
		fmt.Fprintln(r.Out, "note: a GPU adds in varying order, so the continuation is not bit-identical")
	}
	if changes := r.imageChanges(c); len(changes) > 0 {
		where := fmt.Sprintf("continuing at epoch %d", epoch)
		if !r.opts.InSteps() {
			where += fmt.Sprintf(" of %d", r.opts.Epochs())
		}
		fmt.Fprintf(r.Out, "%s since the checkpoint; %s\n", strings.Join(changes, ", "), where)
	}
	return c, nil
}

// imageChanges says how the number of training images differs from that at a checkpoint.
func (r *run) imageChanges(c *checkpoint.Checkpoint) (changes []string) {
	a, b := r.data.Domains()
	folders := r.data.Folders()
	for i, d := range []struct {
		name      string
		then, now int
	}{{a, c.ImagesA, r.data.TrainA().Len()}, {b, c.ImagesB, r.data.TrainB().Len()}} {
		if folders[i] != nil {
			d.name = folders[i].Label
		}
		if d.then != 0 && d.then != d.now {
			changes = append(changes, fmt.Sprintf("%s: %d -> %d images", d.name, d.then, d.now))
		}
	}
	if c.ImagesA == 0 && c.Batches != r.data.Batches() { // a checkpoint of an older version
		changes = append(changes, fmt.Sprintf("batches of an epoch: %d -> %d", c.Batches, r.data.Batches()))
	}
	return changes
}

// findCheckpoint loads the checkpoint to resume from. The error is [fs.ErrNotExist] if the run has
// no latest checkpoint.
func (r *run) findCheckpoint() (*checkpoint.Checkpoint, error) {
	folder := r.opts.Checkpoints()
	switch {
	case r.Resume.Iteration > 0:
		return folder.Iteration(r.Resume.Iteration)
	case r.Resume.Epoch == "best":
		c, err := folder.Best()
		if errors.Is(err, fs.ErrNotExist) { // not a reason to start again
			err = fmt.Errorf("run %s has no best checkpoint\nFix: omit -epoch best", r.opts.Dir())
		}
		return c, err
	case r.Resume.Epoch != "latest":
		epoch, err := strconv.Atoi(r.Resume.Epoch)
		if err != nil || epoch < 1 {
			return nil, fmt.Errorf("-epoch %q: must be latest, best or the number of an epoch", r.Resume.Epoch)
		}
		return folder.Epoch(epoch)
	}
	c, damaged, err := folder.Latest()
	if err == nil {
		for _, d := range damaged {
			r.Display.Say(fmt.Sprintf("%v; using the checkpoint before it", d))
		}
	} else if kept := folder.Kept(); len(damaged) > 0 && len(kept) > 0 {
		err = fmt.Errorf("%w\nFix: choose another one with -epoch or -load_iter: %s", err, strings.Join(kept, ", "))
	}
	return c, err
}

// afterDivergence adds a remedy to the error.
func (r *run) afterDivergence(err error) error {
	lower := fmt.Sprintf(" -lr %g", r.opts.LR/2)
	if r.opts.LRD > 0 {
		lower += fmt.Sprintf(" -lr_D %g", r.opts.LRD/2)
	}
	c, _, loadErr := r.opts.Checkpoints().Latest()
	if loadErr != nil {
		return fmt.Errorf("%w\nFix: there is no earlier checkpoint, so start again with a lower rate, such as%s", err, lower)
	}
	return fmt.Errorf("%w\nFix: resume from the checkpoint of step %d with a lower rate:\n  %s", err, c.Step, r.resumeCommand(lower))
}

// afterUnsaved adds to the error of saving the last state which state is saved, and how to resume
// from it.
func (r *run) afterUnsaved(err error) error {
	c, _, loadErr := r.opts.Checkpoints().Latest()
	if loadErr != nil {
		return fmt.Errorf("%w\nThe run has no checkpoint", err)
	}
	return fmt.Errorf("%w\nThe run is saved up to step %d. Fix: make the folder writable, with room for a checkpoint, then resume:\n  %s", err, c.Step, r.resumeCommand(""))
}

// afterUnreachable adds to the error how to resume without a worker. The weights are on the first
// worker, where a step may be half done, so only checkpoints count.
func (r *run) afterUnreachable(err error, e *worker.UnreachableError) error {
	c, _, loadErr := r.opts.Checkpoints().Latest()
	if loadErr != nil {
		return fmt.Errorf("%w\nThe run has no checkpoint yet. When the worker is back, start again:\n  %s", err, r.resumeCommand(""))
	}
	left := e.Reachable // the batch must divide among them
	for len(left) > 0 && r.opts.BatchSize%len(left) != 0 {
		left = left[:len(left)-1]
	}
	where, workers := "on this machine alone", " -workers="
	if len(left) > 0 {
		where, workers = "on the remaining workers", " -workers "+quote(strings.Join(left, ","))
	}
	return fmt.Errorf("%w\nThe run is saved up to step %d. Start the worker again and resume, or resume %s:\n  %s",
		err, c.Step, where, r.resumeCommand(workers))
}
