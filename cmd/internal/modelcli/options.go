// Package modelcli holds the shared code of the commands that convert images. It defines the
// options of a [Conversion], opens and describes the model, and prints the plan and the results.
package modelcli

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"cyclegan/cmd/internal/cli"
	"cyclegan/infer"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// MaxSide bounds the sides of images that options request, in pixels, so that a slip does not
// exhaust the memory.
const MaxSide = 16384

// Conversion holds the options for converting images with a model.
type Conversion struct {
	Model        string
	ModelOptions infer.Options
	Inputs       []string
	Output       string
	Format       string // "" keeps each image's own
	Quality      int
	Lossless     bool
	Strip        bool
	SkipExisting bool
	Workers      int // 0 for the default of package batch
	Limits       pixels.Limits
	Resize       string // for Sizes; "" keeps the sizes
	JSON         string // file for the summary, "-" for standard output, "" for none
}

// Bind defines the options, which set c. withoutModel tells what holds without -model.
func (c *Conversion) Bind(f *cli.Flags, withoutModel string) {
	f.Group("Input and output")
	f.StringVar(&c.Model, "model", "", "convert with the generator in the ONNX `FILE`, such as G_AB.onnx ("+withoutModel+")")
	f.Func("in", "convert the image, the images in the folder and its subfolders, or those that match the pattern `PATH`, such as 'photos/*.jpg'; may be repeated, and further paths may follow the options (required)", func(s string) error {
		if s == "" {
			return errors.New("the path is empty")
		}
		c.Inputs = append(c.Inputs, s)
		return nil
	})
	f.StringVar(&c.Output, "out", "", "write the results to `DIR`, or the result of a single image or video to standard output if DIR is - (required)")
	f.StringVar(&c.Format, "format", "", "write images as `NAME`: png, jpg, webp, gif, bmp or tiff (default: the format of each image)")
	f.IntVar(&c.Quality, "quality", 95, "JPEG and WebP quality `N`, from 1 to 100")
	f.BoolVar(&c.Lossless, "lossless", false, "write WebP without loss")
	f.BoolVar(&c.Strip, "strip", false, "leave out the metadata of the images: EXIF with camera, date and place, XMP, IPTC and resolution (default: keep it)")
	f.BoolVar(&c.SkipExisting, "skip_existing", false, "skip images whose output exists")
	f.StringVar(&c.JSON, "json", "", "write a summary as JSON to `FILE`, or to standard output if FILE is -")
	f.Group("Sizes and limits")
	f.Func("resize", "resize images to `SIZE` before the model, and keep that size: WxH pixels, N for the shorter side, or training for the model's training size (default: keep each size)", func(s string) error {
		c.Resize = s
		return CheckResize(s)
	})
	f.StringVar(&c.ModelOptions.Detail, "detail", "", "take the fine detail of results from `NAME`: model translates images at their own size; input translates copies at the training size and applies the change to the images, along their edges, which keeps their detail and needs no tiles; auto takes input for images whose shorter side is at least twice the training size, unless the model is a pyramid, which keeps detail by itself (default: auto)")
	f.IntVar(&c.ModelOptions.MaxPixels, "max_pixels", 0, "pass images of more than `N` pixels, width times height, through the model in tiles, which bounds memory; -1 for no bound (default: 2621440)")
	f.IntVar(&c.Limits.MaxPixels, "max_input_pixels", 100_000_000, "reject images of more than `N` pixels, width times height, before they are decoded")
	f.Int64Var(&c.Limits.MaxBytes, "max_input_bytes", 512<<20, "reject files of more than `N` bytes")
	f.Func("window", "values `LO,HI` that 16-bit images use, such as 0,4095 for 12 bits, or IN:OUT, one window for the images and one for the results (default: from the model's metadata, else all values)", func(s string) (err error) {
		c.ModelOptions.InputWindow, c.ModelOptions.OutputWindow, err = pixels.ParseWindows(s)
		return err
	})
	BindModel(f, &c.ModelOptions)
	f.Group("Computing")
	f.IntVar(&c.Workers, "workers", 0, "pass `N` images to the model concurrently (default: 2; images above 512x256 pixels one at a time)")
}

// BindModel defines the options for opening a model, which set o.
func BindModel(f *cli.Flags, o *infer.Options) {
	f.Group("Computing")
	f.StringVar(&o.Provider, "provider", session.CPU, "run on the ONNX Runtime provider `NAME`: "+strings.Join(session.Providers(), ", ")+"; auto uses the best that works and reports why better ones do not. cuda and openvino need other libraries, which third_party installs")
	f.IntVar(&o.DeviceID, "device", 0, "use GPU number `N` with the providers cuda, tensorrt and directml (default 0)")
	f.Func("provider_option", "set a `NAME=VALUE` option of the provider, such as device_type=GPU for openvino; may be repeated", providerOption(o))
	f.IntVar(&o.Threads, "threads", 0, "compute an image with `N` threads (default: one per processor)")
	f.Group("Models of other origin, which do not describe themselves")
	f.Func("range", "values `LO,HI` of black and white, such as 0,1 or 0,255 (default: from the model's metadata, types or last operator, else -1,1)", func(s string) error {
		return o.Range.UnmarshalText([]byte(s))
	})
	f.Func("output_range", "values `LO,HI` of black and white in the output (default: as for -range)", func(s string) error {
		return o.OutputRange.UnmarshalText([]byte(s))
	})
	f.StringVar(&o.Layout, "layout", "", "use the tensor layout `NAME`, NCHW or NHWC (default: from the model's shapes)")
	f.StringVar(&o.Input, "input", "", "pass the image to the model input `NAME` (default: the only required one)")
	f.StringVar(&o.Output, "output", "", "read the image from the model output `NAME` (default: the only possible one)")
	f.BoolVar(&o.BGR, "bgr", false, "use the channel order blue, green, red")
	f.IntVar(&o.TrainSize, "train_size", 0, "the training size is `N` pixels, for -detail and -resize training (default: from the model's metadata)")
	f.IntVar(&o.SizeMultiple, "size_multiple", 0, "pad sides to a multiple of `N` pixels (default: from the model)")
	f.IntVar(&o.MinSize, "min_size", 0, "pad sides to at least `N` pixels (default: from the model)")
}

