//go:build tensorflow

package train

import (
	"fmt"
	"os"

	"cyclegan/train/dataset"
)

// SaveCheckpoint saves the trainer's state in its run's folder and drops the
// checkpoints that are no longer needed. Data is what the run trains on.
func (t *Trainer) SaveCheckpoint(data *dataset.Dataset) (*Checkpoint, error) {
	c, err := t.Checkpoint(data)
	if err != nil {
		return nil, fmt.Errorf("save checkpoint: %w", err)
	}
	dir := t.opts.checkpointDir()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("save checkpoint: %w", err)
	}
	if err := c.Save(checkpointPath(dir, t.step)); err != nil {
		return nil, err
	}
	return c, dropOldCheckpoints(dir)
}

// SaveCheckpoints is a hook that saves a checkpoint every save_latest_freq
// pictures. It keeps one for good every save_epoch_freq epochs, and with
// save_by_iter every one.
func SaveCheckpoints(p Progress) error {
	o := p.Trainer.opts
	dir := o.checkpointDir()
	due := p.Crossed(o.SaveLatestFreq)
	var keep []string
	if o.SaveEpochFreq > 0 && p.EpochEnd() && p.Epoch%o.SaveEpochFreq == 0 {
		keep = append(keep, epochPath(dir, p.Epoch))
	}
	if o.SaveByIter && due {
		keep = append(keep, iterPath(dir, p.Seen()))
	}
	if !due && len(keep) == 0 {
		return nil
	}
	c, err := p.Trainer.SaveCheckpoint(p.Data)
	if err != nil {
		return err
	}
	for _, path := range keep {
		if err := keepCheckpoint(c, checkpointPath(dir, c.Step), path); err != nil {
			return err
		}
	}
	return nil
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
