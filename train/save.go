//go:build tensorflow

package train

import (
	"fmt"
	"os"

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
}

// NewSaver saves the state of t, which trains on data.
func NewSaver(t *Trainer, data *dataset.Dataset) *Saver { return &Saver{trainer: t, data: data} }

// Hook is to be called after each step, before hooks that may fail.
func (s *Saver) Hook(p Progress) error {
	if s.pending != nil {
		err := s.write(s.pending, s.keep)
		s.pending, s.keep = nil, nil
		if err != nil {
			return err
		}
	}
	o := s.trainer.opts
	due := p.Crossed(o.SaveLatestFreq)
	if o.SaveEpochFreq > 0 && p.EpochEnd() && p.Epoch%o.SaveEpochFreq == 0 {
		s.keep = append(s.keep, epochPath(o.checkpointDir(), p.Epoch))
	}
	if o.SaveByIter && due {
		s.keep = append(s.keep, iterPath(o.checkpointDir(), p.Seen()))
	}
	if !due && len(s.keep) == 0 {
		return nil
	}
	var err error
	s.pending, err = s.trainer.Checkpoint(s.data)
	return err
}

// Save writes the present state, as at the end of a run, and returns it.
func (s *Saver) Save() (*Checkpoint, error) {
	c, err := s.trainer.Checkpoint(s.data)
	if err != nil {
		return nil, fmt.Errorf("save checkpoint: %w", err)
	}
	keep := s.keep
	s.pending, s.keep = nil, nil
	return c, s.write(c, keep)
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
	for _, name := range keep {
		if err := keepCheckpoint(c, path, name); err != nil {
			return err
		}
	}
	return dropOldCheckpoints(dir)
}

// keepCheckpoint gives a saved checkpoint a second name, or writes it again
// where links are not to be had.
func keepCheckpoint(c *Checkpoint, saved, path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("replace checkpoint: %w", err)
	}
	if os.Link(saved, path) == nil {
		return nil
	}
	return c.Save(path)
}
