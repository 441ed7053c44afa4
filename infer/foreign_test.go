package infer

import (
	"bytes"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/onnx"
	"cyclegan/infer/pixels"
)

// described summarizes what was detected about the ports of a model.
func described(i Info) string {
	port := func(p Port) string {
		by := p.RangeSource
		if by == "" {
			by = "assumed"
		}
		return fmt.Sprintf("%s %s %s %d, %g to %g by %s", p.Name, p.Type, p.Layout, p.Channels, p.Range.Lo, p.Range.Hi, by)
	}
	text := port(i.Input) + "; " + port(i.Output)
	if i.Width > 0 || i.Height > 0 {
		text += fmt.Sprintf("; %dx%d", i.Width, i.Height)
	}
	if i.Batch > 0 {
		text += fmt.Sprintf("; %d at a time", i.Batch)
	}
	return text
}

// Models from other sources: what is detected about them, and that they translate an image
// correctly.
func TestForeignModels(t *testing.T) {
	gray := func(img *image.NRGBA) *image.NRGBA {
		out := image.NewNRGBA(img.Rect)
		for i := 0; i < len(img.Pix); i += 4 {
			l := 255 - pixels.Luma(img.Pix[i], img.Pix[i+1], img.Pix[i+2])
			copy(out.Pix[i:], []uint8{l, l, l, 255})
		}
		return out
	}
	itself := func(img *image.NRGBA) *image.NRGBA { return img }
	opposite := func(img *image.NRGBA) *image.NRGBA { return imagetest.Negative(img) }
	for _, c := range []struct {
		model string
		opt   Options
		want  string
		make  func(*image.NRGBA) *image.NRGBA
	}{
		{"bytes", Options{}, "photo uint8 NHWC 3, 0 to 255 by its type, uint8; negative uint8 NHWC 3, 0 to 255 by its type, uint8", opposite},
		{"bytes", Options{Range: Range{Lo: 255}, BGR: true},
			"photo uint8 NHWC 3, 255 to 0 by Options.Range; negative uint8 NHWC 3, 255 to 0 by Options.Range", opposite},
		{"half", Options{}, "photo float16 NCHW 3, -1 to 1 by assumed; negative float16 NCHW 3, -1 to 1 by assumed", opposite},
		{"double", Options{}, "photo float64 NHWC 3, -1 to 1 by assumed; negative float64 NHWC 3, -1 to 1 by assumed", opposite},
		{"mixed", Options{}, "photo uint8 NCHW 3, 0 to 255 by its type, uint8; negative float32 NCHW 3, 0 to 1 by its last operator, Clip; 1 at a time", opposite},
		{"mixed", Options{OutputRange: Range{Lo: 1}}, // which takes it back
			"photo uint8 NCHW 3, 0 to 255 by its type, uint8; negative float32 NCHW 3, 1 to 0 by Options.OutputRange; 1 at a time", itself},
		{"whole", Options{}, "photo int32 NCHW 1, 0 to 255 by its type, int32; negative int32 NCHW 1, 0 to 255 by its type, int32; 1 at a time", gray},
		{"four", Options{}, "photos float32 NCHW 3, -1 to 1 by assumed; negatives float32 NCHW 3, -1 to 1 by assumed; 4 at a time", opposite},
		{"alone", Options{}, "photo float32 NCHW 3, -1 to 1 by assumed; negative float32 NCHW 3, -1 to 1 by assumed; 1 at a time", opposite},
		{"alone_last", Options{}, "photo uint8 NHWC 3, 0 to 255 by its type, uint8; negative uint8 NHWC 3, 0 to 255 by its type, uint8; 1 at a time", opposite},
		{"fixed_last", Options{}, "photo float32 NHWC 3, -1 to 1 by assumed; negative float32 NHWC 3, -1 to 1 by assumed; 24x16; 1 at a time", opposite},
		{"pair", Options{Output: "winter"}, "summer float32 NCHW 3, -1 to 1 by assumed; winter float32 NCHW 3, -1 to 1 by assumed", opposite},
		{"pair", Options{Output: "spring", Input: "autumn"}, "autumn float32 NCHW 3, -1 to 1 by assumed; spring float32 NCHW 3, -1 to 1 by assumed", itself},
		{"scores", Options{}, "photo float32 NCHW 3, -1 to 1 by assumed; negative float32 NCHW 3, -1 to 1 by assumed", opposite},
		{"weights", Options{}, "photo float32 NCHW 3, -1 to 1 by assumed; negative float32 NCHW 3, -1 to 1 by assumed", opposite},
		{"branch", Options{}, "photo float32 NCHW 3, -1 to 1 by assumed; negative float32 NCHW 3, -1 to 1 by assumed", opposite},
		{"body", Options{}, "photo float32 NCHW 3, -1 to 1 by assumed; negative float32 NCHW 3, -1 to 1 by assumed", opposite},
		{"loop", Options{}, "photo float32 NCHW 3, -1 to 1 by assumed; negative float32 NCHW 3, -1 to 1 by assumed", opposite},
		{"old", Options{}, "photo float32 NCHW 3, -1 to 1 by assumed; negative float32 NCHW 3, -1 to 1 by assumed; 1 at a time", opposite},
	} {
		t.Run(c.model, func(t *testing.T) {
			info, err := inspectFixture(t, "foreign_"+c.model+".onnx", &c.opt)
			if err != nil {
				t.Fatal(err)
			}
			if got := described(info); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
			m := open(t, "foreign_"+c.model+".onnx", &c.opt)
			for _, size := range []image.Point{{24, 16}, {5, 9}} {
				img := imagetest.Pattern(size.X, size.Y)
				out, err := m.Translate(t.Context(), img)
				if err != nil {
					t.Fatal(err)
				}
				if err := imagetest.Equal(out, c.make(img), 0); err != nil {
					t.Errorf("%v: %v", size, err)
				}
			}
		})
	}
}

