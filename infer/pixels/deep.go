package pixels

import (
	"image"
	"image/color"

	"golang.org/x/image/draw"
)

// Deep reports whether an image has 16 bits per sample.
func Deep(img image.Image) bool { return deepModel(img.ColorModel()) }

func deepModel(m color.Model) bool {
	return m == color.Gray16Model || m == color.NRGBA64Model || m == color.RGBA64Model
}

// KeepsDeep reports whether a format ("png", "tiff", ...) can store 16 bits per sample.
func KeepsDeep(format string) bool {
	f, err := writer(format)
	return err == nil && (f == "png" || f == "tiff")
}

// NewDeep returns an empty 16-bit image with the bounds r: an *image.Gray16 if like is one, and
// otherwise an *image.NRGBA64.
func NewDeep(r image.Rectangle, like image.Image) draw.Image {
	if like.ColorModel() == color.Gray16Model {
		return image.NewGray16(r)
	}
	return image.NewNRGBA64(r)
}

// Rows returns a function that writes row y of img to dst as red, green, blue and alpha, from 0 to
// 65535 and not multiplied by alpha. The function may keep scratch memory, so each goroutine needs
// its own.
func Rows(img image.Image) func(dst []uint16, y int) {
	b := img.Bounds()
	if !Deep(img) {
		convert := rowConverter(img)
		row := make([]byte, 4*b.Dx())
		return func(dst []uint16, y int) {
			convert(row, y)
			for i, v := range row {
				dst[i] = 257 * uint16(v)
			}
		}
	}
	switch m := img.(type) {
	case *image.NRGBA64:
		return func(dst []uint16, y int) {
			row := m.Pix[m.PixOffset(b.Min.X, y):]
			for i := range dst {
				dst[i] = uint16(row[2*i])<<8 | uint16(row[2*i+1])
			}
		}
	case *image.Gray16:
		return func(dst []uint16, y int) {
			row := m.Pix[m.PixOffset(b.Min.X, y):]
			for x := range b.Dx() {
				v := uint16(row[2*x])<<8 | uint16(row[2*x+1])
				dst[4*x], dst[4*x+1], dst[4*x+2], dst[4*x+3] = v, v, v, deepest
			}
		}
	}
	at := func(x, y int) color.NRGBA64 { return straight16(img.At(x, y)) }
	if m, ok := img.(*image.RGBA64); ok { // without allocations
		at = func(x, y int) color.NRGBA64 {
			c := m.RGBA64At(x, y)
			return divided(uint32(c.R), uint32(c.G), uint32(c.B), uint32(c.A))
		}
	}
	return func(dst []uint16, y int) {
		for x := range b.Dx() {
			c := at(b.Min.X+x, y)
			dst[4*x], dst[4*x+1], dst[4*x+2], dst[4*x+3] = c.R, c.G, c.B, c.A
		}
	}
}

// straight16 converts any color to 16-bit straight-alpha RGBA.
func straight16(c color.Color) color.NRGBA64 {
	if c, ok := c.(color.NRGBA64); ok {
		return c
	}
	return divided(c.RGBA())
}

// divided divides by alpha. A corrupt sample above its alpha becomes 65535.
func divided(r, g, b, a uint32) color.NRGBA64 {
	if a == 0 {
		return color.NRGBA64{}
	}
	un := func(v uint32) uint16 { return uint16(min((v*deepest+a/2)/a, deepest)) }
	return color.NRGBA64{R: un(r), G: un(g), B: un(b), A: uint16(a)}
}

// storeDeep writes samples in the order of bytes that images have.
func storeDeep(pix []byte, samples []uint16) {
	for i, v := range samples {
		pix[2*i], pix[2*i+1] = uint8(v>>8), uint8(v)
	}
}

// Luma16 returns what [Luma] returns for samples of 16 bits.
func Luma16(r, g, b uint16) uint16 { return luma(r, g, b) }

// Colors returns the image without alpha, with its bits per sample.
func Colors(img image.Image) image.Image {
	if !Deep(img) {
		return Opaque(img)
	}
	if m, ok := img.(interface{ Opaque() bool }); ok && m.Opaque() {
		return img
	}
	b := img.Bounds()
	dst := image.NewNRGBA64(b)
	read, row := Rows(img), make([]uint16, 4*b.Dx())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		read(row, y)
		for i := 3; i < len(row); i += 4 {
			row[i] = deepest
		}
		storeDeep(dst.Pix[dst.PixOffset(b.Min.X, y):], row)
	}
	return dst
}

// Shallow rounds an image to 8 bits per sample. A gray image of type *image.Gray16 stays gray.
func Shallow(img image.Image) image.Image {
	m := toNRGBA(img)
	if img.ColorModel() != color.Gray16Model {
		return m
	}
	return Gray(m)
}

// Gray returns the red of an *image.NRGBA as an *image.Gray, and that of an *image.NRGBA64 as an
// *image.Gray16. Images with alpha are returned as they are, because package image has no gray type
// with alpha.
func Gray(img image.Image) image.Image {
	b := img.Bounds()
	switch m := img.(type) {
	case *image.NRGBA:
		if m.Opaque() {
			out := image.NewGray(b)
			for y := range b.Dy() {
				from := m.Pix[y*m.Stride:]
				for x := range b.Dx() {
					out.Pix[y*out.Stride+x] = from[4*x]
				}
			}
			return out
		}
	case *image.NRGBA64:
		if m.Opaque() {
			out := image.NewGray16(b)
			for y := range b.Dy() {
				from, to := m.Pix[y*m.Stride:], out.Pix[y*out.Stride:]
				for x := range b.Dx() {
					to[2*x], to[2*x+1] = from[8*x], from[8*x+1]
				}
			}
			return out
		}
	}
	return img
}

// Scale is [Resize] for images of any kind. It keeps 16 bits per sample, and the types *image.Gray
// and *image.Gray16.
func Scale(img image.Image, w, h int) image.Image {
	if !Deep(img) {
		m := Resize(toNRGBA(img), w, h)
		if _, gray := img.(*image.Gray); gray {
			return Gray(m)
		}
		return m
	}
	size := img.Bounds().Size()
	if w < 1 || h < 1 || size.X < 1 || size.Y < 1 {
		return &image.NRGBA{}
	}
	if size == image.Pt(w, h) {
		return img
	}
	dst := NewDeep(image.Rect(0, 0, w, h), img)
	draw.CatmullRom.Scale(dst, dst.Bounds(), img, img.Bounds(), draw.Src, nil)
	return dst
}

// upright turns an image with 16 bits per sample by an EXIF orientation, 1 to 8.
func upright(img image.Image, orientation int) image.Image {
	if orientation <= 1 {
		return img
	}
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if orientation >= 5 {
		w, h = h, w
	}
	dst := NewDeep(image.Rect(0, 0, w, h), img)
	for y := range h {
		for x := range w {
			sx, sy := x, y
			if orientation >= 5 {
				sx, sy = y, x
			}
			switch orientation {
			case 2, 3, 7, 8:
				sx = b.Dx() - 1 - sx
			}
			switch orientation {
			case 3, 4, 6, 7:
				sy = b.Dy() - 1 - sy
			}
			dst.Set(x, y, img.At(b.Min.X+sx, b.Min.Y+sy))
		}
	}
	return dst
}
