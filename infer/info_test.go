package infer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cyclegan/infer/onnx"
	"cyclegan/infer/session"
)

func fixturePath(name string) string { return filepath.Join("..", "testdata", "models", name) }

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(fixturePath(name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func inspectFixture(t *testing.T, name string, opt *Options) (Info, error) {
	t.Helper()
	network, err := onnx.Parse(fixture(t, name))
	if err != nil {
		t.Fatal(err)
	}
	if opt == nil {
		opt = &Options{}
	}
	return inspect(session.Describe(network), network, opt)
}

func TestInspect(t *testing.T) {
	rgb := Port{Layout: "NCHW", Range: symmetricRange, Channels: 3}
	nhwc := Port{Layout: "NHWC", Range: Range{0, 1}, Channels: 3}
	gray := Port{Layout: "NCHW", Range: symmetricRange, Channels: 1}
	bgr := Port{Layout: "NCHW", Range: byteRange, Channels: 3, BGR: true}
	for _, c := range []struct {
		model string
		opt   *Options
		want  Info
	}{
		{"multiple8.onnx", nil, Info{Direction: "AtoB", DomainFrom: "summer", DomainTo: "winter", Architecture: "unet_128",
			TrainWidth: 64, TrainHeight: 48, Step: 1200, Writer: "make.py", SizeMultiple: 8, MinSize: 16, Input: rgb, Output: rgb}},
		{"gray.onnx", &Options{SizeMultiple: 2, MinSize: 3}, Info{Direction: "AtoB", DomainFrom: "summer", DomainTo: "winter", Architecture: "resnet_6blocks",
			TrainWidth: 64, TrainHeight: 48, Step: 1200, Writer: "make.py", SizeMultiple: 2, MinSize: 3, Input: gray, Output: gray}},
		{"nhwc_unit.onnx", &Options{Range: Range{0, 1}}, Info{WeightType: "float32", Parameters: 1, SizeMultiple: 1, MinSize: 1, Input: nhwc, Output: nhwc}},
		{"byte.onnx", &Options{Range: byteRange, BGR: true, Layout: "nchw"}, Info{WeightType: "float32", Parameters: 1, SizeMultiple: 1, MinSize: 1, Input: bgr, Output: bgr}},
		{"fixed.onnx", nil, Info{SizeMultiple: 1, MinSize: 1, Width: 24, Height: 16, Batch: 1, Input: rgb, Output: rgb}},
	} {
		c.want.Producer = "make.py"
		got, err := inspectFixture(t, c.model, c.opt)
		for _, p := range []*Port{&got.Input, &got.Output} {
			p.Name, p.Type, p.RangeSource = "", "", "" // see TestForeignModels
		}
		if err != nil {
			t.Errorf("%s: %v", c.model, err)
		} else if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", c.model, got, c.want)
		}
	}
}

func TestInspectRefuses(t *testing.T) {
	for _, c := range []struct {
		model string
		opt   *Options
		want  string
	}{
		{"classify.onnx", nil, `the model returns no image: output "scores" float32 [N,2]: an image has 4 dimensions, this has 2`},
		{"two.onnx", nil, `the model returns no image: output "sum" float32 [N,2]: an image has 4 dimensions, this has 2; output "mean"`},
		{"nhwc_unit.onnx", &Options{Layout: "NCHW"}, ""}, // every side may change, so this is possible
		{"byte.onnx", &Options{Layout: "NHWC"}, ""},
		{"fixed.onnx", &Options{Layout: "NHWC"}, "as NHWC it has 24 channels"},
		{"fixed.onnx", &Options{Layout: "CHWN"}, `"CHWN" is unknown`},
	} {
		_, err := inspectFixture(t, c.model, c.opt)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.model, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.model, err, c.want)
		}
	}
}

func imagePort(shape ...int64) []onnx.Port {
	return []onnx.Port{{Name: "x", Type: onnx.Float32, Shape: shape}}
}

