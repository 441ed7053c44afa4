package main

import (
	"fmt"

	"cyclegan/graph/onnxgraph"
	"cyclegan/train/dataset"
)

// openCalibration finds the pictures to calibrate on: those of -calibration,
// else what the run was trained on.
func (c *command) openCalibration() error {
	if c.precision != onnxgraph.Int8 {
		return nil
	}
	d, data, err := dataset.DefaultOptions(), (*dataset.Dataset)(nil), error(nil)
	switch {
	case c.pth != "":
		d.InputNC, d.OutputNC = c.options.In, c.options.In
		data, err = openFolder(d, c.calibration)
	case c.calibration != "":
		d = c.run.Dataset()
		d.Dataroot, d.DirA, d.DirB = c.calibration, "", ""
		if data, err = dataset.Open(plain(d)); err != nil {
			// Not the two domains, then: one folder for both generators.
			var folderErr error
			if data, folderErr = openFolder(d, c.calibration); folderErr != nil {
				err = fmt.Errorf("neither two domains (%w) nor one folder (%w)", err, folderErr)
			} else {
				err = nil
			}
		}
	default:
		if data, err = dataset.Open(plain(c.run.Dataset())); err != nil {
			err = fmt.Errorf("the pictures that the run was trained on: %w; name others with -calibration", err)
		}
	}
	if err != nil {
		return fmt.Errorf("calibration: %w", err)
	}
	c.data = data
	return nil
}

// plain takes pictures as they are and keeps none in memory.
func plain(d dataset.Options) dataset.Options {
	d.OneSize, d.MemoryBytes = false, 0
	if d.Dataroot != "" || d.DirA != "" {
		d.Preprocess = dataset.None
	}
	return d
}

// openFolder opens a folder of pictures as both domains.
func openFolder(d dataset.Options, dir string) (*dataset.Dataset, error) {
	d.Dataroot, d.DirA, d.DirB = "", dir, dir
	return dataset.Open(plain(d))
}
