package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"cyclegan/infer/pixels"
	"cyclegan/train/metric"
)

// The units of a difference.
const (
	ofLosses  = "of a loss"
	ofOutputs = "in [-1, 1]"
)

// Differences up to these bounds count as rounding.
const (
	// lossTolerance is relative. Adam's first steps follow the signs of the gradients, which
	// amplifies rounding.
	lossTolerance, lossToleranceBF16 = 0.01, 0.1
	// outputTolerance applies to values in [-1, 1]; one level of an 8-bit image is 0.0078.
	outputTolerance = 2e-3
	// fileTolerance is the mean over all pixels, in levels of 255. JPEG decoders differ in how they
	// enlarge the colors, and an untrained generator amplifies that.
	fileTolerance = 4
)

// checkSteps is the number of first steps that are compared. The second shows the gradients and
// Adam, which the first does not; in later ones rounding grows.
const checkSteps = 2

// agreeLosses compares the losses of the first steps.
func (r *result) agreeLosses(ours, theirs [][]float64, precision string) error {
	if len(ours) != len(theirs) || len(ours) == 0 {
		return fmt.Errorf("reported the losses of %d steps, ours %d", len(theirs), len(ours))
	}
	worst := 0.0
	for i := range ours {
		if len(ours[i]) != len(theirs[i]) {
			return fmt.Errorf("reported %d losses of a step, ours %d", len(theirs[i]), len(ours[i]))
		}
		for j, v := range ours[i] {
			worst = math.Max(worst, math.Abs(v-theirs[i][j])/math.Abs(v)) // NaN stays
		}
	}
	tolerance := lossTolerance
	if precision == "bf16" {
		tolerance = lossToleranceBF16
	}
	if err := r.differs(worst, ofLosses, tolerance); err != nil {
		return fmt.Errorf("a loss of the first %d steps %w", checkSteps, err)
	}
	return nil
}

// agreeOutputs compares two files of generator outputs.
func (r *result) agreeOutputs(ours, theirs string) error {
	a, errA := readFloats(ours)
	b, errB := readFloats(theirs)
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	if len(a) != len(b) {
		return fmt.Errorf("wrote %d values, ours %d", len(b), len(a))
	}
	worst := 0.0
	for i, v := range a {
		worst = math.Max(worst, math.Abs(float64(v)-float64(b[i]))) // NaN stays
	}
	if err := r.differs(worst, ofOutputs, outputTolerance); err != nil {
		return fmt.Errorf("an image %w", err)
	}
	return nil
}

// differs records a difference and returns an error if it is larger than rounding.
func (r *result) differs(d float64, of string, tolerance float64) error {
	if !math.IsNaN(d) && !math.IsInf(d, 0) { // JSON has neither
		r.Difference, r.Of = &d, of
	}
	if !(d <= tolerance) {
		return fmt.Errorf("differs from ours by %.3g; up to %g counts as rounding", d, tolerance)
	}
	return nil
}

// agreeFiles compares the images in two folders by name.
func agreeFiles(ours, theirs string) error {
	files, err := os.ReadDir(ours)
	if err != nil {
		return err
	}
	var sum float64
	for _, f := range files {
		d, err := fileDifference(filepath.Join(ours, f.Name()), filepath.Join(theirs, f.Name()))
		if err != nil {
			return err
		}
		sum += d
	}
	if mean := sum / float64(max(1, len(files))); !(mean <= fileTolerance) {
		return fmt.Errorf("its files differ from ours by %.3g levels on average; up to %d counts as rounding", mean, fileTolerance)
	}
	return nil
}

// fileDifference is the mean difference of two images, in levels of 255.
func fileDifference(a, b string) (float64, error) {
	ours, errA := pixels.Load(a, pixels.Limits{})
	theirs, errB := pixels.Load(b, pixels.Limits{})
	if err := errors.Join(errA, errB); err != nil {
		return 0, err
	}
	pair, err := metric.Compare(ours.Image, theirs.Image)
	return pair.L1 * 127.5, err // L1 is of values in [-1, 1]
}

func readFloats(path string) ([]float32, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	values := make([]float32, len(data)/4)
	if _, err := binary.Decode(data, binary.LittleEndian, values); err != nil {
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	return values, nil
}

func writeFloats(path string, values []float32) error {
	data, err := binary.Append(nil, binary.LittleEndian, values)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
