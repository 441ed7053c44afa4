//go:build tensorflow

package train

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"cyclegan/train/dataset"
)

// A Saver writes a run's checkpoints. Its Hook keeps to save_latest_freq,
// save_epoch_freq and save_by_iter.
type Saver struct {
	trainer *Trainer
	data    *dataset.Dataset
	// A state is written when the step after it has shown it to be sound: the
	// losses of a step say nothing of the weights that it leaves.
	pending *Checkpoint
	keep    []string
	best    *Checkpoint // not written yet, since the disk was full
	saved   int64       // the step of the newest checkpoint written
}

// NewSaver saves the state of t, which trains on data.
func NewSaver(t *Trainer, data *dataset.Dataset) *Saver { return &Saver{trainer: t, data: data} }

// Hook is to be called after each step, before hooks that may fail. An error
// says that a checkpoint could not be written. The older ones are as they were
// and the trainer is as good as without: a caller may well go on and see
// whether the next can be.
func (s *Saver) Hook(p Progress) error {
	var failed error
	if s.pending != nil {
		if failed = s.write(s.pending, s.keep); failed != nil && len(s.keep) > 0 {
			failed = fmt.Errorf("%w; it was to be kept for good as %s", failed, strings.Join(s.keep, " and "))
		}
		s.pending, s.keep = nil, nil
	}
	o := s.trainer.opts
	due := p.Crossed(o.SaveLatestFreq)
	if o.SaveEpochFreq > 0 && p.EpochEnd() && p.Epoch%o.SaveEpochFreq == 0 {
		s.keep = append(s.keep, epochPath(o.checkpointDir(), p.Epoch))
	}
	if o.SaveByIter && due {
		s.keep = append(s.keep, iterPath(o.checkpointDir(), p.Seen()))
	}
	if s.best != nil {
		failed = errors.Join(failed, s.writeBest())
	}
	if !due && len(s.keep) == 0 {
		return failed
	}
	var err error
	s.pending, err = s.trainer.Checkpoint(s.data)
	return errors.Join(failed, err)
}

// Saved is the step of the newest checkpoint that was written; 0 for none yet.
func (s *Saver) Saved() int64 { return s.saved }

// Save writes the present state, as at the end of a run, and returns it.
func (s *Saver) Save() (*Checkpoint, error) {
	c, err := s.trainer.Checkpoint(s.data)
	if err != nil {
		return nil, fmt.Errorf("save checkpoint: %w", err)
	}
	keep := s.keep
	s.pending, s.keep = nil, nil
	err = s.write(c, keep)
	if s.best != nil {
		err = errors.Join(err, s.writeBest())
	}
	return c, err
}

// Flush writes the state that waits for the next step to show that it is sound,
// for a run that can make no next step.
func (s *Saver) Flush() error {
	if s.pending == nil {
		return nil
	}
	c, keep := s.pending, s.keep
	s.pending, s.keep = nil, nil
	return s.write(c, keep)
}

// SaveBest writes the present state as the best of the run, in place of the one
// before. Why says what makes it so. It is to be called when the state has been
// judged, which shows it to be sound. After an error the next step tries again.
func (s *Saver) SaveBest(why Best) error {
	c, err := s.trainer.Checkpoint(s.data)
	if err != nil {
		return fmt.Errorf("save best checkpoint: %w", err)
	}
	c.Best, s.best = &why, c
	return s.writeBest()
}

func (s *Saver) writeBest() error {
	dir := s.trainer.opts.checkpointDir()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("save best checkpoint: %w", err)
	}
	if err := s.best.Save(bestPath(dir)); err != nil {
		return err
	}
	s.best = nil
	return nil
}

// write saves a checkpoint in the run's folder, again under the names to keep,
// and drops those that are no longer needed.
func (s *Saver) write(c *Checkpoint, keep []string) error {
	dir := s.trainer.opts.checkpointDir()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	path := checkpointPath(dir, c.Step)
	if err := c.Save(path); err != nil {
		return err
	}
	s.saved = c.Step
	for _, name := range keep {
		if err := keepCheckpoint(c, path, name); err != nil {
			return err
		}
	}
	return dropOldCheckpoints(dir, s.trainer.opts.KeepLast)
}

// keepCheckpoint gives a saved checkpoint a second name, or writes it again
// where links are not to be had.
func keepCheckpoint(c *Checkpoint, saved, path string) error {
	beside := filepath.Join(filepath.Dir(path), ".kept.partial")
	if err := os.Remove(beside); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("keep checkpoint: %w", err)
	}
	if os.Link(saved, beside) == nil && os.Rename(beside, path) == nil {
		return nil
	}
	return c.Save(path)
}