func TestForeignModelsRefused(t *testing.T) {
	for _, c := range []struct {
		model string
		opt   *Options
		want  string
	}{
		{"classifier", nil, `the model returns no image: output "scores" float32 [N,10]: an image has 4 dimensions, this has 2`},
		{"segments", nil, "as NCHW it has 21 channels, not 1 or 3"},
		{"larger", nil, `the model changes the size of images: it converts "photo" float32 [1,3,16,24] to "large" float32 [1,3,32,48]`},
		{"sequence", nil, `output "list" sequence any shape: it holds sequence, not numbers`},
		{"text", nil, "it holds string, not numbers"},
		{"photos", nil, `its output "sum" needs 2 inputs: "left" float32 [N,3,H,W], "right" float32 [N,3,H,W]`},
		{"photos", &Options{Input: "left"}, `the model needs more than an image: in addition to "left" its output "sum" needs "right" float32`},
		{"pair", nil, `2 outputs of the model may be the image: "winter" float32 [N,3,H,W], "spring" float32 [N,3,H,W]: name one of them (Options.Output)`},
		{"pair", &Options{Output: "mood"}, `the model returns no image: output "mood" float32 [N]: an image has 4 dimensions, this has 1`},
		{"pair", &Options{Output: "summer"}, `the model has no output "summer": it has "winter" float32 [N,3,H,W], "spring"`},
		{"pair", &Options{Output: "winter", Input: "autumn"}, `output "winter" does not depend on input "autumn": it needs "summer" float32`},
		{"pair", &Options{Output: "winter", Input: "autum"}, `the model has no input "autum": it has "summer" float32 [N,3,H,W], "autumn"`},
		{"old", &Options{Input: "minus"}, `the model needs more than an image: in addition to "minus" its output "negative" needs "photo"`},
		{"bytes", &Options{Range: Range(pixels.Unit)}, `input "photo": the range 0 to 1 does not fit images in uint8, whose usual range is 0 to 255`},
		{"bytes", &Options{OutputRange: Range(pixels.Symmetric)}, `output "negative": the range -1 to 1 does not fit images in uint8`},
		{"bytes", &Options{Layout: "NCHW"}, ""}, // with 3 columns
		{"fixed_last", &Options{Layout: "NCHW"}, "as NCHW it has 16 channels"},
	} {
		_, err := inspectFixture(t, "foreign_"+c.model+".onnx", c.opt)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.model, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %+v:\n got %v\nwant %s", c.model, c.opt, err, c.want)
		}
	}
}

