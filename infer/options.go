package infer

import (
	"errors"
	"fmt"
	"strings"

	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// Options say how a model runs and, for models that do not say it themselves, what pictures they take.
// A nil *Options and the zero value are the defaults.
type Options struct {
	// Library is the ONNX Runtime library file, or a folder that holds it. Empty: it is looked for (see the package comment).
	Library string
	// Provider is "cpu" or "cuda". Empty: "cpu".
	Provider string
	// DeviceID is the number of the GPU, from 0. CUDA only.
	DeviceID int
	// Threads is how many threads compute one picture. 0: all processors.
	Threads int

	// Range holds the values of black and of white. The zero value: what the model's metadata says, else -1 to 1.
	Range pixels.Range
	// Layout is "NCHW" or "NHWC". Empty: what the model's shapes say, else NCHW.
	Layout string
	// BGR says that the model takes and gives blue first.
	BGR bool
	// SizeMultiple is what the sides must be multiples of, in pixels; pictures are padded to it. 0: what the metadata says, else 1.
	SizeMultiple int
	// MinSize is the smallest side that the model takes, in pixels; smaller pictures are padded. 0: what the metadata says, else 1.
	MinSize int

	// MaxPixels is how many pixels may be in the model at once, width times height: larger pictures go through it in tiles, and tiles are no larger
	// (see Translate). Memory grows with it: a ResNet with 64 filters takes 1.1 GB for a million. 0: 2,621,440 (2048x1280); at least 65,536 (256x256);
	// below 0: pictures of any size go through whole.
	MaxPixels int
}

// largestUnit bounds SizeMultiple and MinSize, and with them what padding a small picture may cost.
const largestUnit = 4096

// Validate lists every option that makes no sense, with its value.
func (o *Options) Validate() error {
	if o == nil {
		return nil
	}
	var bad []error
	if err := o.session().Validate(); err != nil {
		bad = append(bad, err)
	}
	if o.Range != (pixels.Range{}) {
		if err := (pixels.Spec{Channels: 3, Range: o.Range}).Validate(); err != nil {
			bad = append(bad, err)
		}
	}
	if _, err := parseLayout(o.Layout); err != nil {
		bad = append(bad, err)
	}
	if o.SizeMultiple < 0 || o.SizeMultiple > largestUnit {
		bad = append(bad, fmt.Errorf("size multiple %d: it is 1 to %d pixels, or 0 for the model's own", o.SizeMultiple, largestUnit))
	}
	if o.MinSize < 0 || o.MinSize > largestUnit {
		bad = append(bad, fmt.Errorf("smallest size %d: it is 1 to %d pixels, or 0 for the model's own", o.MinSize, largestUnit))
	}
	if o.MaxPixels > 0 && o.MaxPixels < leastMaxPixels {
		bad = append(bad, fmt.Errorf("max pixels %d: it is %d or more, 0 for %d, or below 0 for pictures of any size", o.MaxPixels, leastMaxPixels, defaultMaxPixels))
	}
	return errors.Join(bad...)
}

// maxPixels gives the option with its default.
func (o *Options) maxPixels() int {
	if o == nil || o.MaxPixels == 0 {
		return defaultMaxPixels
	}
	return max(o.MaxPixels, -1)
}

// session gives the part of the options that is ONNX Runtime's.
func (o *Options) session() *session.Options {
	if o == nil {
		return nil
	}
	return &session.Options{Library: o.Library, Provider: o.Provider, DeviceID: o.DeviceID, IntraThreads: o.Threads}
}

// parseLayout gives nil for a layout that is not said.
func parseLayout(s string) (*pixels.Layout, error) {
	for _, l := range []pixels.Layout{pixels.NCHW, pixels.NHWC} {
		if strings.EqualFold(s, l.String()) {
			return &l, nil
		}
	}
	if s == "" {
		return nil, nil
	}
	return nil, fmt.Errorf("layout %q is unknown: it is %v or %v", s, pixels.NCHW, pixels.NHWC)
}
