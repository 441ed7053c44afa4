package infer

import (
	"image"
	"image/color"
	"slices"
	"testing"
)

// scan is a gray image whose values are 12-bit and go beyond them by one pixel.
func scan(w, h int) *image.Gray16 {
	img := image.NewGray16(image.Rect(3, 4, 3+w, 4+h))
	for i := range w * h {
		v := uint16(i * 37 % 4096)
		img.Pix[2*i], img.Pix[2*i+1] = uint8(v>>8), uint8(v)
	}
	img.SetGray16(3, 4, color.Gray16{Y: 5000})
	return img
}

// Values of 12 bits stay what they are on every way through a model: whole, in tiles, from a copy,
// and in a run of several images.
func TestWindow(t *testing.T) {
	twelve := Window{Lo: 0, Hi: 4095}
	for _, c := range []struct {
		model string
		opt   Options
		want  func(v int) int
	}{
		{"identity.onnx", Options{Detail: DetailModel}, func(v int) int { return v }},
		{"invert.onnx", Options{Detail: DetailModel}, func(v int) int { return 4095 - v }},
		{"identity.onnx", Options{Detail: DetailModel, MaxPixels: leastMaxPixels}, func(v int) int { return v }},
		{"identity.onnx", Options{Detail: DetailInput, TrainSize: 40}, func(v int) int { return v }},
	} {
		c.opt.InputWindow, c.opt.OutputWindow = twelve, twelve
		m := open(t, c.model, &c.opt)
		img := scan(301, 230)
		clamped := -1
		ctx := WithTilingTrace(t.Context(), func(tiling Tiling) { clamped = tiling.Clamped })
		out, err := m.Translate(ctx, img)
		if err != nil {
			t.Fatalf("%s %+v: %v", c.model, c.opt, err)
		}
		if out.Bounds() != img.Bounds() || clamped != 1 {
			t.Errorf("%s: bounds %v, %d clamped", c.model, out.Bounds(), clamped)
		}
		got := out.(*image.NRGBA64)
		levels := map[uint16]bool{}
		for i := 0; i < len(img.Pix); i += 2 {
			in := min(int(img.Pix[i])<<8|int(img.Pix[i+1]), 4095)
			p := got.Pix[4*i:]
			v := int(p[0])<<8 | int(p[1])
			if v != c.want(in) || !slices.Equal(p[:2], p[2:4]) {
				t.Fatalf("%s %+v: %d became %d", c.model, c.opt, in, v)
			}
			levels[uint16(v)] = true
		}
		if len(levels) != 4096 {
			t.Errorf("%s: %d levels", c.model, len(levels))
		}
		all, err := m.TranslateAll(t.Context(), []image.Image{img, img})
		if err != nil || !slices.Equal(all[1].(*image.NRGBA64).Pix, got.Pix) {
			t.Errorf("%s: another result from TranslateAll: %v", c.model, err)
		}
	}
}

// Deep images become deep ones for every model, and a window of the output makes all results deep.
func TestDeepResults(t *testing.T) {
	for _, model := range []string{"invert.onnx", "fixed.onnx", "byte.onnx"} {
		m := open(t, model, &Options{Range: map[bool]Range{true: byteRange}[model == "byte.onnx"]})
		out, err := m.Translate(t.Context(), deepScenery(90, 70))
		if _, deep := out.(*image.NRGBA64); err != nil || !deep {
			t.Errorf("%s: %T, %v", model, out, err)
		}
	}
	m := open(t, "invert.onnx", &Options{OutputWindow: Window{Lo: 1000, Hi: 1255}})
	eight := image.NewNRGBA(image.Rect(0, 0, 9, 8))
	for i := range eight.Pix {
		eight.Pix[i] = uint8(5 * i)
	}
	out, err := m.Translate(t.Context(), eight)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range eight.Pix {
		at := out.(*image.NRGBA64).Pix[2*i:]
		want := 1255 - int(v)
		if i%4 == 3 {
			want = 257 * int(v)
		}
		if got := int(at[0])<<8 | int(at[1]); got != want {
			t.Fatalf("sample %d: %d became %d, want %d", i, v, got, want)
		}
	}
	if _, err := New(fixture(t, "invert.onnx"), &Options{InputWindow: Window{Lo: 9, Hi: 9}}); err == nil {
		t.Error("an empty window is accepted")
	}
}

// A model with one channel returns gray images, of 8 or 16 bits; alpha needs color.
func TestGrayResults(t *testing.T) {
	m := open(t, "gray.onnx", &Options{Detail: DetailModel})
	small := open(t, "gray.onnx", &Options{Detail: DetailInput, TrainSize: 16})
	for _, m := range []*Model{m, small} {
		out, err := m.Translate(t.Context(), scenery(64, 48))
		if _, gray := out.(*image.Gray); err != nil || !gray {
			t.Errorf("8 bits: %T, %v", out, err)
		}
		out, err = m.Translate(t.Context(), scan(64, 48))
		if _, gray := out.(*image.Gray16); err != nil || !gray {
			t.Errorf("16 bits: %T, %v", out, err)
		}
		out, err = m.Translate(t.Context(), deepScenery(64, 48))
		if _, color := out.(*image.NRGBA64); err != nil || !color {
			t.Errorf("alpha: %T, %v", out, err)
		}
	}
	out, err := m.Translate(t.Context(), scan(64, 48))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := scan(64, 48).Gray16At(9, 9).Y, out.(*image.Gray16).Gray16At(9, 9).Y; int(a)+int(b) != 65535 {
		t.Errorf("the inverse of %d is %d", a, b)
	}
}

// The blend of tiles that agree is the tile, with 16 bits too.
func TestBlendDeep(t *testing.T) {
	axis := axis{length: 12, size: 8, starts: []int{0, 4}}
	img := deepScenery(12, 12)
	out := (&engine{}).blank(img)
	b := newBlender(out, &grid{x: axis, y: axis, blended: true})
	for j := range 2 {
		for i := range 2 {
			for y := range 8 {
				to, unit := row(b.tile, 0, y, 8)
				copy(to, img.Pix[img.PixOffset(4*i, 4*j+y):][:8*unit])
			}
			b.add(b.tile, i, j)
		}
	}
	if !slices.Equal(out.(*image.NRGBA64).Pix, img.Pix) {
		t.Error("it differs")
	}
}

// The metadata of a model has its windows; options replace them.
func TestWindowMetadata(t *testing.T) {
	i, err := metadata{"cyclegan.input_window": "0,4095", "cyclegan.output_window": "10,900"}.info()
	if err != nil || i.Input.Window != (Window{Lo: 0, Hi: 4095}) || i.Output.Window != (Window{Lo: 10, Hi: 900}) {
		t.Errorf("%+v, %v", i, err)
	}
	for _, bad := range []string{"0", "5,5", "0,70000", "-1,3", "0.5,1"} {
		if _, err := (metadata{"cyclegan.output_window": bad}).info(); err == nil {
			t.Errorf("output_window %q is accepted", bad)
		}
	}
}
