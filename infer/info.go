package infer

import (
	"fmt"
	"strings"

	"cyclegan/infer/onnx"
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
	// Input and Output say how the tensors hold pictures, InputPort and OutputPort which tensors of the model's they are.
	Input, Output         pixels.Spec
	InputPort, OutputPort Port
	// Batch is the only number of pictures that the model takes at a time, 0 or 1 for most. Of several, each is the one picture that is translated.
	Batch int
	// MaxPixels is how many pixels may be in the model at once; larger pictures go through it in tiles. -1: there is no bound.
	MaxPixels int

	// Runtime is the version of ONNX Runtime, Provider what the model runs on ("cpu", "cuda"), also where "auto" was asked for,
	// Threads how many compute one picture.
	Runtime, Provider string
	Threads           int
	// Refused says which providers "auto" would have preferred, and why each was not taken. It must not be changed.
	Refused []session.Refusal
}

// A Port is a model's input that takes the picture, or its output that gives it.
type Port struct {
	Name string
	// Type is that of the elements, "float32", "uint8" and so on. Whole numbers are rounded to.
	Type string
	// RangeBy says what told the values of black and white, such as "its metadata". Empty: nothing did, and they are assumed to be -1 and 1.
	RangeBy string
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
// The network is for what the description does not tell; it may be nil.
func inspect(d *session.Description, network *onnx.Model, opt *Options) (Info, error) {
	if opt == nil {
		opt = &Options{}
	}
	meta := metadata{values: d.Metadata}
	info := meta.info()
	if meta.err != nil {
		return Info{}, meta.err
	}
	if opt.SizeMultiple > 0 {
		info.SizeMultiple = opt.SizeMultiple
	}
	if opt.MinSize > 0 {
		info.MinSize = opt.MinSize
	}
	layout, err := parseLayout(opt.Layout)
	if err != nil {
		return Info{}, err
	}
	asked := reading{layout: layout, channels: info.Input.Channels}
	output, err := asked.output(d, opt.Output)
	if err != nil {
		return Info{}, err
	}
	input, err := asked.input(d, network, opt.Input, output.Name)
	if err != nil {
		return Info{}, err
	}
	in, out, err := asked.both(input, output)
	if err != nil {
		return Info{}, err
	}
	info.InputPort, info.OutputPort = Port{Name: input.Name, Type: input.Type.String()}, Port{Name: output.Name, Type: output.Type.String()}
	info.Width, info.Height, info.Batch = in.width, in.height, in.batch
	info.Input = pixels.Spec{Layout: in.layout, Range: info.Input.Range, Channels: in.channels, BGR: info.Input.BGR || opt.BGR}
	info.Output = pixels.Spec{Layout: out.layout, Range: info.Input.Range, Channels: out.channels, BGR: info.Input.BGR}
	if err := info.ranges(meta.get("range") != "", network, opt); err != nil {
		return Info{}, err
	}
	return info, nil
}