func TestInspectShapes(t *testing.T) {
	for _, c := range []struct {
		name    string
		in, out []onnx.Port
		want    string // of the error; empty: it is accepted
	}{
		{"scalars", imagePort([]int64{}...), imagePort([]int64{}...), "this has 0"},
		{"no shapes", []onnx.Port{{Type: onnx.Float32}}, []onnx.Port{{Type: onnx.Float32}}, ""},
		{"gray to colour", imagePort(1, 1, -1, -1), imagePort(1, 3, -1, -1), ""},
		{"four of four", imagePort(4, 3, -1, -1), imagePort(4, 3, -1, -1), ""},
		{"one of four", imagePort(4, 3, -1, -1), imagePort(1, 3, -1, -1), "does not convert one image to another"},
		{"none at a time", imagePort(0, 3, -1, -1), imagePort(-1, 3, -1, -1), "are impossible"},
		{"too many at a time", imagePort(1<<40, 3, 16, 16), imagePort(-1, 3, -1, -1), "are impossible"},
		{"too much at a time", imagePort(1000, 3, 512, 512), imagePort(-1, 3, -1, -1), "1000 images of 512x512 at a time are impossible"},
		{"larger", imagePort(1, 3, 16, 16), imagePort(1, 3, 32, 16), "changes the size"},
		{"four channels", imagePort(1, 4, -1, -1), imagePort(1, 4, -1, -1), "4 channels"},
		{"no size", imagePort(1, 3, 0, 0), imagePort(1, 3, -1, -1), "are impossible"},
		{"huge", imagePort(1, 3, 1<<40, 1<<40), imagePort(1, 3, -1, -1), "are impossible"},
		{"to scores", imagePort(1, 3, -1, -1), imagePort(1, 1000), "returns no image"},
	} {
		_, err := inspect(&session.Description{Inputs: c.in, Outputs: c.out}, nil, &Options{})
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// One port may tell what the other leaves open.
func TestInspectOtherPort(t *testing.T) {
	open, told := imagePort(-1, -1, -1, -1), imagePort(1, 16, 16, 3)
	for _, d := range []session.Description{{Inputs: open, Outputs: told}, {Inputs: told, Outputs: open}} {
		info, err := inspect(&d, nil, &Options{})
		if err != nil || info.Input.Layout != "NHWC" || info.Output.Layout != "NHWC" {
			t.Errorf("%+v: %v", info, err)
		}
	}
}

func TestInspectDamagedMetadata(t *testing.T) {
	for key, value := range map[string]string{
		"format": "2", "size_multiple": "0", "min_size": "-3", "train_width": "wide", "step": "1e9",
		"channels": "CMYK", "range": "1,1", "tiles": "always",
	} {
		d := &session.Description{Inputs: imagePort(1, 3, -1, -1), Outputs: imagePort(1, 3, -1, -1),
			Metadata: map[string]string{"cyclegan." + key: value}}
		if _, err := inspect(d, nil, &Options{}); err == nil || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), value) {
			t.Errorf("%s %q: error %v", key, value, err)
		}
	}
	// An accepted multiple costs no more than a large image.
	d := &session.Description{Inputs: imagePort(1, 3, -1, -1), Outputs: imagePort(1, 3, -1, -1),
		Metadata: map[string]string{"cyclegan.size_multiple": "1000000000"}}
	if _, err := inspect(d, nil, &Options{}); err == nil {
		t.Error("a multiple of a thousand million pixels was taken")
	}
}

func TestInfoName(t *testing.T) {
	i := Info{DomainFrom: "summer", DomainTo: "winter", Architecture: "resnet_9blocks", TrainWidth: 256, TrainHeight: 128}
	if got, want := i.Name(), "summer to winter, resnet_9blocks, trained at 256x128"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := (Info{}).Name(); !strings.Contains(got, "without metadata") {
		t.Errorf("%q", got)
	}
}

func TestOptionsValidate(t *testing.T) {
	for _, o := range []*Options{nil, {}, {Range: byteRange, OutputRange: Range{0, 1}, Layout: "nhwc", SizeMultiple: 256, MinSize: 8, Provider: "cuda"},
		{Provider: "auto", DeviceID: 1}, {Provider: "openvino", ProviderOptions: map[string]string{"device_type": "GPU"}, Input: "x", Output: "y"}} {
		if err := o.Validate(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	err := (&Options{Provider: "tpu", Threads: -1, Range: Range{Lo: 3, Hi: 3}, OutputRange: Range{Lo: 4, Hi: 4}, Layout: "HWC", SizeMultiple: -8, MinSize: 9999}).Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{`"tpu"`, "\nthreads -1", "3..3", "4..4", `"HWC"`, "multiple -8", "9999"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %q", want, err)
		}
	}
}
