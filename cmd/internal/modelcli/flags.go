// Package modelcli is what the commands that send pictures through a model have in common: its options, the size that pictures are brought to,
// and the words for what is found out about it.
package modelcli

import (
	"errors"
	"flag"
	"fmt"
	"strings"

	"cyclegan/infer"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// Bind adds the options of a model to f, which fill o.
func Bind(f *flag.FlagSet, o *infer.Options) {
	f.StringVar(&o.Provider, "provider", session.CPU, "what `computes`: "+strings.Join(session.Providers(), ", ")+"; auto takes the best that works and says why it is not a better one; go run ./third_party install -with cuda or -with openvino fetches what those need")
	f.IntVar(&o.DeviceID, "device", 0, "the GPU's `number`, from 0, with -provider cuda, tensorrt or directml")
	f.Func("provider_option", "an option of the provider's own, such as `device_type=GPU` for openvino or cudnn_conv_algo_search=HEURISTIC for cuda; may be repeated", func(s string) error {
		return providerOption(o, s)
	})
	f.IntVar(&o.Threads, "threads", 0, "threads that compute a picture (default: all processors)")
	f.IntVar(&o.MaxPixels, "max_pixels", 0, "`pixels` in the model at once, width times height: larger pictures go through it in tiles, which bounds memory (default 2621440; -1: all go through whole)")
	f.Func("range", "values of black and white in a model that does not say it, such as `0,1` or 0,255 (default: the model's, else what its types or its last operator tell, else -1,1)", func(s string) error {
		return o.Range.UnmarshalText([]byte(s))
	})
	f.Func("output_range", "-range of what the model gives, where it differs from what it takes, such as `0,255`", func(s string) error {
		return o.OutputRange.UnmarshalText([]byte(s))
	})
	f.StringVar(&o.Layout, "layout", "", "`NCHW` or NHWC (default: as the model's shapes tell)")
	f.StringVar(&o.Input, "input", "", "the `name` of the model's input that takes the picture (default: the only one that is needed)")
	f.StringVar(&o.Output, "output", "", "the `name` of the model's output that gives the picture (default: the only one that can be)")
	f.BoolVar(&o.BGR, "bgr", false, "the model takes and gives blue first")
	f.IntVar(&o.SizeMultiple, "size_multiple", 0, "pad sides to a multiple of so many `pixels` (default: the model's, else what its layers ask for)")
	f.IntVar(&o.MinSize, "min_size", 0, "pad sides to at least so many `pixels` (default: the model's, else what its layers ask for)")
}

// BindLimits adds the options that bound what a picture may cost to f, which fill l.
func BindLimits(f *flag.FlagSet, l *pixels.Limits) {
	f.IntVar(&l.MaxPixels, "max_input_pixels", 100_000_000, "refuse pictures of more `pixels`, width times height, before they are decoded")
	f.Int64Var(&l.MaxBytes, "max_input_bytes", 512<<20, "refuse files of more `bytes`")
}

// BindWriting adds the options that say how results are written.
func BindWriting(f *flag.FlagSet, output, format *string, quality *int, skipExisting *bool) {
	f.StringVar(output, "out", "", "the `folder` to write to (needed)")
	f.StringVar(format, "format", "", "write `png`, jpg, gif, bmp or tiff (default: each picture's own, and png for webp)")
	f.IntVar(quality, "quality", 95, "JPEG quality, 1 to 100")
	f.BoolVar(skipExisting, "skip_existing", false, "leave out pictures whose output is there already")
}

// CheckPictures lists what is wrong with the quality and the limits that BindWriting and BindLimits fill.
func CheckPictures(quality int, l pixels.Limits) []error {
	var bad []error
	if quality < 1 || quality > 100 {
		bad = append(bad, fmt.Errorf("-quality %d is outside 1 to 100", quality))
	}
	if l.MaxPixels < 1 {
		bad = append(bad, fmt.Errorf("-max_input_pixels %d is below 1", l.MaxPixels))
	}
	if l.MaxBytes < 1 {
		bad = append(bad, fmt.Errorf("-max_input_bytes %d is below 1", l.MaxBytes))
	}
	return bad
}

// providerOption takes one NAME=VALUE.
func providerOption(o *infer.Options, s string) error {
	name, value, found := strings.Cut(s, "=")
	if !found || name == "" {
		return errors.New("it is a name and a value, as in device_type=GPU")
	}
	if was, ok := o.ProviderOptions[name]; ok && was != value {
		return fmt.Errorf("%s is %s already", name, was)
	}
	if o.ProviderOptions == nil {
		o.ProviderOptions = map[string]string{}
	}
	o.ProviderOptions[name] = value
	return nil
}
