//go:build tensorflow

package train

import (
	"fmt"
	"os"
	"path/filepath"

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
// pictures and keeps one for good every save_epoch_freq epochs.
func SaveCheckpoints(p Progress) error {
	o := p.Trainer.opts
	epochEnd := o.SaveEpochFreq > 0 && p.EpochEnd() && p.Epoch%o.SaveEpochFreq == 0
	if !epochEnd && !p.Crossed(o.SaveLatestFreq) {
		return nil
	}
	c, err := p.Trainer.SaveCheckpoint(p.Data)
	if err != nil || !epochEnd {
		return err
	}
	// The same file under a second name; where links are not to be had, it is
	// written again.
	dir := o.checkpointDir()
	keep := filepath.Join(dir, fmt.Sprintf("epoch_%04d%s", p.Epoch, checkpointExtension))
	if err := os.Remove(keep); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("replace checkpoint: %w", err)
	}
	if os.Link(checkpointPath(dir, c.Step), keep) == nil {
		return nil
	}
	return c.Save(keep)
}
