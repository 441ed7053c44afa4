package infer

import (
	"errors"
	"fmt"
	"strings"

	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// A Range holds the tensor values of black (Lo) and of white (Hi). Lo may be the larger one. Its
// text form is "LO,HI", such as "-1,1".
type Range struct{ Lo, Hi float32 }

// A Window is the closed interval of stored values that the samples of 16-bit images use. Its text
// form is "LO,HI", such as "0,4095".
type Window = pixels.Window

// MarshalText returns "LO,HI".
func (r Range) MarshalText() ([]byte, error) { return pixels.Range(r).MarshalText() }

// UnmarshalText parses "LO,HI".
func (r *Range) UnmarshalText(text []byte) error { return (*pixels.Range)(r).UnmarshalText(text) }

// Options configure how a model runs and describe images for models that do not describe them. A
// nil *Options and the zero value stand for the defaults.
type Options struct {
	// Library is the ONNX Runtime library file or its folder. Default: see the package comment.
	Library string
	// Provider is what runs the model: "cpu", "cuda", "tensorrt", "openvino", "coreml", "directml",
	// or "auto" for the best that works. A named provider that does not work is an error. Default
	// "cpu".
	Provider string
	// DeviceID is the number of the GPU, from 0, for CUDA, TensorRT and DirectML.
	DeviceID int
	// ProviderOptions are passed to the provider, such as device_type for OpenVINO; see the
	// documentation of ONNX Runtime. An unknown one is an error.
	ProviderOptions map[string]string
	// Threads is the number of threads that compute one image. Default: the number of processors.
	Threads int
	// Concurrency is the number of images of up to 512x512 pixels that are in the model at once;
	// others wait. Larger images count by their pixels, and N images share the threads from the
	// first one on. Default: 2 to 4 by the number of threads, but no more than have 512x512 pixels
	// together, so that they take no more memory than one of that size.
	Concurrency int

	// Input and Output name the model's image input and image output. Default: the only possible
	// ones.
	Input, Output string
	// Range holds the values of black and white in the input and the output. Default: from the
	// metadata of the model; for integers the range of their type (0 to 255 for uint8); otherwise
	// the range of the last operator (0 to 1 for Sigmoid), or -1 to 1.
	Range Range
	// OutputRange is the range of the output, if it differs. Default: as Range.
	OutputRange Range
	// InputWindow holds the values that 16-bit images use of the 65536 that they can store, such as
	// 0 to 4095 for scans of 12 bits: Lo is black for the model and Hi is white, and values outside
	// are clamped. OutputWindow holds those of the results: the model's black becomes Lo and its
	// white Hi, with 16 bits per sample for every image. Default: from the metadata of the model,
	// which has windows if it was trained on 16-bit images; otherwise 0 to 65535 for 16-bit images,
	// and results with the bits of the image. Images with 8 bits per sample always use all of their
	// values.
	InputWindow, OutputWindow Window
	// Layout is "NCHW" or "NHWC". Default: from the shapes, or NCHW.
	Layout string
	// BGR is true for a model whose first channel is blue.
	BGR bool
	// SizeMultiple is the number of pixels of which sides must be multiples; images are padded.
	// Default: from the metadata or from the strides of the network.
	SizeMultiple int
	// MinSize is the smallest side of the model in pixels; smaller images are padded. Default: from
	// the metadata, or from the mirrored borders and strides of the network.
	MinSize int

	// Detail tells where the fine detail of the results comes from. "model": the model translates
	// the image at its own size. "input": it translates a copy at its training size, and the change
	// is applied to the image along its edges. That keeps the detail of a photograph, needs little
	// memory and no tiles, and adds no texture. "auto": "input" for images whose shorter side is at
	// least twice the training size, and "model" for others, for models that do not record a
	// training size, and for cyclegan's pyramid, which does by itself what "input" does. Default
	// "auto".
	Detail string
	// TrainSize is the training size in pixels. Default: from the metadata.
	TrainSize int

	// MaxPixels is the number of pixels, width times height, up to which an image passes through
	// the model whole. Larger images are cut into tiles of at most that size (see Translate).
	// Memory grows with it: a ResNet with 64 filters takes 1.1 GB per million. At least 65,536
	// (256x256); negative: no image is cut. Default 2,621,440 (2048x1280), for which such a ResNet
	// takes 3 GB. Models that work on a thumbnail of the image, such as cyclegan's pyramid, ignore
	// it: they take little memory for an image of any size.
	MaxPixels int
}

const (
	defaultMaxPixels = 2048 * 1280
	leastMaxPixels   = 256 * 256 // tiles must be more than their margins
	// largestUnit bounds SizeMultiple and MinSize, and with them the cost of padding a small image.
	largestUnit = 4096
)

// Validate reports every invalid option with its value.
func (o *Options) Validate() error {
	if o == nil {
		return nil
	}
	_, badLayout := parseLayout(o.Layout)
	inner := o.session()
	inner.IntraThreads = max(inner.IntraThreads, 0) // it has another name there
	bad := []error{inner.Validate(), badLayout}
	if o.Threads < 0 {
		bad = append(bad, fmt.Errorf("threads %d is negative", o.Threads))
	}
	for _, r := range []Range{o.Range, o.OutputRange} {
		if r != (Range{}) {
			bad = append(bad, pixels.Spec{Channels: 3, Range: pixels.Range(r)}.Validate())
		}
	}
	for _, w := range []Window{o.InputWindow, o.OutputWindow} {
		if w != (Window{}) && w.Lo >= w.Hi {
			bad = append(bad, fmt.Errorf("window %d,%d has no values: the second number must be larger", w.Lo, w.Hi))
		}
	}
	if o.Concurrency < 0 {
		bad = append(bad, fmt.Errorf("concurrency %d is negative", o.Concurrency))
	}
	checkUnit := func(name string, n int) {
		if n < 0 || n > largestUnit {
			bad = append(bad, fmt.Errorf("%s %d is not between 1 and %d pixels, or 0 for the model's", name, n, largestUnit))
		}
	}
	checkUnit("size multiple", o.SizeMultiple)
	checkUnit("smallest size", o.MinSize)
	checkUnit("training size", o.TrainSize)
	switch o.Detail {
	case "", DetailAuto, DetailInput, DetailModel:
	default:
		bad = append(bad, fmt.Errorf("detail %q is not %s, %s or %s", o.Detail, DetailAuto, DetailInput, DetailModel))
	}
	if o.MaxPixels > 0 && o.MaxPixels < leastMaxPixels {
		bad = append(bad, fmt.Errorf("max pixels %d is below %d; use 0 for %d, or -1 to cut no image", o.MaxPixels, leastMaxPixels, defaultMaxPixels))
	}
	return errors.Join(bad...)
}

// concurrency returns the option with its default for a number of threads, and the pixels up to
// which an image counts as one.
func (o *Options) concurrency(threads int) (n, pixels int) {
	if o.Concurrency > 0 {
		return o.Concurrency, arenaPixels
	}
	n = min(max(2, threads/8), 4)
	return n, arenaPixels / n
}

// session returns the part of the options that ONNX Runtime takes.
func (o *Options) session() *session.Options {
	if o == nil {
		o = &Options{}
	}
	return &session.Options{
		Library: o.Library, Provider: o.Provider, DeviceID: o.DeviceID,
		ProviderOptions: o.ProviderOptions, IntraThreads: o.Threads,
	}
}

// parseLayout returns nil for an empty string.
func parseLayout(s string) (*pixels.Layout, error) {
	for _, l := range []pixels.Layout{pixels.NCHW, pixels.NHWC} {
		if strings.EqualFold(s, l.String()) {
			return &l, nil
		}
	}
	if s == "" {
		return nil, nil
	}
	return nil, fmt.Errorf("layout %q is unknown: use %v or %v", s, pixels.NCHW, pixels.NHWC)
}
