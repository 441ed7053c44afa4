package pixels

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"
)

func noise(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	s := uint32(1)
	for i := range m.Pix {
		s = s*1664525 + 1013904223
		m.Pix[i] = byte(s >> 24)
	}
	return m
}

func TestPutEverySpec(t *testing.T) {
	m := noise(5, 3)
	for _, layout := range []Layout{NCHW, NHWC} {
		for _, channels := range []int{1, 3} {
			for _, bgr := range []bool{false, true} {
				for _, r := range []Range{Symmetric, Unit, Byte, {1, -1}, {-2.5, 7}} {
					s := Spec{layout, r, channels, bgr}
					got := make([]float32, s.Len(5, 3))
					if err := s.Put(got, m); err != nil {
						t.Fatal(err)
					}
					for y := range 3 {
						for x := range 5 {
							c := m.NRGBAAt(x, y)
							levels := []uint8{c.R, c.G, c.B}
							if bgr {
								levels = []uint8{c.B, c.G, c.R}
							}
							if channels == 1 {
								levels = []uint8{Luma(c.R, c.G, c.B)}
							}
							for k, l := range levels {
								i := (k*3+y)*5 + x
								if layout == NHWC {
									i = (y*5+x)*channels + k
								}
								want := float64(r.Lo) + float64(l)/255*(float64(r.Hi)-float64(r.Lo))
								if math.Abs(float64(got[i])-want) > 1e-6*max(1, math.Abs(want)) {
									t.Fatalf("%+v at %d,%d channel %d: %g, want %g", s, x, y, k, got[i], want)
								}
							}
						}
					}
				}
			}
		}
	}
}

func TestSymmetricIsOfficialNormalization(t *testing.T) {
	table := Symmetric.Table()
	for x, v := range table {
		if want := (float64(x)/255 - 0.5) / 0.5; math.Abs(float64(v)-want) > 1e-6 {
			t.Errorf("level %d: %g, want %g", x, v, want)
		}
	}
}

func TestPictureUndoesPut(t *testing.T) {
	m := Opaque(noise(16, 16))
	for _, layout := range []Layout{NCHW, NHWC} {
		for _, r := range []Range{Symmetric, Unit, Byte, {1, -1}, {-2.5, 7}, {1000, 1001}} {
			s := Spec{Layout: layout, Range: r, Channels: 3, BGR: layout == NHWC}
			v := make([]float32, s.Len(16, 16))
			if err := s.Put(v, m); err != nil {
				t.Fatal(err)
			}
			back, err := s.Picture(v, 16, 16)
			if err != nil {
				t.Fatal(err)
			}
			if d := farthest(t, back, m); d != 0 {
				t.Errorf("%+v: %d levels off after the round trip", s, d)
			}
		}
	}
}

// A large image, whose rows several goroutines share, is converted as by one.
func TestLargeImage(t *testing.T) {
	const w, h = 1301, 907
	colors := noise(w, h)
	photo := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	copy(photo.Y, colors.Pix)
	copy(photo.Cb, colors.Pix[100:])
	copy(photo.Cr, colors.Pix[200:])
	for _, img := range []image.Image{colors, photo} {
		s := Spec{NCHW, Byte, 3, false}
		values := make([]float32, s.Len(w, h))
		if err := s.Put(values, img); err != nil {
			t.Fatal(err)
		}
		out, err := s.Picture(values, w, h)
		if err != nil {
			t.Fatal(err)
		}
		row, convert := make([]byte, 4*w), rowConverter(img)
		for y := range h {
			convert(row, y)
			for i, v := range row {
				got := out.Pix[y*out.Stride+i]
				if i%4 < 3 && (got != v || values[i%4*w*h+y*w+i/4] != float32(v)) {
					t.Fatalf("%T, row %d, value %d: %d, want %d", img, y, i, got, v)
				}
			}
		}
	}
}

func TestPictureRoundsAndClamps(t *testing.T) {
	s := Spec{Range: Byte, Channels: 1}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	in := []float32{-3, -0.4, 0.49, 0.5, 1.5, 254.49, 254.5, 255.2, 900, nan, inf, -inf}
	want := []uint8{0, 0, 0, 1, 2, 254, 255, 255, 255, 0, 255, 0}
	m, err := s.Picture(in, len(in), 1)
	if err != nil {
		t.Fatal(err)
	}
	for x, l := range want {
		if got := m.NRGBAAt(x, 0); got != (color.NRGBA{l, l, l, 255}) {
			t.Errorf("%g became %v, want %d", in[x], got, l)
		}
	}
}

func TestPutAcceptsAnyImage(t *testing.T) {
	s := Spec{Layout: NHWC, Range: Unit, Channels: 3}
	src := noise(9, 7)
	want := make([]float32, s.Len(4, 3))
	part := src.SubImage(image.Rect(2, 3, 6, 6)).(*image.NRGBA)
	if err := s.Put(want, toNRGBA(part)); err != nil {
		t.Fatal(err)
	}
	got := make([]float32, len(want))
	if err := s.Put(got, part); err != nil {
		t.Fatal(err)
	}
	// A type without a row converter of its own.
	other := make([]float32, len(want))
	if err := s.Put(other, struct{ image.Image }{part}); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if got[i] != want[i] || other[i] != want[i] {
			t.Fatalf("value %d: %g and %g, want %g", i, got[i], other[i], want[i])
		}
	}
}

