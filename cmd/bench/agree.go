package main

import (
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"

	"cyclegan/infer/pixels"
)

// What a result's difference is a difference of.
const (
	ofLosses  = "of a loss"
	ofOutputs = "in [-1, 1]"
)

// Bounds of what may differ where the same is computed.
const (
	// lossTolerance is relative, over the losses of the first steps. Adam's
	// first steps go by the gradients' signs, so that rounding grows. With bf16
	// it can hide a wrong gradient: what is wrong in f32 counts there too.
	lossTolerance, lossToleranceBF16 = 0.01, 0.1
	// outputTolerance is of the generator's outputs, which lie in [-1, 1]; one
	// level of an 8-bit picture is 0.0078.
	outputTolerance = 2e-3
	// fileTolerance is the mean over the pixels of all files, in levels of 255.
	// JPEG decoders differ in how they enlarge the colours, which a generator
	// that has learnt nothing multiplies, in some pictures more than in others;
	// that the generators are the same is seen by outputTolerance.
	fileTolerance = 4
)

// checkSteps is how many first steps are compared: the second shows the
// gradients and Adam, which the first does not, and in later ones rounding grows.
const checkSteps = 2

// lossDifference is the largest relative difference of losses.
func lossDifference(ours, theirs [][]float64) (float64, error) {
	if len(ours) != len(theirs) || len(ours) == 0 {
		return 0, fmt.Errorf("it told the losses of %d steps, ours %d", len(theirs), len(ours))
	}
	worst := 0.0
	for i := range ours {
		if len(ours[i]) != len(theirs[i]) {
			return 0, fmt.Errorf("it told %d losses of a step, ours %d", len(theirs[i]), len(ours[i]))
		}
		for j, v := range ours[i] {
			worst = math.Max(worst, math.Abs(v-theirs[i][j])/math.Abs(v)) // NaN stays
		}
	}
	return worst, nil
}

// differs notes a difference, which JSON can hold only if it is a number.
func (r *result) differs(d float64, of string) {
	if !math.IsNaN(d) && !math.IsInf(d, 0) {
		r.Difference, r.Of = &d, of
	}
}

// agreeLosses compares losses and says what is wrong, if anything.
func agreeLosses(r *result, ours, theirs [][]float64, precision string) {
	d, err := lossDifference(ours, theirs)
	if err != nil {
		r.Left = err.Error()
		return
	}
	r.differs(d, ofLosses)
	tolerance := lossTolerance
	if precision == "bf16" {
		tolerance = lossToleranceBF16
	}
	if !(d <= tolerance) {
		r.Left = fmt.Sprintf("it computes something else: a loss of its first %d steps differs from ours by %.3g %%, where up to %g %% is rounding", checkSteps, 100*d, 100*tolerance)
	}
}

// agreeOutputs compares two files of outputs and says what is wrong, if anything.
func agreeOutputs(r *result, ours, theirs string) {
	a, err := readFloats(ours)
	if err != nil {
		r.Left = err.Error()
		return
	}
	b, err := readFloats(theirs)
	if err == nil && len(a) != len(b) {
		err = fmt.Errorf("it gave %d values, ours %d", len(b), len(a))
	}
	if err != nil {
		r.Left = err.Error()
		return
	}
	worst := 0.0
	for i, v := range a {
		worst = math.Max(worst, math.Abs(float64(v)-float64(b[i]))) // NaN stays
	}
	r.differs(worst, ofOutputs)
	if !(worst <= outputTolerance) {
		r.Left = fmt.Sprintf("it computes something else: its pictures differ from ours by up to %.3g in [-1, 1], where up to %g is rounding", worst, outputTolerance)
	}
}

// agreeFiles compares the pictures that two contenders wrote, name by name. It
// returns what is wrong, or "".
func agreeFiles(ours, theirs string) string {
	files, err := os.ReadDir(ours)
	if err != nil {
		return err.Error()
	}
	var sum float64
	for _, f := range files {
		d, err := fileDifference(filepath.Join(ours, f.Name()), filepath.Join(theirs, f.Name()))
		if err != nil {
			return err.Error()
		}
		sum += d
	}
	if mean := sum / float64(max(1, len(files))); !(mean <= fileTolerance) {
		return fmt.Sprintf("it wrote something else: its files differ from ours by %.3g levels in the mean, more than %d", mean, fileTolerance)
	}
	return ""
}

// fileDifference is the mean difference of two pictures of one size, in levels of 255.
func fileDifference(a, b string) (float64, error) {
	var img [2]*image.NRGBA
	for i, path := range []string{a, b} {
		p, err := pixels.Load(path, pixels.Limits{})
		if err != nil {
			return 0, err
		}
		img[i] = p.Image
	}
	if img[0].Rect != img[1].Rect {
		return 0, fmt.Errorf("%q and %q are of different sizes", a, b)
	}
	sum, n := 0.0, 0
	for i, v := range img[0].Pix {
		if i%4 == 3 {
			continue
		}
		sum += math.Abs(float64(v) - float64(img[1].Pix[i]))
		n++
	}
	return sum / float64(n), nil
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
