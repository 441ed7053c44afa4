//go:build tensorflow

package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/infer/pixels"
	"cyclegan/train"
	"cyclegan/train/export"
)

const (
	// checkCount is how many pictures the quantized generator is judged by.
	checkCount = 8
	// defaultSize is the side of pictures where the generator doesn't tell the
	// size that it was trained on: that of the paper.
	defaultSize = 256
)

// pictures reads what the generator called name is calibrated on, and others of
// the same kind to judge it by. Where there aren't enough for both, some are
// in both.
func (c *command) pictures(n *graph.Network, name string, m onnxgraph.Metadata) (calibration, check *export.Images, err error) {
	set := c.data.TrainA()
	if name == train.GBA {
		set = c.data.TrainB()
	}
	if set.Channels() != n.In {
		return nil, nil, fmt.Errorf("calibration: pictures have %d channels and the generator takes %d", set.Channels(), n.In)
	}
	w, h, err := pictureSize(n, m)
	if err != nil {
		return nil, nil, err
	}
	spec := pixels.Spec{Layout: pixels.NHWC, Range: pixels.Symmetric, Channels: n.In}
	read := func(i int) ([]float32, error) {
		img, err := set.Image(i, w, h)
		if err != nil {
			return nil, err
		}
		values := make([]float32, spec.Len(w, h))
		return values, spec.Put(values, img)
	}
	var good []int // which can be read
	var unreadable error
	want := min(c.calibrationCount+checkCount, set.Len())
	for k := range want {
		i := k * set.Len() / want // evenly from all: neighbours are often of one place and day
		if _, err := read(i); err != nil {
			unreadable = errors.Join(unreadable, err)
			continue
		}
		good = append(good, i)
	}
	if len(good) == 0 {
		return nil, nil, fmt.Errorf("calibration: no picture can be read: %w", unreadable)
	}
	source := "training pictures of " + m.DomainFrom
	if c.calibration != "" {
		source = "pictures of " + filepath.Base(c.calibration)
	}
	of := func(indices []int) *export.Images {
		return &export.Images{Count: len(indices), H: h, W: w, Source: source, Read: func(i int) ([]float32, error) { return read(indices[i]) }}
	}
	calibrating, checking := part(good, c.calibrationCount)
	return of(calibrating), of(checking), nil
}

// part takes pictures to calibrate on, and the others to check. Without others
// the check is made on some of the former.
func part(indices []int, count int) (calibrating, checking []int) {
	if count < len(indices) {
		return indices[:count], indices[count:]
	}
	return indices, indices[max(0, len(indices)-checkCount):]
}

// pictureSize is the training size, or one like the paper's, as the generator
// takes it.
func pictureSize(n *graph.Network, m onnxgraph.Metadata) (w, h int, err error) {
	least, err := n.MinSize()
	if err != nil {
		return 0, 0, err
	}
	fit := func(side int) int {
		if side == 0 {
			side = defaultSize
		}
		unit := n.SizeMultiple()
		return max(least, (side+unit-1)/unit*unit)
	}
	return fit(m.TrainWidth), fit(m.TrainHeight), nil
}