func TestSpecErrors(t *testing.T) {
	m := noise(4, 4)
	for _, c := range []struct {
		spec Spec
		n    int
		want string
	}{
		{Spec{Range: Unit, Channels: 2}, 32, "2 channels"},
		{Spec{Range: Unit, Channels: 3, Layout: 7}, 48, "Layout(7)"},
		{Spec{Channels: 3}, 48, "range 0..0"},
		{Spec{Range: Range{0, float32(math.Inf(1))}, Channels: 3}, 48, "range"},
		{Spec{Range: Unit, Channels: 3}, 47, "47 values"},
		{Spec{Range: Unit, Channels: 3}, 49, "49 values"},
		{Spec{Range: Unit, Channels: 3}, 0, "0 values"},
	} {
		if err := c.spec.Put(make([]float32, c.n), m); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Put with %+v: %v, want %q", c.spec, err, c.want)
		}
		if _, err := c.spec.Picture(make([]float32, c.n), 4, 4); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Picture with %+v: %v, want %q", c.spec, err, c.want)
		}
	}
	s := Spec{Range: Unit, Channels: 1}
	for _, size := range [][2]int{{0, 4}, {-1, -4}, {1 << 33, 1 << 33}} {
		if _, err := s.Picture(make([]float32, 4), size[0], size[1]); err == nil {
			t.Errorf("size %v was accepted", size)
		}
	}
}

func TestLumaAgreesWithPIL(t *testing.T) {
	m, want := load(t, "texture.png").Image, load(t, "texture_luma.png").Image
	for i := 0; i < len(m.Pix); i += 4 {
		if got := Luma(m.Pix[i], m.Pix[i+1], m.Pix[i+2]); got != want.Pix[i] {
			t.Fatalf("pixel %d: %d, want %d as in PIL", i/4, got, want.Pix[i])
		}
	}
}

func BenchmarkPut(b *testing.B) {
	m := noise(256, 256)
	for _, s := range []Spec{{NCHW, Symmetric, 3, false}, {NHWC, Symmetric, 3, false}, {NCHW, Symmetric, 1, false}} {
		b.Run(fmt.Sprintf("%v%d", s.Layout, s.Channels), func(b *testing.B) {
			dst := make([]float32, s.Len(256, 256))
			b.SetBytes(int64(4 * len(dst)))
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Put(dst, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPicture(b *testing.B) {
	for _, s := range []Spec{{NCHW, Symmetric, 3, false}, {NHWC, Symmetric, 3, false}} {
		b.Run(s.Layout.String(), func(b *testing.B) {
			src := make([]float32, s.Len(256, 256))
			if err := s.Put(src, noise(256, 256)); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(4 * len(src)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Picture(src, 256, 256); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Drawing a part of a tensor equals cropping the whole image.
func TestDraw(t *testing.T) {
	const w, h = 7, 5
	for _, s := range []Spec{
		{Range: Symmetric, Channels: 3},
		{Range: Byte, Channels: 3, Layout: NHWC, BGR: true},
		{Range: Symmetric, Channels: 3, BGR: true},
		{Range: Byte, Channels: 1},
	} {
		src := make([]float32, s.Len(w, h))
		for i := range src {
			src[i] = s.Range.Lo + (s.Range.Hi-s.Range.Lo)*float32(i*37%101)/100
		}
		whole, err := s.Picture(src, w, h)
		if err != nil {
			t.Fatal(err)
		}
		dst := image.NewNRGBA(image.Rect(10, 20, 20, 30))
		r, sp := image.Rect(12, 21, 16, 24), image.Pt(3, 2)
		if err := s.Draw(dst, r, src, w, h, sp); err != nil {
			t.Fatal(err)
		}
		for y := dst.Rect.Min.Y; y < dst.Rect.Max.Y; y++ {
			for x := dst.Rect.Min.X; x < dst.Rect.Max.X; x++ {
				want := color.NRGBA{}
				if p := image.Pt(x, y); p.In(r) {
					p = p.Sub(r.Min).Add(sp)
					want = whole.NRGBAAt(p.X, p.Y)
				}
				if got := dst.NRGBAAt(x, y); got != want {
					t.Fatalf("%+v at %d,%d: %v, want %v", s, x, y, got, want)
				}
			}
		}
		for _, bad := range []error{
			s.Draw(dst, r, src, w, h, image.Pt(4, 2)), // beyond the tensor
			s.Draw(dst, r.Add(image.Pt(5, 0)), src, w, h, sp),
			s.Draw(dst, r, src[1:], w, h, sp),
		} {
			if bad == nil {
				t.Error("accepted")
			}
		}
	}
}
