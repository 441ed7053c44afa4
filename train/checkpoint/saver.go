package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// A Saver writes the checkpoints of a run. A state is written only after the next step has shown
// that it is sound, since the losses of a step say nothing about the weights that the step leaves.
type Saver struct {
	folder   Folder
	keepLast int // rolling checkpoints
	take     func() (*Checkpoint, error)

	pending *Checkpoint
	keep    []string    // names that the pending checkpoint is kept under
	best    *Checkpoint // to be written again, because the disk was full
	saved   int64       // the step of the newest checkpoint written
}

// NewSaver returns a Saver that writes to a folder and keeps the newest keepLast rolling
// checkpoints. Take copies the run's current state.
func NewSaver(folder Folder, keepLast int, take func() (*Checkpoint, error)) *Saver {
	return &Saver{folder: folder, keepLast: keepLast, take: take}
}

// KeepEpoch keeps the next checkpoint permanently as that of an epoch.
func (s *Saver) KeepEpoch(epoch int) { s.keep = append(s.keep, epochName(epoch)) }

// KeepIteration keeps the next checkpoint permanently as the one after that many images.
func (s *Saver) KeepIteration(images int64) { s.keep = append(s.keep, iterationName(images)) }

// Take copies the current state, to be written by the Flush after the next step.
func (s *Saver) Take() (err error) {
	s.pending, err = s.take()
	return err
}

// Flush writes the state that waits for a sound step, and the best state if that failed before. It
// is called after each step. An error means that a checkpoint could not be written: older ones are
// intact, so the run may continue and try to write the next.
func (s *Saver) Flush() (err error) {
	if s.pending != nil {
		c, keep := s.pending, s.keep
		s.pending, s.keep = nil, nil
		err = s.write(c, keep)
	}
	if s.best != nil {
		err = errors.Join(err, s.writeBest())
	}
	return err
}

// Saved returns the step of the newest checkpoint written, 0 if there is none.
func (s *Saver) Saved() int64 { return s.saved }

// Save writes the current state at once, as at the end of a run, and returns it.
func (s *Saver) Save() (*Checkpoint, error) {
	if err := s.Take(); err != nil {
		return nil, fmt.Errorf("save checkpoint: %w", err)
	}
	c := s.pending
	return c, s.Flush()
}

// SaveBest writes the current state as the best of the run in place of the previous one. The state
// has been scored, so it is sound. After an error the next step tries again.
func (s *Saver) SaveBest(why Best) error {
	c, err := s.take()
	if err != nil {
		return fmt.Errorf("save best checkpoint: %w", err)
	}
	c.Best, s.best = &why, c
	return s.writeBest()
}

func (s *Saver) writeBest() error {
	err := s.best.Save(s.folder.path(bestName))
	if err == nil {
		s.best = nil
	}
	return err
}

// write saves a rolling checkpoint, keeps it under more names, and removes old rolling ones.
func (s *Saver) write(c *Checkpoint, keep []string) error {
	path := s.folder.rollingPath(c.Step)
	if err := c.Save(path); err != nil {
		return err
	}
	s.saved = c.Step
	for _, name := range keep {
		if err := link(c, path, s.folder.path(name)); err != nil {
			return err
		}
	}
	return s.folder.dropOld(s.keepLast)
}

// link gives a saved checkpoint a second name, or writes it a second time where the file system has
// no links.
func link(c *Checkpoint, saved, path string) error {
	partial := filepath.Join(filepath.Dir(path), ".kept.partial")
	os.Remove(partial) // of a killed process
	if os.Link(saved, partial) == nil && os.Rename(partial, path) == nil {
		return nil
	}
	return c.Save(path)
}