// Check returns the mistakes in the options that both ways to name a conversion share.
func (c *Conversion) Check() []error {
	var bad []error
	if c.Format != "" && !pixels.Writable(c.Format) {
		bad = append(bad, fmt.Errorf("-format %q cannot be written: use %s", c.Format, pixels.WritableFormats))
	}
	if c.Quality < 1 || c.Quality > 100 {
		bad = append(bad, fmt.Errorf("-quality %d is not between 1 and 100", c.Quality))
	}
	if c.Limits.MaxPixels < 1 {
		bad = append(bad, fmt.Errorf("-max_input_pixels %d is below 1", c.Limits.MaxPixels))
	}
	if c.Limits.MaxBytes < 1 {
		bad = append(bad, fmt.Errorf("-max_input_bytes %d is below 1", c.Limits.MaxBytes))
	}
	if c.Workers < 0 {
		bad = append(bad, fmt.Errorf("-workers %d is negative", c.Workers))
	}
	c.ModelOptions.Concurrency = max(c.Workers, 0)
	return append(bad, c.ModelOptions.Validate())
}

// CheckRequired returns the required options that are missing.
func (c *Conversion) CheckRequired(modelRequired bool) []error {
	var bad []error
	if c.Model == "" && modelRequired {
		bad = append(bad, errors.New("-model FILE is missing"))
	}
	if len(c.Inputs) == 0 {
		bad = append(bad, missing("-in PATH", c.ModelOptions.Input, "-input names an input of the model"))
	}
	if c.Output == "" {
		bad = append(bad, missing("-out DIR", c.ModelOptions.Output, "-output names an output of the model"))
	}
	return bad
}

// missing returns the error about an option for which the command line may have a similar one.
func missing(option, similar, about string) error {
	if similar == "" {
		return fmt.Errorf("%s is missing", option)
	}
	return fmt.Errorf("%s is missing (%s)", option, about)
}

func providerOption(o *infer.Options) func(string) error {
	return func(s string) error { return setProviderOption(o, s) }
}

func setProviderOption(o *infer.Options, s string) error {
	name, value, found := strings.Cut(s, "=")
	if !found || name == "" {
		return errors.New("want a name and a value, such as device_type=GPU")
	}
	if was, ok := o.ProviderOptions[name]; ok && was != value {
		return fmt.Errorf("%s is already %s", name, was)
	}
	if o.ProviderOptions == nil {
		o.ProviderOptions = map[string]string{}
	}
	o.ProviderOptions[name] = value
	return nil
}

type resize struct {
	training      bool // the model's training size
	width, height int  // exactly these
	shorter       int  // the shorter side; the other one keeps the aspect ratio
}

// CheckResize reports a value of -resize that [Sizes] rejects for every model.
func CheckResize(text string) error {
	_, err := parseResize(text)
	return err
}

func parseResize(s string) (resize, error) {
	if s == "training" {
		return resize{training: true}, nil
	}
	if n, err := strconv.Atoi(s); err == nil && n >= 1 && n <= MaxSide {
		return resize{shorter: n}, nil
	}
	if w, h, err := ParseSize(s); err == nil {
		return resize{width: w, height: h}, nil
	}
	return resize{}, fmt.Errorf("want WxH such as 256x256, N for the shorter side, or training, with sides up to %d pixels", MaxSide)
}

// ParseSize parses a size in the form of 128x128.
func ParseSize(s string) (w, h int, err error) {
	left, right, _ := strings.Cut(s, "x")
	w, err1 := strconv.Atoi(left)
	h, err2 := strconv.Atoi(right)
	if errors.Join(err1, err2) != nil || min(w, h) < 1 || max(w, h) > MaxSide {
		return 0, 0, fmt.Errorf("want two sides of 1 to %d pixels, such as 128x128", MaxSide)
	}
	return w, h, nil
}

// Sizes returns the function that maps the size of an image to that requested by -resize, nil for
// "". Its error is a usage error.
func Sizes(text string, info infer.Info) (func(w, h int) (int, int), error) {
	if text == "" {
		return nil, nil
	}
	r, err := parseResize(text)
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("-resize %q: %w", text, err))
	}
	if r.training {
		if info.TrainWidth < 1 || info.TrainHeight < 1 {
			return nil, cli.Usage(errors.New("-resize training: the model does not record its training size\nFix: name the size, such as -resize 256x256, or set -train_size"))
		}
		r.width, r.height = info.TrainWidth, info.TrainHeight
	}
	return r.size, nil
}

func (r resize) size(w, h int) (int, int) {
	if r.shorter == 0 {
		return r.width, r.height
	}
	other := func(short, long int) int {
		return int(min(math.Round(float64(long)*float64(r.shorter)/float64(short)), math.MaxInt32))
	}
	if w < h {
		return r.shorter, other(w, h)
	}
	return other(h, w), r.shorter
}
