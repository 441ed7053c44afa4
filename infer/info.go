package infer

import (
	"fmt"
	"strconv"
	"strings"

	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// Info is what is known of a model. Where a model does not say something about itself, as those of other makers do not, the field is empty or 0.
type Info struct {
	// Direction is "AtoB" or "BtoA"; DomainFrom and DomainTo name the two sides ("summer", "winter").
	Direction            string
	DomainFrom, DomainTo string
	// Architecture is the generator's name, such as "resnet_9blocks".
	Architecture string
	// TrainWidth and TrainHeight are the size that the generator was trained at, where it does best.
	TrainWidth, TrainHeight int
	// Step is how many training steps it has seen.
	Step int64
	// Writer names the program that wrote the file.
	Writer string

	// Sides are padded to a multiple of SizeMultiple and to no less than MinSize before the model sees the picture.
	SizeMultiple, MinSize int
	// Width and Height are the only ones that the model takes; 0: it takes any.
	Width, Height int
	// Input and Output say how the tensors hold pictures.
	Input, Output pixels.Spec
	// MaxPixels is how many pixels may be in the model at once; larger pictures go through it in tiles. -1: there is no bound.
	MaxPixels int

	// Runtime is the version of ONNX Runtime, Provider what it runs on ("cpu", "cuda"), Threads how many compute one picture.
	Runtime, Provider string
	Threads           int
}

// Name says in a few words what the model does: "summer to winter, resnet_9blocks, trained at 256x256".
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
		return "a model that says nothing about itself"
	}
	return strings.Join(parts, ", ")
}

// inspect says what pictures the model takes and gives, or why it is no picture-to-picture model.
func inspect(d *session.Description, opt *Options) (Info, error) {
	if opt == nil {
		opt = &Options{}
	}
	meta := metadata{values: d.Metadata}
	info := meta.info()
	if meta.err != nil {
		return Info{}, meta.err
	}
	if opt.Range != (pixels.Range{}) {
		info.Input.Range = opt.Range
	}
	if opt.SizeMultiple > 0 {
		info.SizeMultiple = opt.SizeMultiple
	}
	if opt.MinSize > 0 {
		info.MinSize = opt.MinSize
	}
	info.Input.BGR = info.Input.BGR || opt.BGR
	info.Output = info.Input
	if len(d.Inputs) != 1 || len(d.Outputs) != 1 {
		return Info{}, fmt.Errorf("the model does not make one picture of another: it has %d inputs and %d outputs", len(d.Inputs), len(d.Outputs))
	}
	layout, err := parseLayout(opt.Layout)
	if err != nil {
		return Info{}, err
	}
	in, err := readPort(d.Inputs[0], layout, info.Input.Channels)
	if err != nil {
		return Info{}, fmt.Errorf("the model takes no picture: input %v: %w", d.Inputs[0], err)
	}
	out, err := readPort(d.Outputs[0], layout, in.channels)
	if err != nil {
		return Info{}, fmt.Errorf("the model gives no picture: output %v: %w", d.Outputs[0], err)
	}
	info.Input.Layout, info.Input.Channels = in.layout, in.channels
	info.Output.Layout, info.Output.Channels = out.layout, out.channels
	info.Width, info.Height = in.width, in.height
	return info, nil
}

// shape is what a port's shape says of the pictures in it.
type shape struct {
	layout                  pixels.Layout
	channels, width, height int // width and height 0 where they may change
}

// readPort reads a port's shape; layout is the one that was asked for, channels the number where the shape leaves it open.
func readPort(p session.Port, layout *pixels.Layout, channels int) (shape, error) {
	if p.Type != "float32" {
		return shape{}, fmt.Errorf("it holds %s, not float32", p.Type)
	}
	dims := p.Shape
	if dims == nil {
		dims = []int64{-1, -1, -1, -1}
	}
	if len(dims) != 4 {
		return shape{}, fmt.Errorf("it has %d dimensions, not the 4 of a picture", len(dims))
	}
	if dims[0] > 1 {
		return shape{}, fmt.Errorf("it holds exactly %d pictures at a time, not 1", dims[0])
	}
	s := shape{layout: layoutOf(dims, layout), channels: channels}
	c, h, w := dims[1], dims[2], dims[3]
	if s.layout == pixels.NHWC {
		h, w, c = dims[1], dims[2], dims[3]
	}
	switch c {
	case -1:
	case 1, 3:
		s.channels = int(c)
	default:
		return shape{}, fmt.Errorf("as %v it has %d channels, not the 1 or 3 of a picture", s.layout, c)
	}
	if h == 0 || w == 0 || h > 1<<16 || w > 1<<16 {
		return shape{}, fmt.Errorf("pictures of %dx%d cannot be made", w, h)
	}
	s.width, s.height = max(0, int(w)), max(0, int(h))
	return s, nil
}

// layoutOf tells the layout by where the 1 or 3 channels stand.
func layoutOf(dims []int64, asked *pixels.Layout) pixels.Layout {
	if asked != nil {
		return *asked
	}
	channels := func(d int64) bool { return d == 1 || d == 3 }
	if !channels(dims[1]) && channels(dims[3]) {
		return pixels.NHWC
	}
	return pixels.NCHW
}

// metadata reads the properties that our exports carry, and keeps the first thing wrong with them.
type metadata struct {
	values map[string]string
	err    error
}

func (m *metadata) get(key string) string { return m.values["cyclegan."+key] }

// number reads a whole number from lo to hi; absent stands for a property that is not there.
func (m *metadata) number(key string, lo, hi, absent int64) int64 {
	s := m.get(key)
	if s == "" {
		return absent
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < lo || n > hi {
		m.bad(key, fmt.Sprintf("a whole number from %d to %d", lo, hi))
		return absent
	}
	return n
}

func (m *metadata) bad(key, want string) {
	if m.err == nil {
		m.err = fmt.Errorf("the model's metadata is damaged: cyclegan.%s is %q, not %s: export it again", key, m.get(key), want)
	}
}

func (m *metadata) info() Info {
	if f := m.get("format"); f != "" && f != "1" {
		m.err = fmt.Errorf("the model's metadata has format %q, which this version does not know: use a newer one", f)
	}
	const sides = 1 << 20
	i := Info{
		Direction: m.get("direction"), DomainFrom: m.get("domain_from"), DomainTo: m.get("domain_to"),
		Architecture: m.get("architecture"), Writer: m.get("writer"),
		TrainWidth: int(m.number("train_width", 0, sides, 0)), TrainHeight: int(m.number("train_height", 0, sides, 0)),
		Step:         m.number("step", 0, 1<<62, 0),
		SizeMultiple: int(m.number("size_multiple", 1, largestUnit, 1)), MinSize: int(m.number("min_size", 1, largestUnit, 1)),
		Input: pixels.Spec{Range: pixels.Symmetric, Channels: 3},
	}
	switch c := m.get("channels"); c {
	case "", "RGB":
	case "BGR":
		i.Input.BGR = true
	case "gray":
		i.Input.Channels = 1
	default:
		m.bad("channels", `"RGB", "BGR" or "gray"`)
	}
	if r := m.get("range"); r != "" {
		lo, hi, _ := strings.Cut(r, ",")
		l, err1 := strconv.ParseFloat(strings.TrimSpace(lo), 32)
		h, err2 := strconv.ParseFloat(strings.TrimSpace(hi), 32)
		i.Input.Range = pixels.Range{Lo: float32(l), Hi: float32(h)}
		if err1 != nil || err2 != nil || i.Input.Validate() != nil {
			m.bad("range", `two different numbers such as "-1,1"`)
		}
	}
	return i
}
