package pixels

import (
	"image"
	"image/color"
)

// toNRGBA copies a decoded picture into 8-bit straight-alpha RGBA that starts
// at the origin. Sixteen-bit samples are rounded to the nearest level.
func toNRGBA(img image.Image) *image.NRGBA {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if m, ok := img.(*image.NRGBA); ok && b.Min == (image.Point{}) && m.Stride == 4*w {
		return m
	}
	dst := image.NewNRGBA(image.Rect(0, 0, w, h))
	convert := rowConverter(img)
	for y := range h {
		convert(dst.Pix[y*dst.Stride:(y+1)*dst.Stride], b.Min.Y+y)
	}
	return dst
}

// rowConverter returns a function that writes row y of img as RGBA bytes. The
// function may keep scratch memory, so each goroutine needs its own.
func rowConverter(img image.Image) func(dst []byte, y int) {
	b := img.Bounds()
	w := b.Dx()
	switch m := img.(type) {
	case *image.NRGBA:
		return func(dst []byte, y int) {
			i := m.PixOffset(b.Min.X, y)
			copy(dst[:4*w], m.Pix[i:i+4*w])
		}
	case *image.YCbCr:
		return ycbcrConverter(m, color.YCbCrToRGB)
	case *image.NYCbCrA:
		return withAlpha(m, ycbcrConverter(&m.YCbCr, color.YCbCrToRGB))
	case studioRange:
		switch inner := m.Image.(type) {
		case *image.YCbCr:
			return ycbcrConverter(inner, studioToRGB)
		case *image.NYCbCrA:
			return withAlpha(inner, ycbcrConverter(&inner.YCbCr, studioToRGB))
		}
		return rowConverter(m.Image)
	case *image.Gray:
		return func(dst []byte, y int) {
			i := m.PixOffset(b.Min.X, y)
			for x, v := range m.Pix[i : i+w] {
				set(dst, x, v, v, v, 255)
			}
		}
	case *image.Gray16:
		return func(dst []byte, y int) {
			i := m.PixOffset(b.Min.X, y)
			for x := range w {
				v := to8(m.Pix[i+2*x:])
				set(dst, x, v, v, v, 255)
			}
		}
	case *image.RGBA:
		return func(dst []byte, y int) {
			i := m.PixOffset(b.Min.X, y)
			copy(dst[:4*w], m.Pix[i:i+4*w])
			for x := range w {
				p := dst[4*x : 4*x+4 : 4*x+4]
				if a := uint32(p[3]); a != 0 && a != 255 {
					p[0], p[1], p[2] = straight8(p[0], a), straight8(p[1], a), straight8(p[2], a)
				}
			}
		}
	case *image.NRGBA64:
		return func(dst []byte, y int) {
			i := m.PixOffset(b.Min.X, y)
			for x := range w {
				p := m.Pix[i+8*x : i+8*x+8]
				set(dst, x, to8(p), to8(p[2:]), to8(p[4:]), to8(p[6:]))
			}
		}
	case *image.CMYK:
		return func(dst []byte, y int) {
			i := m.PixOffset(b.Min.X, y)
			for x := range w {
				p := m.Pix[i+4*x : i+4*x+4]
				set(dst, x, ink(p[0], p[3]), ink(p[1], p[3]), ink(p[2], p[3]), 255)
			}
		}
	case *image.Paletted:
		table := paletteTable(m.Palette)
		return func(dst []byte, y int) {
			i := m.PixOffset(b.Min.X, y)
			for x, v := range m.Pix[i : i+w] {
				copy(dst[4*x:4*x+4], table[v][:])
			}
		}
	}
	return func(dst []byte, y int) {
		for x := range w {
			p := straight(img.At(b.Min.X+x, y))
			copy(dst[4*x:4*x+4], p[:])
		}
	}
}

func set(dst []byte, x int, r, g, b, a uint8) {
	p := dst[4*x : 4*x+4 : 4*x+4]
	p[0], p[1], p[2], p[3] = r, g, b, a
}

// to8 rounds a big-endian 16-bit sample to the nearest of 256 levels; 65535 is
// 255*257, so a level is 257 steps wide.
func to8(p []byte) uint8 { return round16(uint32(p[0])<<8 | uint32(p[1])) }

func round16(v uint32) uint8 { return uint8((v + 128) / 257) }

// straight8 undoes the multiplication by alpha; a corrupt sample above its
// alpha becomes full.
func straight8(v uint8, a uint32) uint8 {
	return uint8(min((uint32(v)*255+a/2)/a, 255))
}

// ink is what ink c and black k leave of white.
func ink(c, k uint8) uint8 {
	return uint8(((255-uint32(c))*(255-uint32(k)) + 127) / 255)
}

// straight gives any colour as 8-bit straight-alpha RGBA.
func straight(c color.Color) [4]byte {
	switch c := c.(type) {
	case color.NRGBA:
		return [4]byte{c.R, c.G, c.B, c.A}
	case color.NRGBA64:
		return [4]byte{round16(uint32(c.R)), round16(uint32(c.G)), round16(uint32(c.B)), round16(uint32(c.A))}
	}
	r, g, b, a := c.RGBA()
	if a == 0 {
		return [4]byte{}
	}
	un := func(v uint32) uint8 { return round16(min((v*0xffff+a/2)/a, 0xffff)) }
	return [4]byte{un(r), un(g), un(b), round16(a)}
}

// paletteTable covers all 256 indices: a damaged file may name colours that its
// palette lacks, and those are black.
func paletteTable(p color.Palette) *[256][4]byte {
	var t [256][4]byte
	for i := range t {
		t[i] = [4]byte{0, 0, 0, 255}
		if i < len(p) {
			t[i] = straight(p[i])
		}
	}
	return &t
}
