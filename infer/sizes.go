package infer

import (
	"cyclegan/infer/onnx"
	"cyclegan/infer/session"
)

// learnSizes finds out what sides the model takes where nobody says it: strides and mirrored borders tell.
// It needs the file alone; weights that lie elsewhere do not matter. What cannot be followed leaves any size allowed.
func (i *Info) learnSizes(told metadata, network *onnx.Model, opt *Options, run *session.Options) {
	multiple := told.get("size_multiple") == "" && (opt == nil || opt.SizeMultiple == 0)
	least := told.get("min_size") == "" && (opt == nil || opt.MinSize == 0)
	if i.Width > 0 && i.Height > 0 || !multiple && !least {
		return
	}
	cpu := &session.Options{Library: run.Library, IntraThreads: 1} // for what is computed from constants
	net, err := (&large{info: *i, options: cpu, network: network}).analyze()
	if err != nil || net.Align > largestUnit || net.Least > largestUnit {
		return
	}
	if multiple {
		i.SizeMultiple = net.Align
	}
	if least {
		i.MinSize = net.Least
	}
}
