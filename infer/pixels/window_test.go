package pixels

import (
	"errors"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// deepFixture reads a 16-bit image of testdata/deep.
func deepFixture(t *testing.T, name string) image.Image {
	t.Helper()
	pic, err := Load(filepath.Join("..", "..", "testdata", "deep", name), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if pic.Deep == nil {
		t.Fatalf("%s has 8 bits per sample", name)
	}
	return pic.Deep
}

// largestDifference compares all samples of two images.
func largestDifference(t *testing.T, a, b image.Image) int {
	t.Helper()
	if a.Bounds().Size() != b.Bounds().Size() {
		t.Fatalf("sizes %v and %v", a.Bounds(), b.Bounds())
	}
	worst := 0
	w := a.Bounds().Dx()
	one, two := make([]uint16, 4*w), make([]uint16, 4*w)
	for y := range a.Bounds().Dy() {
		Rows(a)(one, a.Bounds().Min.Y+y)
		Rows(b)(two, b.Bounds().Min.Y+y)
		for i, v := range one {
			d := int(v) - int(two[i])
			worst = max(worst, d, -d)
		}
	}
	return worst
}

// Numpy stretches the same window to the same values.
func TestStretchAsReference(t *testing.T) {
	got, clamped := Window{500, 2500}.Stretch(deepFixture(t, "scan.tiff"))
	if d := largestDifference(t, got, deepFixture(t, "scan_500_2500.png")); d != 0 {
		t.Errorf("a value differs by %d", d)
	}
	outside := 0
	scan := deepFixture(t, "scan.png").(*image.Gray16)
	for i := 0; i < len(scan.Pix); i += 2 {
		if v := int(scan.Pix[i])<<8 | int(scan.Pix[i+1]); v < 500 || v > 2500 {
			outside++
		}
	}
	if clamped != outside || clamped == 0 {
		t.Errorf("%d values clamped, want %d", clamped, outside)
	}
	if _, gray := got.(*image.Gray16); !gray {
		t.Errorf("a gray image became %T", got)
	}
}

// Pillow resizes floats to the same values, up to the rounding of its 32 bits.
func TestScaleAsReference(t *testing.T) {
	for name, size := range map[string]image.Point{"scan_11x9.png": {11, 9}, "scan_40x30.png": {40, 30}} {
		full, _ := Window{0, 4095}.Stretch(deepFixture(t, "scan.png"))
		if d := largestDifference(t, Scale(full, size.X, size.Y), deepFixture(t, name)); d > 1 {
			t.Errorf("%s: a value differs by %d", name, d)
		}
	}
}

// Squeeze returns the values that Stretch got, for every window and kind of image.
func TestWindowRoundTrip(t *testing.T) {
	all := image.NewGray16(image.Rect(5, 7, 5+256, 7+256))
	for i := range 1 << 16 {
		all.Pix[2*i], all.Pix[2*i+1] = uint8(i>>8), uint8(i)
	}
	alpha := image.NewNRGBA64(image.Rect(0, 0, 3, 1))
	alpha.SetNRGBA64(1, 0, color.NRGBA64{R: 100, G: 4095, B: 7, A: 999})
	for _, w := range []Window{{}, {0, deepest}, {0, 4095}, {1000, 1001}, {17, 65000}, {65534, 65535}} {
		for _, img := range []image.Image{all, alpha, all.SubImage(image.Rect(9, 9, 20, 12))} {
			there, clamped := w.Stretch(img)
			back := w.Squeeze(there)
			if back.Bounds() != img.Bounds() {
				t.Errorf("%v: bounds %v", w, back.Bounds())
			}
			b, n := img.Bounds(), 0
			for y := b.Min.Y; y < b.Max.Y; y++ {
				for x := b.Min.X; x < b.Max.X; x++ {
					in := color.NRGBA64Model.Convert(img.At(x, y)).(color.NRGBA64)
					if w.Hi > 0 {
						for _, v := range []*uint16{&in.R, &in.G, &in.B} {
							if *v < w.Lo || *v > w.Hi {
								n++
							}
							*v = min(max(*v, w.Lo), w.Hi)
						}
					}
					if got := color.NRGBA64Model.Convert(back.At(x, y)); got != in {
						t.Fatalf("%v, %T: %v became %v", w, img, in, got)
					}
				}
			}
			if img != alpha {
				n /= 3
			}
			if clamped != n {
				t.Errorf("%v, %T: %d clamped, want %d", w, img, clamped, n)
			}
		}
	}
	if got, n := (Window{9, 9}).Stretch(all); got != all || n != 0 || (Window{9, 3}).Squeeze(all) != all {
		t.Error("a window without values changed an image")
	}
	eight := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	if got, n := (Window{3, 9}).Stretch(eight); got != eight || n != 0 || (Window{3, 9}).Squeeze(eight) != eight {
		t.Error("an image of 8 bits was changed")
	}
}

func TestWindowText(t *testing.T) {
	for text, want := range map[string][2]Window{
		"": {}, "auto": {}, "0,4095": {{0, 4095}, {0, 4095}}, " 3 , 65535 ": {{3, 65535}, {3, 65535}},
		"auto:1,2": {{}, {1, 2}}, "1,2:auto": {{1, 2}, {}}, "0,4095:0,65535": {{0, 4095}, {0, 65535}},
	} {
		a, b, err := ParseWindows(text)
		if got := [2]Window{a, b}; err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
		if c, d, err := ParseWindows(FormatWindows(a, b)); err != nil || c != a || d != b {
			t.Errorf("%q is written as %q", text, FormatWindows(a, b))
		}
	}
	for _, bad := range []string{"1", "1,1", "2,1", "0,65536", "-1,5", "a,b", "1,2:3", "1,2:3,4:5,6", "0,1.5", ","} {
		if a, b, err := ParseWindows(bad); err == nil {
			t.Errorf("%q: %v, %v", bad, a, b)
		}
	}
}

func TestValues(t *testing.T) {
	var v Values
	if v.Add(image.NewNRGBA(image.Rect(0, 0, 4, 4))) || v.Window() != (Window{}) || v.Used() != (Window{}) {
		t.Errorf("8-bit images were counted: %v", v.Used())
	}
	if !v.Add(deepFixture(t, "scan.png")) || v.Window() != (Window{0, 4095}) {
		t.Errorf("12-bit data: window %v", v.Window())
	}
	if most := v.Most(0.99); most.Lo < 1 || most.Hi > 3900 {
		t.Errorf("99%% of the values are within %v", most) // all but the two that the script has set
	}
	hot := image.NewGray16(image.Rect(0, 0, 1, 1))
	hot.SetGray16(0, 0, color.Gray16{Y: 60000})
	if v.Add(hot); v.Used() != (Window{0, 60000}) || v.Window() != (Window{0, deepest}) {
		t.Errorf("data that fills its type: window %v", v.Window())
	}
	var flat Values
	if flat.Add(hot); flat.Window() != (Window{0, deepest}) {
		t.Errorf("a single value: window %v", flat.Window())
	}
}

// An image of 16 bits survives a tensor, and is turned as one of 8 bits is.
func TestDeepTensor(t *testing.T) {
	color := deepFixture(t, "scan_color.tiff")
	w, h := color.Bounds().Dx(), color.Bounds().Dy()
	for _, s := range []Spec{
		{Range: Symmetric, Channels: 3}, {Layout: NHWC, Range: Unit, Channels: 3, BGR: true}, {Range: Range{255, 0}, Channels: 3},
		{Range: Symmetric, Channels: 1},
	} {
		img := image.Image(color)
		if s.Channels == 1 {
			img = deepFixture(t, "scan.png")
		}
		tensor, out := make([]float32, s.Len(w, h)), image.NewNRGBA64(image.Rect(0, 0, w, h))
		if err := s.Put(tensor, img); err != nil {
			t.Fatal(err)
		}
		if err := s.Draw(out, out.Rect, tensor, w, h, image.Point{}); err != nil {
			t.Fatal(err)
		}
		if d := largestDifference(t, img, out); d != 0 {
			t.Errorf("%+v: a value differs by %d", s, d)
		}
	}
	if err := (Spec{Range: Unit, Channels: 1}).Draw(image.NewGray(image.Rect(0, 0, 1, 1)), image.Rect(0, 0, 1, 1), make([]float32, 1), 1, 1, image.Point{}); err == nil {
		t.Error("drawing to *image.Gray is accepted")
	}
	for orientation := 2; orientation <= 8; orientation++ {
		if d := largestDifference(t, toNRGBA(upright(color, orientation)), turns[orientation](toNRGBA(color))); d != 0 {
			t.Errorf("orientation %d: a value differs by %d", orientation, d)
		}
	}
}

// Samples with a sign are refused, not read as the brightest ones.
func TestSignedSamples(t *testing.T) {
	_, err := Load(filepath.Join("..", "..", "testdata", "deep", "signed.tiff"), Limits{})
	if unsupported := (*UnsupportedError)(nil); !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "signed samples. Fix: ") {
		t.Errorf("error %v", err)
	}
}

// A header tells which files have 16 bits per sample.
func TestHeaderDeep(t *testing.T) {
	for _, folder := range []string{"pictures", "deep"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "testdata", folder, "*.*"))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, path := range files {
			pic, err := Load(path, Limits{})
			if err != nil {
				continue
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			info, err := Header(f, Limits{})
			f.Close()
			if err == nil && info.Deep != (pic.Deep != nil) {
				t.Errorf("%s: the header says %v, the image is %T", path, info.Deep, pic.Deep)
			}
			if info.Deep {
				n++
			}
		}
		if n == 0 {
			t.Errorf("%s has no image of 16 bits", folder)
		}
	}
}
