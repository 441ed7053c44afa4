package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Saver writes the checkpoints of a run. A state is written only after the
// next step has shown that it is sound, since the losses of a step say nothing
// about the weights that the step leaves.
type Saver struct {
	folder   Folder
	keepLast int // rolling checkpoints
	take     func() (*Checkpoint, error)

	pending *Checkpoint
	keep    []string    // names that the pending checkpoint is kept under
	best    *Checkpoint // to be written again, because the disk was full
	saved   int64       // the step of the newest checkpoint written
}

// NewSaver returns a Saver that writes to a folder and keeps the newest keepLast
// rolling checkpoints. Take copies the run's current state.
func NewSaver(folder Folder, keepLast int, take func() (*Checkpoint, error)) *Saver {
	return &Saver{folder: folder, keepLast: keepLast, take: take}
}

// KeepEpoch keeps the next checkpoint permanently as that of an epoch.
func (s *Saver) KeepEpoch(epoch int) { s.keep = append(s.keep, epochName(epoch)) }

// KeepIteration keeps the next checkpoint permanently as the one after that
// many images.
func (s *Saver) KeepIteration(images int64) { s.keep = append(s.keep, iterationName(images)) }

// StepDone is called after each step. It writes the state that waited for this
// step. An error means that a checkpoint could not be written: older ones are
// intact, so the run may continue and try to write the next.
func (s *Saver) StepDone() error {
	if s.pending == nil && s.best == nil {
		return nil
	}
	keep := s.keep
	err := s.Flush()
	if err != nil && len(keep) > 0 {
		err = fmt.Errorf("%w; it was to be kept as %s", err, strings.Join(keep, " and "))
	}
	if s.best != nil {
		err = errors.Join(err, s.writeBest())
	}
	return err
}

// Take copies the current state, to be written after the next step.
func (s *Saver) Take() (err error) {
	s.pending, err = s.take()
	return err
}

// Saved returns the step of the newest checkpoint written, 0 if there is none.
func (s *Saver) Saved() int64 { return s.saved }

// Save writes the current state at once, as at the end of a run, and returns it.
func (s *Saver) Save() (*Checkpoint, error) {
	c, err := s.take()
	if err != nil {
		return nil, fmt.Errorf("save checkpoint: %w", err)
	}
	s.pending = c
	err = s.Flush()
	if s.best != nil {
		err = errors.Join(err, s.writeBest())
	}
	return c, err
}

// Flush writes the state that waits for the next step, for a run that can make
// no next step.
func (s *Saver) Flush() error {
	if s.pending == nil {
		return nil
	}
	c, keep := s.pending, s.keep
	s.pending, s.keep = nil, nil
	return s.write(c, keep)
}

// SaveBest writes the current state as the best of the run in place of the
// previous one. The state has been scored, so it is sound. After an error the
// next step tries again.
func (s *Saver) SaveBest(why Best) error {
	c, err := s.take()
	if err != nil {
		return fmt.Errorf("save best checkpoint: %w", err)
	}
	c.Best, s.best = &why, c
	return s.writeBest()
}

func (s *Saver) writeBest() error {
	if err := s.folder.create(); err != nil {
		return err
	}
	if err := s.best.Save(s.folder.path(bestName)); err != nil {
		return err
	}
	s.best = nil
	return nil
}

// write saves a rolling checkpoint, keeps it under more names, and removes old
// rolling ones.
func (s *Saver) write(c *Checkpoint, keep []string) error {
	if err := s.folder.create(); err != nil {
		return err
	}
	path := s.folder.rollingPath(c.Step)
	if err := c.Save(path); err != nil {
		return err
	}
	s.saved = c.Step
	for _, name := range keep {
		if err := s.link(c, path, s.folder.path(name)); err != nil {
			return err
		}
	}
	return s.folder.dropOld(s.keepLast)
}

// link gives a saved checkpoint a second name, or writes it a second time where
// the file system has no links.
func (s *Saver) link(c *Checkpoint, saved, path string) error {
	partial := filepath.Join(string(s.folder), ".kept.partial")
	if err := os.Remove(partial); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("keep checkpoint: %w", err)
	}
	if os.Link(saved, partial) == nil && os.Rename(partial, path) == nil {
		return nil
	}
	return c.Save(path)
}
