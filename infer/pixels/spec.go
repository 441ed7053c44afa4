// Package pixels converts images to tensors and back. Its central type is [Spec], the tensor
// format: order of the axes, value range, number and order of channels. [Load] and [Save] read and
// write files.
//
// Training and inference both use this package, so that their pre-processing cannot differ.
//
//	pic, err := pixels.Load("valley.jpg", pixels.Limits{})
//	spec := pixels.Spec{Layout: pixels.NCHW, Range: pixels.Symmetric, Channels: 3}
//	err = spec.Put(tensor, pic.Image) // len(tensor) == 3*W*H
//	out, err := spec.Picture(tensor, w, h)
//	err = pixels.Save("out.png", out, pixels.SaveOptions{})
package pixels

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Layout is the order of a tensor's axes.
type Layout int

const (
	NCHW Layout = iota // plane by plane, as in most ONNX models
	NHWC               // pixel by pixel, as TensorFlow prefers
)

func (l Layout) String() string {
	switch l {
	case NCHW:
		return "NCHW"
	case NHWC:
		return "NHWC"
	}
	return fmt.Sprintf("Layout(%d)", int(l))
}

// Range holds the tensor values of black (Lo) and white (Hi). Lo may be the larger one, which
// inverts the image. Its text form is "LO,HI", such as "-1,1".
type Range struct{ Lo, Hi float32 }

// MarshalText returns "LO,HI", or nothing for the zero value, which stands for an unknown range.
func (r Range) MarshalText() ([]byte, error) {
	if r == (Range{}) {
		return nil, nil
	}
	return fmt.Appendf(nil, "%g,%g", r.Lo, r.Hi), nil
}

// UnmarshalText parses what MarshalText returns. Spaces around the numbers are allowed.
func (r *Range) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = Range{}
		return nil
	}
	lo, hi, _ := strings.Cut(string(text), ",")
	l, errLo := strconv.ParseFloat(strings.TrimSpace(lo), 32)
	h, errHi := strconv.ParseFloat(strings.TrimSpace(hi), 32)
	parsed := Range{float32(l), float32(h)}
	if errLo != nil || errHi != nil || !parsed.valid() {
		return fmt.Errorf("%q is not LO,HI: two different numbers, such as -1,1 or 0,255", text)
	}
	*r = parsed
	return nil
}

func (r Range) valid() bool {
	width := math.Abs(float64(r.Hi) - float64(r.Lo))
	return width >= 1e-30 && width <= 1e30 // keeps 255/width within a float32
}

var (
	Symmetric = Range{-1, 1} // the output of tanh
	Unit      = Range{0, 1}
	Byte      = Range{0, 255}
)

// Spec is the format of an image in a tensor.
type Spec struct {
	Layout   Layout
	Range    Range
	Channels int  // 3, or 1 for luma (ITU-R 601, rounded to the bits of the image as PIL's mode "L")
	BGR      bool // blue first; ignored if Channels is 1
}

// Len returns the number of values of an image of w x h pixels.
func (s Spec) Len(w, h int) int { return s.Channels * w * h }

// Validate returns an error if the format is invalid.
func (s Spec) Validate() error {
	if s.Channels != 1 && s.Channels != 3 {
		return fmt.Errorf("pixels: %d channels: a tensor holds 1 (gray) or 3 (color)", s.Channels)
	}
	if s.Layout != NCHW && s.Layout != NHWC {
		return fmt.Errorf("pixels: unknown layout %v: use NCHW or NHWC", s.Layout)
	}
	if !s.Range.valid() {
		return fmt.Errorf("pixels: range %g..%g: black and white need two different finite values", s.Range.Lo, s.Range.Hi)
	}
	return nil
}

// check validates the spec and checks that a tensor of n values holds w x h pixels.
func (s Spec) check(n, w, h int) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if w < 1 || h < 1 {
		return fmt.Errorf("pixels: image of %dx%d has no pixels", w, h)
	}
	// Division cannot overflow.
	if n/s.Channels/w != h || s.Len(w, h) != n {
		return fmt.Errorf("pixels: tensor has %d values, which is not %d channels of %dx%d", n, s.Channels, w, h)
	}
	return nil
}

// Table returns the tensor value of each 8-bit level: Lo + x/255*(Hi-Lo).
func (r Range) Table() (t [256]float32) {
	r.fill(t[:])
	return t
}

// DeepTable returns the tensor value of each 16-bit level: Lo + x/65535*(Hi-Lo).
func (r Range) DeepTable() []float32 {
	t := make([]float32, deepest+1)
	r.fill(t)
	return t
}

func (r Range) fill(table []float32) {
	lo, width, top := float64(r.Lo), float64(r.Hi)-float64(r.Lo), float64(len(table)-1)
	for x := range table {
		table[x] = float32(lo + float64(x)/top*width)
	}
}
