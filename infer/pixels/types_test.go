package pixels

import (
	"image"
	"image/color"
	"io"
	"math"
	"testing"
)

// anImage makes an image of one of the types of package image, or of an unknown one, with the given
// bounds. The samples are cut short by missing bytes, and a palette has the given length.
func anImage(kind, ratio uint8, r image.Rectangle, missing, colors uint8) image.Image {
	most := r.Canon()
	if sane := image.Rect(-1000, -1000, 1000, 1000); most.Empty() || !most.In(sane) || most.Dx() > 64 || most.Dy() > 64 {
		most = image.Rect(0, 0, 64, 64)
	}
	pix := func(p []uint8) []uint8 {
		for i := range p {
			p[i] = uint8(i * 37)
		}
		return p[:max(0, len(p)-int(missing))]
	}
	ycbcr := func() image.YCbCr {
		m := image.NewYCbCr(most, image.YCbCrSubsampleRatio(ratio%7))
		return image.YCbCr{Y: pix(m.Y), Cb: pix(m.Cb), Cr: pix(m.Cr), YStride: m.YStride, CStride: m.CStride, SubsampleRatio: m.SubsampleRatio, Rect: r}
	}
	w := most.Dx()
	flat := func(n int) []uint8 { return pix(make([]uint8, n*w*most.Dy())) }
	switch kind % 16 {
	case 0:
		return &image.NRGBA{Pix: flat(4), Stride: 4 * w, Rect: r}
	case 1:
		return &image.RGBA{Pix: flat(4), Stride: 4 * w, Rect: r}
	case 2:
		return &image.NRGBA64{Pix: flat(8), Stride: 8 * w, Rect: r}
	case 3:
		return &image.RGBA64{Pix: flat(8), Stride: 8 * w, Rect: r}
	case 4:
		return &image.Gray{Pix: flat(1), Stride: w, Rect: r}
	case 5:
		return &image.Gray16{Pix: flat(2), Stride: 2 * w, Rect: r}
	case 6:
		return &image.Alpha{Pix: flat(1), Stride: w, Rect: r}
	case 7:
		return &image.Alpha16{Pix: flat(2), Stride: 2 * w, Rect: r}
	case 8:
		return &image.CMYK{Pix: flat(4), Stride: 4 * w, Rect: r}
	case 9:
		p := make(color.Palette, colors) // of nil colors without the next line
		for i := range len(p) - int(ratio)%2 {
			p[i] = color.NRGBA{uint8(i), 1, 2, uint8(3 * i)}
		}
		return &image.Paletted{Pix: flat(1), Stride: w, Rect: r, Palette: p}
	case 10:
		m := ycbcr()
		return &m
	case 11:
		return &image.NYCbCrA{YCbCr: ycbcr(), A: flat(1), AStride: w}
	case 12:
		return image.NewUniform(color.RGBA{1, 2, 3, 100})
	case 13:
		return r // a Rectangle is an image, opaque inside
	case 14:
		return (*image.Gray)(nil)
	}
	return nil
}

// Every image that is valid converts to what its colors are, wherever its bounds are, and every
// other one is an error.
func FuzzImageTypes(f *testing.F) {
	for kind := range uint8(16) {
		for ratio := range uint8(7) {
			for _, at := range [][2]int{{0, 0}, {3, 5}, {-3, -5}, {-1, 2}} {
				f.Add(kind, ratio, at[0], at[1], 5, 7, uint8(0), uint8(200))
			}
			f.Add(kind, ratio, 1, 1, 1, 1, uint8(0), uint8(3)) // a palette that lacks the indices
			f.Add(kind, ratio, 0, 0, 5, 7, uint8(1), uint8(9))
			f.Add(kind, ratio, 3, 0, -5, 7, uint8(0), uint8(9))
			f.Add(kind, ratio, math.MinInt, math.MinInt, math.MaxInt, math.MaxInt, uint8(0), uint8(9))
			f.Add(kind, ratio, math.MaxInt-1, 0, 9, 9, uint8(0), uint8(9))
		}
	}
	f.Fuzz(func(t *testing.T, kind, ratio uint8, x, y, w, h int, missing, colors uint8) {
		img := anImage(kind, ratio, image.Rectangle{image.Pt(x, y), image.Pt(x+w, y+h)}, missing, colors)
		valid := Valid(img)
		if valid == nil && missing == 0 && (kind%16 == 12 || kind%16 >= 14) {
			t.Fatalf("%T is valid", img)
		}
		small := valid == nil && img.Bounds().Dx() < 1<<10 && img.Bounds().Dy() < 1<<10
		size := image.Pt(3, 3)
		if small {
			size = img.Bounds().Size()
		}
		spec := Spec{NHWC, Byte, 3, false}
		values := make([]float32, spec.Len(size.X, size.Y))
		if err := spec.Put(values, img); (err == nil) != small {
			t.Fatalf("%T of %v: put: %v, valid: %v", img, size, err, valid)
		}
		if valid != nil {
			if err := Encode(io.Discard, img, SaveOptions{Format: "png"}); err == nil {
				t.Fatalf("encoded %T", img)
			}
		}
		if !small || size.X*size.Y > 1<<12 {
			return
		}
		got, b := Opaque(img), img.Bounds()
		deep, row := Rows(img), make([]uint16, 4*size.X)
		_, chroma := img.(*image.YCbCr)
		_, chromaAlpha := img.(*image.NYCbCrA)
		palette, _ := img.(*image.Paletted)
		for j := range size.Y {
			deep(row, b.Min.Y+j)
			for i := range size.X {
				if palette != nil && int(palette.ColorIndexAt(b.Min.X+i, b.Min.Y+j)) >= len(palette.Palette) {
					continue
				}
				for c := range 3 {
					level, value := got.Pix[got.PixOffset(i, j)+c], values[(j*size.X+i)*3+c]
					if Deep(img) { // a tensor has the fraction too
						value = float32(math.Round(float64(value)))
					}
					if float32(level) != value {
						t.Fatalf("%T at %d,%d: %d, as a tensor %v", img, i, j, level, value)
					}
				}
				want := color.NRGBA64Model.Convert(img.At(b.Min.X+i, b.Min.Y+j)).(color.NRGBA64)
				if d := int(row[4*i+3]) - int(want.A); d > 128 || d < -128 {
					t.Fatalf("%T at %d,%d: alpha %d, want %d", img, i, j, row[4*i+3], want.A)
				}
				if d := int(row[4*i+1]) - int(want.G); want.A > 0xff00 && !(chroma || chromaAlpha) && (d > 257 || d < -257) {
					t.Fatalf("%T at %d,%d: green %d, want %d", img, i, j, row[4*i+1], want.G)
				}
			}
		}
	})
}
