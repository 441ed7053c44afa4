package infer

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"cyclegan/infer/onnx"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// Info describes a model. Fields that the model does not tell are empty or 0.
type Info struct {
	// Direction is "AtoB" or "BtoA"; DomainFrom and DomainTo name the domains, such as "summer" and
	// "winter".
	Direction            string
	DomainFrom, DomainTo string
	// Architecture is the name of the generator, such as "resnet_9blocks".
	Architecture string
	// TrainWidth and TrainHeight are the training size, at which the generator works best.
	TrainWidth, TrainHeight int
	// DetailFrom is the shorter side in pixels from which the detail of an image comes from the
	// input, or 0 if it never does; see Options.Detail. For a model of a fixed size it is 1, and
	// larger images are meant.
	DetailFrom int
	// Step is the number of training steps.
	Step int64
	// Writer names the program of cyclegan that wrote the file, Producer the exporter, such as
	// "pytorch 2.5.1".
	Writer, Producer string
	// WeightType is the element type of most weights, such as "float32", "float16", or "int8".
	WeightType string
	// Parameters is the number of weights.
	Parameters int64

	// SizeMultiple and MinSize are what the sides are padded to. If neither the model nor the
	// options tell, they are 1 until an image fails, and then found by trial.
	SizeMultiple, MinSize int
	SizesKnown            bool // false until the trial
	// Width and Height are the fixed size of the model, or 0.
	Width, Height int
	// Input and Output are the model's image input and image output.
	Input, Output Port
	// Batch is the fixed number of images per run, or 0. If it is above 1, all of them are the same
	// image.
	Batch int
	// MaxPixels is the number of pixels above which images are cut into tiles. -1: none is.
	MaxPixels int
	// Concurrency is the largest number of images that are in the model at once.
	Concurrency int

	// Runtime is the version of ONNX Runtime.
	Runtime string
	// Provider is what runs the model ("cpu", "cuda"), also if "auto" was requested.
	Provider string
	// Threads is the number of threads that compute one image.
	Threads int
	// Refused lists the providers that "auto" would have preferred. The slice must not be changed.
	Refused []Refusal
}

// A Port is an image input or output of a model.
type Port struct {
	Name string
	// Type is the element type, such as "float32" or "uint8". Values are rounded for integers.
	Type string
	// Layout is "NCHW" or "NHWC".
	Layout string
	// Channels is 3, or 1 for gray.
	Channels int
	// BGR is true if the first channel is blue.
	BGR   bool
	Range Range
	// RangeSource is where Range comes from, such as "its metadata". Empty: it is assumed to be -1
	// to 1.
	RangeSource string
	// Window holds the values that 16-bit images use, or is zero if that is unknown; see
	// Options.InputWindow.
	Window Window
}

// spec returns the tensor format of the port.
func (p Port) spec() pixels.Spec {
	s := pixels.Spec{Range: pixels.Range(p.Range), Channels: p.Channels, BGR: p.BGR}
	if p.Layout == pixels.NHWC.String() {
		s.Layout = pixels.NHWC
	}
	return s
}

// A Refusal tells why "auto" did not select a provider.
type Refusal struct {
	Provider string
	Err      error
}

// Name summarizes the model: "summer to winter, resnet_9blocks, trained at 256x256".
func (i Info) Name() string {
	var parts []string
	if i.DomainFrom != "" || i.DomainTo != "" {
		parts = append(parts, i.DomainFrom+" to "+i.DomainTo)
	}
	if i.Architecture != "" {
		parts = append(parts, i.Architecture)
	}
	if i.TrainWidth > 0 && i.TrainHeight > 0 {
		parts = append(parts, fmt.Sprintf("trained at %dx%d", i.TrainWidth, i.TrainHeight))
	}
	if len(parts) == 0 {
		return "a model without metadata"
	}
	return strings.Join(parts, ", ")
}

