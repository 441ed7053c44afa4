package pixels

import (
	"image"
	"image/color"
	"image/draw"
	"slices"
	"testing"
)

func TestRows(t *testing.T) {
	r := image.Rect(3, 5, 20, 16)
	from := image.NewNRGBA64(r)
	for i := range from.Pix {
		from.Pix[i] = uint8(i * 73)
		if i%8 >= 6 {
			from.Pix[i] = 255
		}
	}
	from.SetNRGBA64(7, 9, color.NRGBA64{R: 1000, G: 40000, B: 3, A: 30000})
	eight := image.NewNRGBA(r)
	draw.Draw(eight, r, from, r.Min, draw.Src)
	drawn := func(dst draw.Image) image.Image {
		draw.Draw(dst, r, eight, r.Min, draw.Src)
		return dst
	}
	for _, c := range []struct {
		img  image.Image
		deep bool
	}{
		{from, true}, {from.SubImage(image.Rect(6, 8, 12, 11)), true}, {drawn(image.NewRGBA64(r)), true}, {drawn(image.NewGray16(r)), true},
		{eight, false}, {eight.SubImage(image.Rect(6, 8, 12, 11)), false}, {drawn(image.NewRGBA(r)), false}, {drawn(image.NewGray(r)), false},
		{struct{ image.Image }{from}, true}, {struct{ image.Image }{eight}, false},
	} {
		if Deep(c.img) != c.deep {
			t.Errorf("%T: deep is %v", c.img, !c.deep)
		}
		b := c.img.Bounds()
		row, bytes := make([]uint16, 4*b.Dx()), make([]byte, 4*b.Dx())
		read, convert := Rows(c.img), rowConverter(c.img)
		for y := b.Min.Y; y < b.Max.Y; y++ {
			read(row, y)
			convert(bytes, y)
			for x := range b.Dx() {
				got := row[4*x : 4*x+4]
				p := color.NRGBA64Model.Convert(c.img.At(b.Min.X+x, y)).(color.NRGBA64)
				// Package image truncates where it divides by alpha.
				near := func(a, b uint16) int { return max(int(a)-int(b)-1, int(b)-int(a), 0) }
				if want := []uint16{p.R, p.G, p.B, p.A}; c.deep && slices.CompareFunc(got, want, near) != 0 {
					t.Fatalf("%T at %d,%d: %v, want %v", c.img, b.Min.X+x, y, got, want)
				}
				for k, v := range got {
					if !c.deep && v != 257*uint16(bytes[4*x+k]) {
						t.Fatalf("%T at %d,%d: %v, want 257 times %v", c.img, b.Min.X+x, y, got, bytes[4*x:4*x+4])
					}
				}
			}
		}
	}
}

// Luma of 16 bits rounds to the luma of 8.
func TestLuma16(t *testing.T) {
	for i := range 1 << 18 {
		r, g, b := uint8(i*7), uint8(i>>4), uint8(i>>10)
		if got, want := round16(uint32(Luma16(257*uint16(r), 257*uint16(g), 257*uint16(b)))), Luma(r, g, b); got != want {
			t.Fatalf("%d,%d,%d: %d, want %d", r, g, b, got, want)
		}
	}
}
