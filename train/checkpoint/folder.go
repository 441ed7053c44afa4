package checkpoint

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

const extension = ".safetensors"

// A Folder is the path of the folder that holds a run's checkpoints: rolling ones, of which the
// newest are kept, permanent ones of epochs and iterations, and the best.
type Folder string

// Latest loads the newest intact rolling checkpoint, or the best one if there is no rolling one. It
// skips newer damaged ones and returns their errors. The error wraps fs.ErrNotExist if the folder
// has no checkpoint.
func (f Folder) Latest() (*Checkpoint, []error, error) {
	steps, err := f.rolling()
	if err != nil {
		return nil, nil, err
	}
	var damaged []error
	for _, step := range slices.Backward(steps) {
		c, err := Load(f.rollingPath(step))
		if bad := (*DamagedError)(nil); err == nil || !errors.As(err, &bad) {
			return c, damaged, err
		}
		damaged = append(damaged, err)
	}
	if best, err := f.Best(); err == nil {
		return best, damaged, nil
	}
	if len(damaged) > 0 {
		return nil, damaged, fmt.Errorf("every checkpoint in %q is damaged: %w", string(f), errors.Join(damaged...))
	}
	return nil, nil, fmt.Errorf("no checkpoint in %q: %w", string(f), fs.ErrNotExist)
}

// Epoch loads the checkpoint that was kept at the end of an epoch.
func (f Folder) Epoch(epoch int) (*Checkpoint, error) { return f.kept(epochName(epoch)) }

// Iteration loads the checkpoint that save_by_iter kept after that many images.
func (f Folder) Iteration(images int64) (*Checkpoint, error) { return f.kept(iterationName(images)) }

// Best loads the checkpoint with the best score. The error wraps fs.ErrNotExist if no checkpoint
// was scored yet.
func (f Folder) Best() (*Checkpoint, error) { return Load(f.path(bestName)) }

func (f Folder) kept(name string) (*Checkpoint, error) {
	c, err := Load(f.path(name))
	if !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	hint := "none was kept (see -save_epoch_freq and -save_by_iter)"
	if names := f.Kept(); len(names) > 0 {
		hint = "kept: " + strings.Join(names, ", ")
	}
	return nil, fmt.Errorf("no checkpoint %s in %q; %s", name, string(f), hint)
}

// Kept names the checkpoints that are not rolling, as -epoch and -load_iter take them.
func (f Folder) Kept() []string {
	names, err := fs.Glob(os.DirFS(string(f)), "[bei]*"+extension)
	if err != nil {
		return nil
	}
	for i, name := range names {
		names[i] = strings.TrimSuffix(name, extension)
	}
	return names
}

// ResumeFrom makes c, which may come from anywhere in the run, the newest rolling checkpoint. It
// moves all later ones, the best included, to the folder superseded.
func (f Folder) ResumeFrom(c *Checkpoint) error {
	path := f.rollingPath(c.Step)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		rolling := *c
		rolling.Best = nil
		if err := rolling.Save(path); err != nil {
			return err
		}
	}
	steps, err := f.rolling()
	if err != nil {
		return err
	}
	for _, later := range steps {
		if later > c.Step {
			if err := f.supersede(f.rollingPath(later)); err != nil {
				return err
			}
		}
	}
	best, err := f.Best()
	if err == nil && best.Step > c.Step {
		return f.SupersedeBest()
	}
	return nil
}

// SupersedeBest moves the best checkpoint to the folder superseded, because it is damaged or its
// score cannot be compared with today's scores.
func (f Folder) SupersedeBest() error { return f.supersede(f.path(bestName)) }

func (f Folder) supersede(path string) error {
	superseded := filepath.Join(string(f), "superseded")
	err := os.MkdirAll(superseded, 0o755)
	if err == nil {
		err = os.Rename(path, filepath.Join(superseded, filepath.Base(path)))
	}
	if err != nil {
		return fmt.Errorf("supersede checkpoint: %w", err)
	}
	return nil
}

// rolling returns the steps of the rolling checkpoints, oldest first.
func (f Folder) rolling() ([]int64, error) {
	entries, err := os.ReadDir(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list checkpoints: %w", err)
	}
	var steps []int64
	for _, e := range entries {
		number, found := strings.CutPrefix(strings.TrimSuffix(e.Name(), extension), "step_")
		step, err := strconv.ParseInt(number, 10, 64)
		if found && err == nil && filepath.Base(f.rollingPath(step)) == e.Name() {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return steps, nil
}

func (f Folder) dropOld(keep int) error {
	steps, err := f.rolling()
	if err != nil {
		return err
	}
	for _, step := range steps[:max(0, len(steps)-keep)] {
		if err := os.Remove(f.rollingPath(step)); err != nil {
			return fmt.Errorf("remove old checkpoint: %w", err)
		}
	}
	return nil
}

const bestName = "best"

func epochName(epoch int) string { return fmt.Sprintf("epoch_%04d", epoch) }

func iterationName(images int64) string { return fmt.Sprintf("iter_%09d", images) }

func (f Folder) path(name string) string { return filepath.Join(string(f), name+extension) }

func (f Folder) rollingPath(step int64) string { return f.path(fmt.Sprintf("step_%09d", step)) }
