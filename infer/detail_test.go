package infer

import (
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"math"
	"slices"
	"strings"
	"testing"

	"cyclegan/infer/internal/detail"
	"cyclegan/infer/internal/imagetest"
)

// deepScenery is a scenery with 16 bits per sample and transparent parts.
func deepScenery(w, h int) *image.NRGBA64 {
	from := scenery(w, h)
	img := image.NewNRGBA64(from.Rect)
	for i, v := range from.Pix {
		img.Pix[2*i], img.Pix[2*i+1] = v, uint8(37*i)
	}
	return img
}

// The detail of a model that changes nothing is that of the image, in every kind of image.
func TestDetailIdentity(t *testing.T) {
	m := open(t, "identity.onnx", &Options{Detail: DetailInput})
	draws := func(dst draw.Image, from image.Image) image.Image {
		draw.Draw(dst, dst.Bounds(), from, from.Bounds().Min, draw.Src)
		return dst
	}
	w, h := 131, 97 // odd, and no multiple of the model's 4
	r := image.Rect(0, 0, w, h)
	eight, deep := scenery(w, h), deepScenery(w, h)
	for i := 3; i < len(eight.Pix); i += 4 {
		eight.Pix[i] = uint8(i)
	}
	for name, img := range map[string]image.Image{
		"NRGBA": eight, "RGBA": draws(image.NewRGBA(r), scenery(w, h)), "Gray": draws(image.NewGray(r), eight),
		"part":    scenery(400, 300).SubImage(image.Rect(111, 20, 111+w, 20+h)),
		"NRGBA64": deep, "RGBA64": draws(image.NewRGBA64(r), deepOpaque(deep)), "Gray16": draws(image.NewGray16(r), deep),
		"deep part": deepScenery(400, 300).SubImage(image.Rect(111, 20, 111+w, 20+h)),
	} {
		out, err := m.Translate(t.Context(), img)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if out.Bounds() != img.Bounds() {
			t.Errorf("%s: bounds %v, want %v", name, out.Bounds(), img.Bounds())
		}
		_, isDeep := out.(*image.NRGBA64)
		if want := strings.Contains(name, "64") || strings.Contains(name, "16") || strings.Contains(name, "deep"); isDeep != want {
			t.Errorf("%s became %T", name, out)
		}
		b := img.Bounds()
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				got, want := color.NRGBA64Model.Convert(out.At(x, y)), color.NRGBA64Model.Convert(img.At(x, y))
				if got != want {
					t.Fatalf("%s: %v at %d,%d, want %v", name, got, x, y, want)
				}
			}
		}
	}
}

func deepOpaque(img *image.NRGBA64) *image.NRGBA64 {
	out := *img
	out.Pix = slices.Clone(img.Pix)
	for i := 6; i < len(out.Pix); i += 8 {
		out.Pix[i], out.Pix[i+1] = 255, 255
	}
	return &out
}

// On a flat image the change is that of the model.
func TestDetailFlat(t *testing.T) {
	for _, c := range []struct {
		model string
		opt   Options
		want  color.NRGBA
	}{
		{"invert.onnx", Options{}, color.NRGBA{55, 155, 245, 77}},
		{"gray.onnx", Options{}, color.NRGBA{135, 135, 135, 77}},
		{"nhwc_unit.onnx", Options{Range: Range{0, 1}, TrainSize: 33}, color.NRGBA{55, 155, 245, 77}},
		{"byte.onnx", Options{Range: Range{0, 255}, BGR: true, TrainSize: 50}, color.NRGBA{55, 155, 245, 77}},
		{"fixed.onnx", Options{}, color.NRGBA{55, 155, 245, 77}},
		{"foreign_four.onnx", Options{TrainSize: 20}, color.NRGBA{55, 155, 245, 77}},
	} {
		c.opt.Detail = DetailInput
		m := open(t, c.model, &c.opt)
		for _, size := range []image.Point{{101, 67}, {70, 301}, {640, 480}} {
			img := image.NewNRGBA(image.Rectangle{Max: size})
			draw.Draw(img, img.Rect, image.NewUniform(color.NRGBA{200, 100, 10, 77}), image.Point{}, draw.Src)
			for i := 0; i < len(img.Pix); i += 4 { // Draw rounds
				copy(img.Pix[i:], []uint8{200, 100, 10, 77})
			}
			if tiling := m.Tiling(size.X, size.Y); tiling.CopyWidth == 0 {
				t.Fatalf("%s, %v: %+v", c.model, size, tiling)
			}
			out, err := m.Translate(t.Context(), img)
			if err != nil {
				t.Fatalf("%s: %v", c.model, err)
			}
			for i := 0; i < len(img.Pix); i += 4 {
				p := out.(*image.NRGBA).Pix[i : i+4]
				if got := (color.NRGBA{p[0], p[1], p[2], p[3]}); got != c.want {
					t.Fatalf("%s, %v: %v, want %v", c.model, size, got, c.want)
				}
			}
		}
	}
}

