package infer

import (
	"testing"

	"cyclegan/infer/onnx"
	"cyclegan/infer/session"
)

// checkInfo checks what the rest of the package assumes about an accepted model.
func checkInfo(t *testing.T, i Info) {
	t.Helper()
	if err := i.Input.spec().Validate(); err != nil {
		t.Error(err)
	}
	if err := i.Output.spec().Validate(); err != nil {
		t.Error(err)
	}
	if i.SizeMultiple < 1 || i.SizeMultiple > largestUnit || i.MinSize < 1 || i.MinSize > largestUnit || i.Width < 0 || i.Height < 0 || i.Batch < 0 || i.Batch*max(i.Width, 1)*max(i.Height, 1) > maxFixed ||
		i.TrainWidth < 0 || i.TrainHeight < 0 || i.Step < 0 {
		t.Errorf("%+v", i)
	}
	i.Name()
}

// FuzzModel inspects any file, without running it.
func FuzzModel(f *testing.F) {
	for _, name := range []string{"multiple8.onnx", "conv.onnx", "two.onnx", "gray.onnx", "fixed.onnx", "nhwc_unit.onnx", "classify.onnx", "bytes.onnx",
		"foreign_pair.onnx", "foreign_photos.onnx", "foreign_half.onnx", "foreign_four.onnx", "foreign_mixed.onnx"} {
		f.Add(fixture(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		network, err := onnx.Parse(data)
		if err != nil {
			return
		}
		if info, err := inspect(session.Describe(network), network, &Options{}); err == nil {
			checkInfo(t, info)
			network.Only(info.Output.Name).Encode()
		}
	})
}

// FuzzMetadata varies the properties and the shape of a valid model.
func FuzzMetadata(f *testing.F) {
	f.Add("1", "-1,1", "RGB", "4", "16", "256", "1000", "summer", int64(-1), int64(3), int64(-1), int64(-1))
	f.Add("", "0,255", "gray", "", "", "", "", "", int64(1), int64(64), int64(64), int64(1))
	f.Add("2", "1,1", "BGR", "0", "-1", "9999999999999999999", "1e9", "\x00\xff", int64(2), int64(0), int64(1<<40), int64(-7))
	f.Add("1", "NaN,Inf", "CMYK", "4096", "4097", "1048576", "-1", "\n", int64(0), int64(3), int64(5), int64(7))
	f.Fuzz(func(t *testing.T, format, values, channels, multiple, least, trained, step, name string, d0, d1, d2, d3 int64) {
		port := onnx.Port{Name: "x", Type: onnx.Float32, Shape: []int64{d0, d1, d2, d3}, Axes: make([]string, 4)}
		d := &session.Description{Inputs: []onnx.Port{port}, Outputs: []onnx.Port{port}, Metadata: map[string]string{
			"cyclegan.format": format, "cyclegan.range": values, "cyclegan.channels": channels, "cyclegan.size_multiple": multiple,
			"cyclegan.min_size": least, "cyclegan.train_width": trained, "cyclegan.train_height": trained, "cyclegan.step": step,
			"cyclegan.domain_from": name, "cyclegan.direction": name, "cyclegan.architecture": name,
		}}
		if info, err := inspect(d, nil, &Options{}); err == nil {
			checkInfo(t, info)
		}
	})
}