// Every opset that PyTorch has exported since it supports reflected borders returns the same image.
func TestForeignOpsets(t *testing.T) {
	img := imagetest.Pattern(29, 17) // sides that the model does not take as they are
	var first image.Image
	for opset := 11; opset <= 22; opset++ {
		m := open(t, fmt.Sprintf("foreign_opset_%d.onnx", opset), nil)
		if by := m.Info().Input.RangeSource; by != "its last operator, Tanh" {
			t.Errorf("opset %d: range by %q", opset, by)
		}
		if i := m.Info(); i.SizeMultiple != 2 || i.MinSize < 2 || i.MinSize > 4 {
			t.Errorf("opset %d: sides of multiples of %d, at least %d", opset, i.SizeMultiple, i.MinSize)
		}
		if small, err := m.Translate(t.Context(), imagetest.Pattern(1, 1)); err != nil || small.Bounds().Dx() != 1 {
			t.Errorf("opset %d: one pixel: %v", opset, err)
		}
		out, err := m.Translate(t.Context(), img)
		if err != nil {
			t.Fatalf("opset %d: %v", opset, err)
		}
		if first == nil {
			if first = out; imagetest.Equal(first, img, 8) == nil {
				t.Error("the model does nothing")
			}
		}
		if err := imagetest.Equal(out, first, 1); err != nil {
			t.Errorf("opset %d: %v", opset, err)
		}
		m.Close()
	}
}