func TestDetailChoice(t *testing.T) {
	for _, c := range []struct {
		model  string
		opt    Options
		size   image.Point
		cw, ch int // 0: the detail comes from the model
	}{
		{"invert.onnx", Options{}, image.Pt(95, 200), 0, 0}, // trained at 64x48
		{"invert.onnx", Options{}, image.Pt(96, 200), 48, 100},
		{"invert.onnx", Options{Detail: DetailModel}, image.Pt(4000, 3000), 0, 0},
		{"invert.onnx", Options{Detail: DetailInput}, image.Pt(48, 200), 0, 0},
		{"invert.onnx", Options{Detail: DetailInput}, image.Pt(49, 200), 48, 196},
		{"invert.onnx", Options{TrainSize: 128}, image.Pt(256, 512), 128, 256},
		{"multiple8.onnx", Options{}, image.Pt(300, 100), 144, 48},
		{"multiple8.onnx", Options{}, image.Pt(310, 100), 152, 48},
		{"identity.onnx", Options{MinSize: 60}, image.Pt(500, 500), 60, 60},
		{"identity.onnx", Options{MinSize: 200, Detail: DetailInput}, image.Pt(100, 100), 0, 0},
		{"fixed.onnx", Options{}, image.Pt(500, 500), 0, 0},
		{"fixed.onnx", Options{Detail: DetailInput}, image.Pt(500, 500), 16, 16},
		{"fixed.onnx", Options{Detail: DetailInput}, image.Pt(20, 10), 0, 0},
		{"byte.onnx", Options{}, image.Pt(5000, 5000), 0, 0},
		{"byte.onnx", Options{TrainSize: 50}, image.Pt(5000, 5000), 50, 50},
	} {
		tiling := open(t, c.model, &c.opt).Tiling(c.size.X, c.size.Y)
		if tiling.CopyWidth != c.cw || tiling.CopyHeight != c.ch {
			t.Errorf("%s, %+v, %v: %+v, want %dx%d", c.model, c.opt, c.size, tiling, c.cw, c.ch)
		}
	}
}

func TestDetailRefused(t *testing.T) {
	open(t, "byte.onnx", nil)
	if _, err := Open(fixturePath("byte.onnx"), &Options{Detail: DetailInput}); err == nil || !strings.Contains(err.Error(), "Options.TrainSize") {
		t.Errorf("error %v", err)
	}
	i := Info{TrainWidth: 64, TrainHeight: 64, Input: Port{Channels: 3}, Output: Port{Channels: 1}}
	if err := i.chooseDetail(DetailInput); err == nil || !strings.Contains(err.Error(), "1 and 3") {
		t.Errorf("error %v", err)
	}
	if err := i.chooseDetail(DetailAuto); err != nil || i.DetailFrom != 0 {
		t.Errorf("%d, %v", i.DetailFrom, err)
	}
	if err := (&Options{Detail: "photo", TrainSize: -1}).Validate(); err == nil || !strings.Contains(err.Error(), `"photo"`) || !strings.Contains(err.Error(), "training size -1") {
		t.Errorf("error %v", err)
	}
}

// The result keeps what the copy is too small for, and is close to what the model does at full
// size, since this model changes each pixel by itself.
func TestDetailOfPhotograph(t *testing.T) {
	m := open(t, "invert.onnx", nil)
	img := scenery(640, 480)
	for i := 0; i < len(img.Pix); i += 4 { // colors near gray, as in photographs
		img.Pix[i+1] = img.Pix[i]/4*3 + img.Pix[i+1]/4
		img.Pix[i+2] = img.Pix[i]/4*3 + img.Pix[i+2]/4
	}
	out, err := m.Translate(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	negative := imagetest.Negative(img)
	for i, v := range out.(*image.NRGBA).Pix {
		d := float64(v) - float64(negative.Pix[i])
		sum += d * d
	}
	mean := math.Sqrt(sum / float64(len(img.Pix)))
	t.Logf("off by %.1f levels (root mean square)", mean)
	if mean > 15 {
		t.Error("it is too far off")
	}
	all, err := m.TranslateAll(t.Context(), []image.Image{img, img, scenery(48, 48)})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(imagetest.Equal(all[0], out, 0), imagetest.Equal(all[1], out, 0)); err != nil {
		t.Error(err)
	}
}

// However many bands an image is divided into, the result is the same.
func TestDetailBands(t *testing.T) {
	img := deepScenery(301, 97)
	in, out := make([]float32, 3*24*16), make([]float32, 3*24*16)
	for i := range in {
		in[i], out[i] = float32(i*37%256)/255, float32(i*91%256)/255
	}
	change := detail.New(in, out, 3, 24, 16)
	whole, err := applyChange(t.Context(), img, true, change, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, threads := range []int{0, 2, 3, 96, 1000} {
		got, err := applyChange(t.Context(), img, true, change, threads)
		if err != nil || !slices.Equal(got.(*image.NRGBA64).Pix, whole.(*image.NRGBA64).Pix) {
			t.Errorf("%d threads: %v", threads, err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	cancel(stop)
	if _, err := applyChange(ctx, img, true, change, 2); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
}
