package pixels

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/image/tiff"
)

const fixtures = "../../testdata/pictures"

func load(t testing.TB, name string) *Picture {
	t.Helper()
	p, err := Load(filepath.Join(fixtures, name), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// farthest is the largest difference of any sample; alpha counts too.
func farthest(t testing.TB, a, b *image.NRGBA) int {
	t.Helper()
	if a.Rect != b.Rect {
		t.Fatalf("sizes %v and %v differ", a.Rect, b.Rect)
	}
	worst := 0
	for i := range a.Pix {
		d := int(a.Pix[i]) - int(b.Pix[i])
		worst = max(worst, d, -d)
	}
	return worst
}

func TestLoadFormats(t *testing.T) {
	for _, c := range []struct {
		name, ref, format string
		tolerance         int // decoders of lossy formats may round differently
	}{
		{"base.bmp", "base.png", "bmp", 0},
		{"deflate.tiff", "base.png", "tiff", 0},
		{"lzw.tiff", "base.png", "tiff", 0},
		{"reversed.tiff", "base.png", "tiff", 0},
		{"lossless.webp", "base.png", "webp", 0},
		{"alpha.webp", "alpha.png", "webp", 0},
		{"palette.png", "palette.ref.png", "png", 0},
		{"palette.gif", "palette.ref.png", "gif", 0},
		{"cmyk.jpg", "cmyk.jpg.ref.png", "jpeg", 2},
		{"gray.jpg", "gray.jpg.ref.png", "jpeg", 2},
		{"progressive.jpg", "progressive.jpg.ref.png", "jpeg", 3},
		{"subsampled.jpg", "subsampled.jpg.ref.png", "jpeg", 3},
		{"lossy.webp", "lossy.webp.ref.png", "webp", 3},

		{"interlaced.png", "base.png", "png", 0},
		{"deep.png", "base.png", "png", 0},
		{"deep_alpha.png", "alpha.png", "png", 0},
		{"gray_alpha.png", "gray_alpha.ref.png", "png", 0},
		{"palette_alpha.png", "palette_alpha.ref.png", "png", 0},
		{"two.png", "two.ref.png", "png", 0},
		{"fax4.tiff", "two.ref.png", "tiff", 0},
		{"ycck.jpg", "ycck.jpg.ref.png", "jpeg", 3},
		{"cmyk_plain.jpg", "cmyk_plain.jpg.ref.png", "jpeg", 2},
		{"cmyk.tiff", "cmyk.tiff.ref.png", "tiff", 1},
		{"palette.tiff", "palette.ref.png", "tiff", 0},
		{"palette.bmp", "palette.ref.png", "bmp", 0},
		{"alpha.tiff", "alpha.png", "tiff", 0},
		{"pages.tiff", "base.png", "tiff", 0},
		{"tiled.tiff", "base.png", "tiff", 0},
		{"strips.tiff", "base.png", "tiff", 0},
		{"deep.tiff", "base.png", "tiff", 0},
		{"fourth.tiff", "base.png", "tiff", 0},
		{"animated.webp", "base.png", "webp", 0},
		{"animated.gif", "palette.ref.png", "gif", 0},
		{"alpha_lossy.webp", "alpha_lossy.ref.png", "webp", 3},
		{"base.ppm", "base.png", "pnm", 0},
		{"text.ppm", "base.png", "pnm", 0},
		{"deep.ppm", "base.png", "pnm", 0},
		{"gray.pgm", "gray.heic.ref.png", "pnm", 4},
		{"two.pbm", "two.ref.png", "pnm", 0},
		{"base.heic", "base.heic.ref.png", "heic", 2},
		{"odd.heic", "odd.heic.ref.png", "heic", 2},
		{"gray.heic", "gray.heic.ref.png", "heic", 1},
		{"base.avif", "base.avif.ref.png", "avif", 1},
		{"alpha.avif", "alpha.avif.ref.png", "avif", 3}, // multiplied by alpha on the way,
		{"wide.png", "base.png", "png", 0},
		{"wide.tiff", "base.png", "tiff", 0},
	} {
		p := load(t, c.name)
		if p.Format != c.format {
			t.Errorf("%s: format %q, want %q", c.name, p.Format, c.format)
		}
		d := farthest(t, p.Image, load(t, c.ref).Image)
		if d > c.tolerance {
			t.Errorf("%s: differs from %s by %d levels, more than %d", c.name, c.ref, d, c.tolerance)
		}
		t.Logf("%s: within %d levels", c.name, d)
	}
}

func TestLoadKnowsGrayAndAlpha(t *testing.T) {
	for name, want := range map[string][2]bool{
		"base.png": {false, false}, "gray.jpg": {true, false}, "alpha.png": {false, true}, "texture_luma.png": {true, false},
	} {
		if p := load(t, name); p.Gray != want[0] || p.Alpha != want[1] {
			t.Errorf("%s: gray %v, alpha %v; want %v", name, p.Gray, p.Alpha, want)
		}
	}
}

// Notes report what is not read, and nothing else.
func TestLoadNotes(t *testing.T) {
	for name, want := range map[string]string{
		"base.png": "", "palette.gif": "", "lossless.webp": "", "cmyk.jpg": noteCMYK, "cmyk.tiff": noteCMYK, "deep.png": NoteDeep, "deep.tiff": NoteDeep,
		"deep_alpha.png": NoteDeep, "animated.gif": NoteFrames, "animated.webp": NoteFrames, "pages.tiff": notePages, "wide.jpg": "",
	} {
		if got := strings.Join(load(t, name).Notes, "; "); got != want {
			t.Errorf("%s: noted %q, want %q", name, got, want)
		}
	}
}

func TestLoadTurnsUpright(t *testing.T) {
	base := load(t, "base.png").Image
	for o := 1; o <= 8; o++ {
		p := load(t, "orientation_"+string(rune('0'+o))+".jpg")
		if p.Orientation != o {
			t.Errorf("orientation %d read as %d", o, p.Orientation)
		}
		if d := farthest(t, p.Image, base); d > 8 {
			t.Errorf("orientation %d: upright image differs by %d levels", o, d)
		}
	}
	// HEIC and AVIF are lossy.
	for name, most := range map[string]int{"orientation_6.png": 0, "orientation_6.webp": 0, "orientation_6.tiff": 0, "orientation_6.heic": 6, "orientation_6.avif": 6} {
		if d := farthest(t, load(t, name).Image, base); d > most {
			t.Errorf("%s: upright image differs by %d levels", name, d)
		}
	}
}

func encoded(t testing.TB, write func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Sixteen bits round to the nearest level: 65535/255 = 257 steps each.
func TestDecodeRounds16Bit(t *testing.T) {
	gray := image.NewGray16(image.Rect(0, 0, 256, 256))
	deep := image.NewNRGBA64(gray.Rect)
	for v := range 1 << 16 {
		gray.SetGray16(v%256, v/256, color.Gray16{Y: uint16(v)})
		deep.SetNRGBA64(v%256, v/256, color.NRGBA64{R: uint16(v), G: uint16(65535 - v), B: 300, A: 65535 - 400})
	}
	level := func(v int) uint8 { return uint8((float64(v) / 257) + 0.5) }
	for _, c := range []struct {
		name string
		data []byte
		want func(v int) color.NRGBA
	}{
		{"gray png", encoded(t, func(w io.Writer) error { return png.Encode(w, gray) }),
			func(v int) color.NRGBA { return color.NRGBA{level(v), level(v), level(v), 255} }},
		{"gray tiff", encoded(t, func(w io.Writer) error { return tiff.Encode(w, gray, nil) }),
			func(v int) color.NRGBA { return color.NRGBA{level(v), level(v), level(v), 255} }},
		{"color png", encoded(t, func(w io.Writer) error { return png.Encode(w, deep) }),
			func(v int) color.NRGBA {
				return color.NRGBA{level(v), level(65535 - v), level(300), level(65535 - 400)}
			}},
	} {
		p, err := Decode(c.data, Limits{})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for v := range 1 << 16 {
			if got := p.Image.NRGBAAt(v%256, v/256); got != c.want(v) {
				t.Fatalf("%s: sample %d became %v, want %v", c.name, v, got, c.want(v))
			}
		}
	}
}

// Every image type that a decoder may return converts as color.NRGBAModel does, up to one level of
// rounding.
func TestConvertAgreesWithColorModel(t *testing.T) {
	r := image.Rect(3, 5, 20, 14)
	fill := func(pix ...[]byte) {
		for _, p := range pix {
			for i := range p {
				p[i] = byte(i*37 + i/7)
			}
		}
	}
	var all []image.Image
	// The ratios whose chroma is not interpolated.
	for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410} {
		m := image.NewYCbCr(r, ratio)
		fill(m.Y, m.Cb, m.Cr)
		a := image.NewNYCbCrA(r, ratio)
		fill(a.Y, a.Cb, a.Cr, a.A)
		all = append(all, m, a)
	}
	gray, cmyk, nrgba, deep := image.NewGray(r), image.NewCMYK(r), image.NewNRGBA(r), image.NewNRGBA64(r)
	fill(gray.Pix, cmyk.Pix, nrgba.Pix, deep.Pix)
	pal := image.NewPaletted(r, color.Palette{color.NRGBA{200, 100, 50, 128}, color.Black, color.Gray16{40000}, color.RGBA{50, 20, 10, 60}})
	for i := range pal.Pix {
		pal.Pix[i] = byte(i % 4)
	}
	rgba, rgba64 := image.NewRGBA(r), image.NewRGBA64(r)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			rgba.Set(x, y, nrgba.At(x, y))
			rgba64.Set(x, y, deep.At(x, y))
		}
	}
	all = append(all, gray, cmyk, nrgba, deep, pal, rgba, rgba64, nrgba.SubImage(image.Rect(5, 6, 15, 12)))
	for _, m := range all {
		got, b := toNRGBA(m), m.Bounds()
		for y := range b.Dy() {
			for x := range b.Dx() {
				g := got.NRGBAAt(x, y)
				want := color.NRGBAModel.Convert(m.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
				if want.A == 0 { // its color is invisible, and some models drop it
					g.R, g.G, g.B = want.R, want.G, want.B
				}
				for _, d := range []int{int(g.R) - int(want.R), int(g.G) - int(want.G), int(g.B) - int(want.B), int(g.A) - int(want.A)} {
					// The model truncates 16 bits and divides by small alphas.
					slack := 1 + 255/(2*max(int(want.A), 1))
					if d > slack || d < -slack {
						t.Fatalf("%T at %d,%d: %v, want %v", m, x, y, g, want)
					}
				}
			}
		}
	}
}

func TestDecodePaletteIndexOutOfRange(t *testing.T) {
	m := image.NewPaletted(image.Rect(0, 0, 2, 1), color.Palette{color.White})
	m.Pix[1] = 9
	got := toNRGBA(m)
	if got.NRGBAAt(0, 0) != (color.NRGBA{255, 255, 255, 255}) || got.NRGBAAt(1, 0) != (color.NRGBA{0, 0, 0, 255}) {
		t.Errorf("got %v", got.Pix)
	}
}

// A GIF's first frame may cover only a part of the screen.
func TestDecodeGIFFrameInPlace(t *testing.T) {
	frame := image.NewPaletted(image.Rect(2, 1, 4, 3), color.Palette{color.NRGBA{250, 10, 20, 255}})
	data := encoded(t, func(w io.Writer) error {
		return gif.EncodeAll(w, &gif.GIF{Image: []*image.Paletted{frame, frame}, Delay: []int{0, 0}, Config: image.Config{Width: 6, Height: 5}})
	})
	p, err := Decode(data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for y := range 5 {
		for x := range 6 {
			want := color.NRGBA{}
			if (image.Point{X: x, Y: y}).In(frame.Rect) {
				want = color.NRGBA{250, 10, 20, 255}
			}
			if got := p.Image.NRGBAAt(x, y); got != want {
				t.Errorf("%d,%d: %v, want %v", x, y, got, want)
			}
		}
	}
}

func TestDecodeRefusesBadFiles(t *testing.T) {
	whole, err := os.ReadFile(filepath.Join(fixtures, "texture.png"))
	if err != nil {
		t.Fatal(err)
	}
	huge := append([]byte(nil), whole...)
	binary.BigEndian.PutUint32(huge[16:], 1<<30)
	binary.BigEndian.PutUint32(huge[20:], 1<<30)
	for _, c := range []struct {
		name, want string
		data       []byte
		lim        Limits
	}{
		{"empty", "empty", nil, Limits{}},
		{"text", "not a JPEG", []byte("hello, this is not an image"), Limits{}},
		{"cut in the body", "damaged png", whole[:len(whole)/2], Limits{}},
		{"cut in the header", "damaged png header", whole[:20], Limits{}},
		{"header alone", "damaged png", whole[:8], Limits{}},
		{"many pixels", "more than the limit of 2866 pixels", whole, Limits{MaxPixels: 61*47 - 1}},
		{"many bytes", "more than the limit of 100", whole, Limits{MaxBytes: 100}},
	} {
		_, err := Decode(c.data, c.lim)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	if _, err := Decode(huge, Limits{}); err == nil {
		t.Error("a header that claims 2^60 pixels was accepted")
	}
}

func TestLoadErrorsNameThePath(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.jpg")
	if err := os.WriteFile(bad, []byte("no"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{bad, filepath.Join(dir, "missing.png"), dir} {
		_, err := Load(path, Limits{})
		if err == nil || strings.Count(err.Error(), path) != 1 {
			t.Errorf("error does not name %s once: %v", path, err)
		}
	}
	// A wrong extension does not matter.
	data, _ := os.ReadFile(filepath.Join(fixtures, "base.png"))
	mislabeled := filepath.Join(dir, "really-a-png.jpg")
	if err := os.WriteFile(mislabeled, data, 0o666); err != nil {
		t.Fatal(err)
	}
	if p, err := Load(mislabeled, Limits{}); err != nil || p.Format != "png" {
		t.Errorf("mislabeled file: %v, %v", p, err)
	}
}

func TestHeader(t *testing.T) {
	for name, want := range map[string]Info{
		"orientation_6.jpg":  {Format: "jpeg", Width: 16, Height: 24, Orientation: 6},
		"orientation_3.jpg":  {Format: "jpeg", Width: 24, Height: 16, Orientation: 3},
		"orientation_6.tiff": {Format: "tiff", Width: 16, Height: 24, Orientation: 6},
		"base.png":           {Format: "png", Width: 24, Height: 16, Orientation: 1},
		"alpha.webp":         {Format: "webp", Width: 24, Height: 16, Orientation: 1},
	} {
		f, err := os.Open(filepath.Join(fixtures, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Header(f, Limits{})
		f.Close()
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
		if w, h := got.Upright(); w != 24 || h != 16 {
			t.Errorf("%s: %dx%d when upright, want 24x16", name, w, h)
		}
	}
	if _, err := Header(strings.NewReader("GIF89a"), Limits{}); err == nil {
		t.Error("a header cut short was accepted")
	}
}

func TestReadable(t *testing.T) {
	for name, want := range map[string]bool{
		"a.jpg": true, "a.JPEG": true, "x/b.Png": true, "c.gif": true, "d.bmp": true, "e.tif": true, "e.TIFF": true, "f.webp": true,
		"jpg": false, "a.txt": false, "a.jpg.txt": false, "": false, ".": false,
	} {
		if Readable(name) != want {
			t.Errorf("Readable(%q) = %v", name, !want)
		}
	}
}

func BenchmarkDecodeJPEG(b *testing.B) {
	src := Resize(load(b, "texture.png").Image, 256, 256)
	data := encoded(b, func(w io.Writer) error { return Encode(w, src, SaveOptions{Format: "jpeg"}) })
	b.SetBytes(256 * 256 * 3)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(data, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