// Of a file with two generators the requested one is opened, so that images can be tiled.
func TestForeignPairInTiles(t *testing.T) {
	m := open(t, "foreign_pair.onnx", &Options{Output: "winter", MaxPixels: leastMaxPixels})
	img := imagetest.Pattern(700, 300)
	if tiling := m.Tiling(700, 300); tiling.Tiles < 2 || tiling.Blended {
		t.Errorf("%+v", tiling)
	}
	out, err := m.Translate(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	if err := imagetest.Equal(out, imagetest.Negative(img), 0); err != nil {
		t.Error(err)
	}
	// a fixed batch: the statistics of tiles are not joined, and the tiles are blended
	four := open(t, "foreign_four.onnx", &Options{MaxPixels: leastMaxPixels})
	if tiling := four.Tiling(700, 300); !tiling.Blended || !strings.Contains(tiling.Reason, "4 images at a time") {
		t.Errorf("%+v", tiling)
	}
	if out, err = four.Translate(t.Context(), img); err != nil {
		t.Fatal(err)
	}
	if err := imagetest.Equal(out, imagetest.Negative(img), 1); err != nil {
		t.Error(err)
	}
}

// External weights are inlined, so that the model can do what others can. The bytes of a model do
// not tell where the file of its weights is.
func TestForeignWeights(t *testing.T) {
	m := open(t, "foreign_weights.onnx", &Options{MaxPixels: leastMaxPixels})
	if tiling := m.Tiling(700, 300); tiling.Tiles < 2 || tiling.Blended {
		t.Errorf("%+v", tiling)
	}
	for _, name := range []string{"foreign_weights.onnx", "foreign_body.onnx"} {
		if _, err := New(fixture(t, name), nil); err == nil || !strings.Contains(err.Error(), "open it by its path") {
			t.Errorf("%s by its bytes: %v", name, err)
		}
	}
	path := filepath.Join(t.TempDir(), "moved.onnx")
	if err := os.WriteFile(path, fixture(t, "foreign_weights.onnx"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), "foreign_weights.data") || !strings.Contains(err.Error(), "keep them in the folder of the model") {
		t.Errorf("without them: %v", err)
	}
}

// A truncated file is an error. A file with a wrong byte is an error, or still returns an image.
func TestDamagedModels(t *testing.T) {
	open(t, "foreign_opset_17.onnx", nil) // keeps ONNX Runtime open
	data := fixture(t, "foreign_opset_17.onnx")
	for n := 0; n < len(data); n += 7 {
		if m, err := New(data[:n], nil); err == nil {
			m.Close()
			t.Errorf("the first %d of %d bytes were taken for a model", n, len(data))
		}
	}
	img := imagetest.Pattern(12, 8)
	refused := 0
	for i := 0; i < len(data); i += 3 {
		bad := bytes.Clone(data)
		bad[i] ^= 0xff
		m, err := New(bad, nil)
		if err != nil {
			refused++
			continue
		}
		if out, err := m.Translate(t.Context(), img); err == nil && out.Bounds() != img.Rect {
			t.Errorf("byte %d: %v", i, out.Bounds())
		}
		m.Close()
	}
	if refused < 50 {
		t.Errorf("of %d damaged models only %d were refused", len(data)/3, refused)
	}
}

func TestOutputRange(t *testing.T) {
	constant := func(name string, v float32) *onnx.Node {
		return &onnx.Node{Op: "Constant", Outputs: []string{name}, Attrs: []onnx.Attr{onnx.FloatAttr("value_float", v)}}
	}
	node := func(op, inputs, output string, attrs ...onnx.Attr) *onnx.Node {
		return &onnx.Node{Op: op, Inputs: strings.Fields(inputs), Outputs: []string{output}, Attrs: attrs}
	}
	constants := []*onnx.Node{constant("half", 0.5), constant("one", 1), constant("127", 127.5), constant("255", 255), constant("zero", 0)}
	for _, c := range []struct {
		nodes []*onnx.Node
		want  pixels.Range
		by    string
	}{
		{[]*onnx.Node{node("Tanh", "x", "y")}, pixels.Symmetric, "Tanh"},
		{[]*onnx.Node{node("Sigmoid", "x", "a"), node("Transpose", "a", "y")}, pixels.Unit, "Sigmoid"},
		{[]*onnx.Node{node("Tanh", "x", "a"), node("Mul", "a half", "b"), node("Add", "half b", "y")}, pixels.Unit, "Tanh"},
		{[]*onnx.Node{node("Tanh", "x", "a"), node("Add", "a one", "b"), node("Mul", "127 b", "y")}, pixels.Byte, "Tanh"},
		{[]*onnx.Node{node("Sigmoid", "x", "a"), node("Sub", "one a", "b"), node("Mul", "b 255", "c"), node("Round", "c", "y")}, pixels.Byte, "Sigmoid"},
		{[]*onnx.Node{node("Sigmoid", "x", "a"), node("Neg", "a", "b"), node("Div", "b half", "c"), node("Sub", "c half", "d"), node("Sub", "d half", "e"), node("Add", "e 127", "y")},
			pixels.Range{}, ""},
		{[]*onnx.Node{node("Clip", "x zero 255", "y")}, pixels.Byte, "Clip"},
		{[]*onnx.Node{node("Clip", "x", "y", onnx.FloatAttr("min", 0), onnx.FloatAttr("max", 1))}, pixels.Unit, "Clip"},
		{[]*onnx.Node{node("Clip", "x zero", "y")}, pixels.Range{}, ""},
		{[]*onnx.Node{node("Tanh", "x", "a"), node("Mul", "a 127", "y")}, pixels.Range{}, ""},
		{[]*onnx.Node{node("Tanh", "x", "a"), node("Add", "a x", "y")}, pixels.Range{}, ""},
		{[]*onnx.Node{node("Relu", "x", "y")}, pixels.Range{}, ""},
		{[]*onnx.Node{node("Identity", "z", "y"), node("Identity", "y", "z")}, pixels.Range{}, ""}, // a circle
		{nil, pixels.Range{}, ""},
	} {
		m := &onnx.Model{Nodes: append(constants, c.nodes...)}
		if got, by := outputRange(m, "y"); got != Range(c.want) || by != c.by {
			t.Errorf("%v: %v by %q, want %v by %q", c.nodes, got, by, c.want, c.by)
		}
	}
}

// Options for the sides of images take precedence over what is detected.
func TestForeignSizes(t *testing.T) {
	for _, c := range []struct {
		model           string
		opt             *Options
		multiple, least int
	}{
		{"tiles_computed.onnx", nil, 4, 8},
		{"tiles_computed.onnx", &Options{SizeMultiple: 8}, 8, 8},
		{"tiles_computed.onnx", &Options{MinSize: 30}, 4, 30},
		{"tiles_nhwc.onnx", nil, 2, 2},
		{"tiles_global.onnx", nil, 1, 1}, // cannot be followed
		{"fixed.onnx", nil, 1, 1},
		{"multiple8.onnx", nil, 8, 16},
		{"foreign_bytes.onnx", nil, 1, 1},
	} {
		i := open(t, c.model, c.opt).Info()
		if i.SizeMultiple != c.multiple || i.MinSize != c.least {
			t.Errorf("%s with %+v: sides of multiples of %d, at least %d; want %d and %d", c.model, c.opt, i.SizeMultiple, i.MinSize, c.multiple, c.least)
		}
	}
}