// inspect returns what the model's file and the options tell, or an error if it is no
// image-to-image model. Network may be nil.
func inspect(d *session.Description, network *onnx.Model, opt *Options) (Info, error) {
	info, err := metadata(d.Metadata).info()
	if err != nil {
		return Info{}, err
	}
	if opt.SizeMultiple > 0 {
		info.SizeMultiple = opt.SizeMultiple
	}
	if opt.MinSize > 0 {
		info.MinSize = opt.MinSize
	}
	if opt.TrainSize > 0 {
		info.TrainWidth, info.TrainHeight = opt.TrainSize, opt.TrainSize
	}
	layout, err := parseLayout(opt.Layout)
	if err != nil {
		return Info{}, err
	}
	r := portReader{layout: layout, channels: info.Input.Channels}
	output, err := r.output(d, opt.Output)
	if err != nil {
		return Info{}, err
	}
	input, err := r.input(d, network, opt.Input, output.Name)
	if err != nil {
		return Info{}, err
	}
	in, out, err := r.readPorts(input, output)
	if err != nil {
		return Info{}, err
	}
	if network != nil {
		info.WeightType, info.Parameters = network.Weights()
	}
	info.Producer = d.Producer
	info.Width, info.Height, info.Batch = in.width, in.height, in.batch
	bgr, known := info.Input.BGR || opt.BGR, info.Input.Range
	info.Input = Port{Name: input.Name, Type: input.Type.String(), Layout: in.layout.String(), Channels: in.channels, BGR: bgr,
		Window: cmp.Or(opt.InputWindow, info.Input.Window)}
	info.Output = Port{Name: output.Name, Type: output.Type.String(), Layout: out.layout.String(), Channels: out.channels, BGR: bgr,
		Window: cmp.Or(opt.OutputWindow, info.Output.Window)}
	if err := info.findRanges(known, network, opt); err != nil {
		return Info{}, err
	}
	return info, nil
}

// metadata are the properties of the models that cyclegan exports.
type metadata map[string]string

func (m metadata) get(key string) string { return m["cyclegan."+key] }

func (m metadata) damaged(key, want string) error {
	return fmt.Errorf("the metadata of the model is damaged: cyclegan.%s is %q, not %s\nFix: export it again", key, m.get(key), want)
}

// info returns what the metadata tells. Input.Range and the windows are zero if it tells none.
func (m metadata) info() (Info, error) {
	if f := m.get("format"); f != "" && f != "1" {
		return Info{}, fmt.Errorf("the metadata of the model has format %q, which this version does not support\nFix: use a newer version", f)
	}
	i := Info{
		Direction: m.get("direction"), DomainFrom: m.get("domain_from"), DomainTo: m.get("domain_to"),
		Architecture: m.get("architecture"), Writer: m.get("writer"), SizeMultiple: 1, MinSize: 1,
		Input: Port{Channels: 3, BGR: m.get("channels") == "BGR"},
	}
	const maxSide = 1 << 20
	var step int
	for _, n := range []struct {
		key    string
		lo, hi int
		to     *int
	}{
		{"train_width", 0, maxSide, &i.TrainWidth}, {"train_height", 0, maxSide, &i.TrainHeight}, {"step", 0, math.MaxInt, &step},
		{"size_multiple", 1, largestUnit, &i.SizeMultiple}, {"min_size", 1, largestUnit, &i.MinSize},
	} {
		text := m.get(n.key)
		if text == "" {
			continue
		}
		v, err := strconv.Atoi(text)
		if err != nil || v < n.lo || v > n.hi {
			return Info{}, m.damaged(n.key, fmt.Sprintf("an integer from %d to %d", n.lo, n.hi))
		}
		*n.to = v
	}
	i.Step = int64(step)
	switch m.get("tiles") {
	case "":
	case "never":
		i.MaxPixels = -1
	default:
		return Info{}, m.damaged("tiles", `"never"`)
	}
	switch m.get("channels") {
	case "", "RGB", "BGR":
	case "gray":
		i.Input.Channels = 1
	default:
		return Info{}, m.damaged("channels", `"RGB", "BGR" or "gray"`)
	}
	if r := m.get("range"); r != "" && i.Input.Range.UnmarshalText([]byte(r)) != nil {
		return Info{}, m.damaged("range", `two different numbers such as "-1,1"`)
	}
	for _, w := range []struct {
		key string
		to  *Window
	}{{"input_window", &i.Input.Window}, {"output_window", &i.Output.Window}} {
		if w.to.UnmarshalText([]byte(m.get(w.key))) != nil {
			return Info{}, m.damaged(w.key, `two integers such as "0,4095"`)
		}
	}
	return i, nil
}

// learnSizes derives from the strides and mirrored borders of the network which sides the model
// takes, unless the metadata or the options tell. It reports whether these are known now.
func (i *Info) learnSizes(values map[string]string, network *onnx.Model, opt *Options) (known bool) {
	told := metadata(values)
	multiple := told.get("size_multiple") == "" && opt.SizeMultiple == 0
	least := told.get("min_size") == "" && opt.MinSize == 0
	if i.Width > 0 && i.Height > 0 || !multiple && !least {
		return true
	}
	cpu := &session.Options{Library: opt.session().Library, IntraThreads: 1} // for what is computed from constants
	net, err := analyze(network, *i, cpu)
	if err != nil || net.Align > largestUnit || net.Least > largestUnit {
		return !multiple
	}
	if multiple {
		i.SizeMultiple = net.Align
	}
	if least {
		i.MinSize = net.Least
	}
	return true
}
