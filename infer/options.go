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
	// Provider is what computes: "cpu", "cuda", "tensorrt", "openvino", "coreml", "directml" (see package session), or "auto" for the best that works.
	// One that is named and does not work is an error that says what is missing; only "auto" goes on to another, and Info says why. Empty: "cpu".
	Provider string
	// DeviceID is the number of the GPU, from 0. CUDA, TensorRT and DirectML only.
	DeviceID int
	// ProviderOptions are the provider's own, as ONNX Runtime's documentation lists them, such as device_type for OpenVINO. One that the provider
	// does not know is an error.
	ProviderOptions map[string]string
	// Threads is how many threads compute one picture. 0: all processors.
	Threads int

	// Input and Output name the model's input that takes the picture and the output that gives it. Empty: the only ones that can be.
	Input, Output string
	// Range holds the values of black and of white in the input and in the output. The zero value: what the model's metadata says, else for
	// whole numbers those of their type (0 to 255 for uint8), else what the operator tells that the model ends in (0 to 1 for Sigmoid), else -1 to 1.
	Range pixels.Range
	// OutputRange is the Range of the output, where it differs from the input's. The zero value: as Range.
	OutputRange pixels.Range
	// Layout is "NCHW" or "NHWC", for input and output. Empty: what their shapes say, else NCHW.
	Layout string
	// BGR says that the model takes and gives blue first.
	BGR bool
	// SizeMultiple is what the sides must be multiples of, in pixels; pictures are padded to it.
	// 0: what the metadata says, else what the strides of the network ask for, else 1.
	SizeMultiple int
	// MinSize is the smallest side that the model takes, in pixels; smaller pictures are padded.
	// 0: what the metadata says, else what the network's mirrored borders and strides ask for, else 1.
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
	for _, r := range []pixels.Range{o.Range, o.OutputRange} {
		if r == (pixels.Range{}) {
			continue
		}
		if err := (pixels.Spec{Channels: 3, Range: r}).Validate(); err != nil {
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
		return &session.Options{}
	}
	return &session.Options{Library: o.Library, Provider: o.Provider, DeviceID: o.DeviceID, ProviderOptions: o.ProviderOptions, IntraThreads: o.Threads}
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
