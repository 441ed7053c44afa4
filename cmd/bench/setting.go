package main

import (
	"cmp"
	"fmt"
	"runtime"

	"cyclegan/train"
)

// The kinds of work.
const (
	workStep    = "step"
	workConvert = "convert"
	workCold    = "cold"
)

// allWorks lists the kinds of work in the order in which they are measured.
var allWorks = []string{workStep, workConvert, workCold}

// setting is a kind of work and its sizes.
type setting struct {
	Work      string `json:"work"`
	NetG      string `json:"netG"`
	Size      int    `json:"size"` // image side in pixels
	NGF       int    `json:"ngf"`
	NDF       int    `json:"ndf,omitempty"`
	Batch     int    `json:"batch_size,omitempty"`
	Precision string `json:"precision"`
	Threads   int    `json:"threads"`
	Rounds    int    `json:"rounds"`
	Steps     int    `json:"steps,omitempty"`  // in a turn of step
	Images    int    `json:"images,omitempty"` // in a turn of convert and cold
}

// settingsOf returns the settings of a kind of work, with defaults for the zero fields of asked.
// A training step has three settings unless asked fixes a size.
func settingsOf(work string, asked setting) []setting {
	asked.Work = work
	asked.Threads = cmp.Or(asked.Threads, runtime.NumCPU())
	if work != workStep {
		asked.NDF, asked.Batch, asked.Steps, asked.Precision = 0, 0, 0, "f32"
		base := setting{NetG: "resnet_9blocks", Size: 256, NGF: 64, Images: 60}
		if work == workCold {
			asked.Images = 1
		}
		return []setting{asked.or(base)}
	}
	asked.Images = 0
	base := setting{NetG: "resnet_6blocks", Size: 128, NGF: 64, NDF: 64, Batch: 1, Precision: "f32", Steps: 3}
	if asked.NetG != "" || asked.Size != 0 || asked.NGF != 0 || asked.NDF != 0 || asked.Batch != 0 {
		return []setting{asked.or(base)}
	}
	bf16, small := base, base
	bf16.Precision = "bf16"
	small.Size, small.NGF, small.Steps = 64, 32, 15
	var all []setting
	for _, s := range []setting{base, bf16, small} {
		if asked.Precision == "" || asked.Precision == s.Precision {
			all = append(all, asked.or(s))
		}
	}
	return all
}

// or returns s with its zero fields taken from base.
func (s setting) or(base setting) setting {
	s.NetG = cmp.Or(s.NetG, base.NetG)
	s.Size = cmp.Or(s.Size, base.Size)
	s.NGF = cmp.Or(s.NGF, base.NGF)
	s.NDF = cmp.Or(s.NDF, base.NDF)
	s.Batch = cmp.Or(s.Batch, base.Batch)
	s.Precision = cmp.Or(s.Precision, base.Precision)
	s.Steps = cmp.Or(s.Steps, base.Steps)
	s.Images = cmp.Or(s.Images, base.Images)
	return s
}

// units is the number of steps or images in a turn.
func (s setting) units() int { return cmp.Or(s.Steps, s.Images) }

// unit names the unit of the times.
func (s setting) unit() string {
	if s.Work == workStep {
		return "seconds per step"
	}
	return "seconds per image"
}

func (s setting) String() string {
	switch s.Work {
	case workStep:
		return fmt.Sprintf("training step: %s, ngf %d, ndf %d, %d px, batch %d, %s, steps per turn: %d",
			s.NetG, s.NGF, s.NDF, s.Size, s.Batch, s.Precision, s.Steps)
	case workConvert:
		return fmt.Sprintf("folder, files to files: %s, ngf %d, %d px, images: %d", s.NetG, s.NGF, s.Size, s.Images)
	}
	return fmt.Sprintf("one image, from the command to the file: %s, ngf %d, %d px", s.NetG, s.NGF, s.Size)
}

// options returns the training options that the setting stands for.
func (s setting) options() (train.Options, error) {
	o, err := train.Preset("paper")
	o.NetG, o.NGF, o.NDF, o.BatchSize = s.NetG, s.NGF, cmp.Or(s.NDF, 64), max(s.Batch, 1)
	o.LoadSize, o.CropSize, o.NoFlip = s.Size, s.Size, true
	o.Precision, o.Threads, o.GPUIDs, o.Seed = s.Precision, s.Threads, "-1", 1
	return o, err
}

// ours is the name of this project among the contenders.
const ours = "ours"

// contender is one way to do a work.
type contender struct {
	Name   string
	Title  string
	Script string // the peer's; empty for ours
	Model  bool   // it runs PyTorch's own ONNX export
}

// contenders returns those of a setting, ours first.
func (s setting) contenders() []contender {
	script, autocast := "convert.py", ""
	if s.Work == workStep {
		script = "step_pytorch.py"
	}
	if s.Precision == "bf16" {
		autocast = ", autocast"
	}
	list := []contender{
		{Name: ours, Title: "ours"},
		{Name: "pytorch", Title: "PyTorch" + autocast, Script: script},
	}
	if s.Work != workCold {
		list = append(list,
			contender{Name: "pytorch_channels_last", Title: "PyTorch" + autocast + ", channels_last", Script: script},
			contender{Name: "pytorch_compile", Title: "PyTorch" + autocast + ", torch.compile", Script: script})
	}
	if s.Work == workStep {
		return append(list, contender{Name: "tensorflow", Title: "TensorFlow from Python", Script: "step_tensorflow.py"})
	}
	return append(list,
		contender{Name: "onnxruntime", Title: "ONNX Runtime from Python", Script: script, Model: true},
		contender{Name: "openvino", Title: "OpenVINO", Script: script, Model: true})
}
