package train

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// LatestCheckpoint loads the newest whole rolling checkpoint of a run, or the
// best one where there is no rolling one yet. Damaged ones that are newer are
// passed over and returned, so that a person can be told. The error is
// fs.ErrNotExist, wrapped, when there is neither.
func (o Options) LatestCheckpoint() (*Checkpoint, []error, error) {
	dir := o.checkpointDir()
	steps, err := listCheckpoints(dir)
	if err != nil {
		return nil, nil, err
	}
	var damaged []error
	for i := len(steps) - 1; i >= 0; i-- {
		c, err := LoadCheckpoint(checkpointPath(dir, steps[i]))
		var bad *DamagedError
		switch {
		case err == nil:
			return c, damaged, nil
		case errors.As(err, &bad):
			damaged = append(damaged, err)
		default:
			return nil, damaged, err
		}
	}
	if best, err := o.BestCheckpoint(); err == nil {
		return best, damaged, nil
	}
	if len(damaged) > 0 {
		return nil, damaged, fmt.Errorf("no checkpoint in %q is whole: %w", dir, errors.Join(damaged...))
	}
	return nil, nil, fmt.Errorf("no checkpoint in %q: %w", dir, fs.ErrNotExist)
}

// EpochCheckpoint loads the checkpoint that was kept at the end of an epoch.
func (o Options) EpochCheckpoint(epoch int) (*Checkpoint, error) {
	return o.kept(fmt.Sprintf("epoch %d", epoch), epochPath(o.checkpointDir(), epoch))
}

// IterCheckpoint loads the checkpoint that was kept, by save_by_iter, after
// that many pictures.
func (o Options) IterCheckpoint(pictures int64) (*Checkpoint, error) {
	return o.kept(fmt.Sprintf("iteration %d", pictures), iterPath(o.checkpointDir(), pictures))
}

// BestCheckpoint loads the checkpoint that was judged best. The error is
// fs.ErrNotExist, wrapped, when none was judged yet.
func (o Options) BestCheckpoint() (*Checkpoint, error) {
	return LoadCheckpoint(bestPath(o.checkpointDir()))
}

func bestPath(dir string) string { return filepath.Join(dir, "best"+checkpointExtension) }

func (o Options) kept(what, path string) (*Checkpoint, error) {
	c, err := LoadCheckpoint(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	names := o.Kept()
	there := "it has kept none (see -save_epoch_freq and -save_by_iter)"
	if len(names) > 0 {
		there = "it has kept " + strings.Join(names, ", ")
	}
	return nil, fmt.Errorf("run %q has no checkpoint of %s: %s", o.Name, what, there)
}

// GoOnFrom makes c, which was loaded from anywhere in the run, the newest
// rolling checkpoint: what is of later steps, the best checkpoint included, is
// put aside in checkpoints/superseded.
func (o Options) GoOnFrom(c *Checkpoint) error {
	dir := o.checkpointDir()
	if path := checkpointPath(dir, c.Step); !exists(path) {
		plain := *c
		plain.Best = nil
		if err := plain.Save(path); err != nil {
			return err
		}
	}
	steps, err := listCheckpoints(dir)
	if err != nil {
		return err
	}
	for _, later := range steps {
		if later > c.Step {
			if err := putAside(dir, checkpointPath(dir, later)); err != nil {
				return err
			}
		}
	}
	best, err := o.BestCheckpoint()
	if err == nil && best.Step > c.Step {
		return putAside(dir, bestPath(dir))
	}
	return nil
}

// putAside moves a checkpoint into the folder superseded.
func putAside(dir, path string) error {
	aside := filepath.Join(dir, "superseded")
	if err := os.MkdirAll(aside, 0o755); err != nil {
		return fmt.Errorf("put a checkpoint aside: %w", err)
	}
	if err := os.Rename(path, filepath.Join(aside, filepath.Base(path))); err != nil {
		return fmt.Errorf("put a checkpoint aside: %w", err)
	}
	return nil
}

// PutBestAside moves the best checkpoint out of the way, because it is damaged
// or was chosen by what can't be compared with what is judged now.
func (o Options) PutBestAside() error {
	return putAside(o.checkpointDir(), bestPath(o.checkpointDir()))
}

// Kept names the checkpoints that a run has beside the rolling ones, as
// -epoch and -load_iter take them.
func (o Options) Kept() []string {
	names, err := fs.Glob(os.DirFS(o.checkpointDir()), "[bei]*"+checkpointExtension)
	if err != nil {
		return nil
	}
	for i, name := range names {
		names[i] = strings.TrimSuffix(name, checkpointExtension)
	}
	return names
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func (o Options) checkpointDir() string { return filepath.Join(o.Dir(), "checkpoints") }

// checkpointPath names the file of a step.
func checkpointPath(dir string, step int64) string {
	return filepath.Join(dir, fmt.Sprintf("step_%09d%s", step, checkpointExtension))
}

func epochPath(dir string, epoch int) string {
	return filepath.Join(dir, fmt.Sprintf("epoch_%04d%s", epoch, checkpointExtension))
}

func iterPath(dir string, pictures int64) string {
	return filepath.Join(dir, fmt.Sprintf("iter_%09d%s", pictures, checkpointExtension))
}

// listCheckpoints returns the steps that have a rolling checkpoint in dir,
// oldest first.
func listCheckpoints(dir string) ([]int64, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list checkpoints: %w", err)
	}
	var steps []int64
	for _, e := range entries {
		number, found := strings.CutPrefix(strings.TrimSuffix(e.Name(), checkpointExtension), "step_")
		step, err := strconv.ParseInt(number, 10, 64)
		if found && err == nil && filepath.Base(checkpointPath("", step)) == e.Name() {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return steps, nil
}

// dropOldCheckpoints removes all but the newest keep rolling checkpoints.
func dropOldCheckpoints(dir string, keep int) error {
	steps, err := listCheckpoints(dir)
	if err != nil {
		return err
	}
	for _, step := range steps[:max(0, len(steps)-keep)] {
		if err := os.Remove(checkpointPath(dir, step)); err != nil {
			return fmt.Errorf("remove old checkpoint: %w", err)
		}
	}
	return nil
}
