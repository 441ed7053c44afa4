package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// The kinds of work.
const (
	workStep    = "step"
	workConvert = "convert"
	workCold    = "cold"
	workExport  = "export"
	workSession = "session"
)

// allWorks lists them in the order in which they are measured.
var allWorks = []string{workStep, workConvert, workCold, workExport, workSession}

// A setting is one comparison: a work, and at what size.
type setting struct {
	Work      string `json:"work"`
	NetG      string `json:"netG"`
	Size      int    `json:"size"` // side of the pictures in pixels
	NGF       int    `json:"ngf"`
	NDF       int    `json:"ndf,omitempty"`
	Batch     int    `json:"batch_size"`
	Precision string `json:"precision"`
	Threads   int    `json:"threads"`
	Rounds    int    `json:"rounds"`
	Steps     int    `json:"steps,omitempty"`    // in a round of step
	Pictures  int    `json:"pictures,omitempty"` // in a round of the others
}

// settingsOf fills what was not asked for, zero, with a work's defaults. A
// training step has several where nothing about it was asked for.
func settingsOf(work string, asked setting) []setting {
	asked.Work = work
	if asked.Threads == 0 {
		asked.Threads = runtime.NumCPU()
	}
	base := setting{NetG: "resnet_9blocks", Size: 256, NGF: 64, Batch: 1, Precision: "f32", Pictures: 1}
	switch work {
	case workStep:
		base = setting{NetG: "resnet_6blocks", Size: 128, NGF: 64, NDF: 64, Batch: 1, Precision: "f32", Steps: 3}
		standard := asked.NetG == "" && asked.Size == 0 && asked.NGF == 0 && asked.NDF == 0 && asked.Batch == 0
		if !standard {
			break
		}
		bf16, small := base, base
		bf16.Precision = "bf16"
		small.Size, small.NGF, small.Steps = 64, 32, 15
		var all []setting
		for _, s := range []setting{base, bf16, small} {
			if asked.Precision == "" || asked.Precision == s.Precision {
				all = append(all, asked.over(s))
			}
		}
		return all
	case workConvert:
		base.Pictures = 200
	case workSession:
		base.Pictures = 20
	}
	s := asked.over(base)
	if work != workStep {
		// These take one picture at a time and have no discriminator.
		s.Steps, s.NDF, s.Batch = 0, 0, 1
	}
	if work == workCold || work == workExport {
		s.Pictures = 1
	}
	return []setting{s}
}

// over gives the setting with what is zero taken from base.
func (s setting) over(base setting) setting {
	for _, f := range []struct{ value, base *int }{
		{&s.Size, &base.Size}, {&s.NGF, &base.NGF}, {&s.NDF, &base.NDF}, {&s.Batch, &base.Batch}, {&s.Steps, &base.Steps},
	} {
		if *f.value == 0 {
			*f.value = *f.base
		}
	}
	if s.Pictures == 0 || base.Pictures == 0 {
		s.Pictures = base.Pictures
	}
	if s.NetG == "" {
		s.NetG = base.NetG
	}
	if s.Precision == "" {
		s.Precision = base.Precision
	}
	return s
}

// units is how many steps or pictures a round has.
func (s setting) units() int {
	if s.Work == workStep {
		return s.Steps
	}
	return s.Pictures
}

// unit names what the times are for.
func (s setting) unit() string {
	switch s.Work {
	case workStep:
		return "seconds a step"
	case workExport:
		return "seconds a model"
	}
	return "seconds a picture"
}

// String says in a line what is compared.
func (s setting) String() string {
	sizes := fmt.Sprintf("%s, ngf %d, %d px, %s", s.NetG, s.NGF, s.Size, s.Precision)
	switch s.Work {
	case workStep:
		return fmt.Sprintf("training step: %s, ngf %d, ndf %d, %d px, batch %d, %s; steps in a round: %d", s.NetG, s.NGF, s.NDF, s.Size, s.Batch, s.Precision, s.Steps)
	case workConvert:
		return fmt.Sprintf("%d pictures, files to files: %s", s.Pictures, sizes)
	case workCold:
		return "one picture, from the start to the file written: " + sizes
	case workExport:
		return "export to ONNX: " + sizes
	}
	return fmt.Sprintf("the generator alone, on %d pictures in memory: %s", s.Pictures, sizes)
}

// folder names the folder of what the contenders share; settings of one command
// line have different ones.
func (s setting) folder() string { return fmt.Sprintf("%s_%d_%s", s.Work, s.Size, s.Precision) }

// Names of contenders that are ours.
const (
	ours = "ours"
	bare = "session" // ONNX Runtime's session alone, from Go
)

// A contender is one way to do a work.
type contender struct {
	Name   string
	Title  string
	Script string // the peer's, "" for ours
	Model  bool   // it runs PyTorch's export
	Family string // what its best is looked for in; "" for ours
}

// contenders lists those of a setting, ours first.
func (s setting) contenders() []contender {
	autocast := ""
	if s.Precision == "bf16" {
		autocast = ", autocast"
	}
	pytorch := func(script string) []contender {
		return []contender{
			{Name: "pytorch", Title: "PyTorch" + autocast, Script: script, Family: "PyTorch"},
			{Name: "pytorch_channels_last", Title: "PyTorch" + autocast + ", channels_last", Script: script, Family: "PyTorch"},
			{Name: "pytorch_compile", Title: "PyTorch" + autocast + ", torch.compile", Script: script, Family: "PyTorch"},
		}
	}
	onnx := func(script string) []contender {
		return []contender{
			{Name: "onnxruntime", Title: "ONNX Runtime from Python", Script: script, Model: true, Family: "ONNX Runtime from Python"},
			{Name: "openvino", Title: "OpenVINO", Script: script, Model: true, Family: "OpenVINO"},
		}
	}
	list := []contender{{Name: ours, Title: "ours"}}
	switch s.Work {
	case workStep:
		list = append(list, pytorch("step_pytorch.py")...)
		list = append(list, contender{Name: "tensorflow", Title: "TensorFlow from Python", Script: "step_tensorflow.py", Family: "TensorFlow from Python"})
	case workConvert:
		list = append(list, contender{Name: bare, Title: "our session alone, no files"})
		list = append(append(list, pytorch("convert.py")...), onnx("convert.py")...)
	case workCold:
		list = append(append(list, pytorch("cold.py")[0]), onnx("cold.py")...)
	case workExport:
		list = append(list, pytorch("export.py")[0])
	case workSession:
		list = append(append(list, pytorch("convert.py")...), onnx("convert.py")...)
	}
	return list
}

// peerNames lists the peers of all works.
func peerNames() []string {
	var names []string
	for _, w := range allWorks {
		for _, c := range (setting{Work: w}).contenders() {
			if c.Script != "" && !slices.Contains(names, c.Name) {
				names = append(names, c.Name)
			}
		}
	}
	slices.SortStableFunc(names, strings.Compare)
	return names
}
