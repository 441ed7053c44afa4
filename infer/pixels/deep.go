package pixels

import (
	"image"
	"image/color"

	"github.com/disintegration/imaging"
)

// Deep reports whether an image has 16 bits per sample.
func Deep(img image.Image) bool {
	switch img.ColorModel() {
	case color.Gray16Model, color.NRGBA64Model, color.RGBA64Model:
		return true
	}
	return false
}

// KeepsDeep reports whether a format ("png", "tiff", ...) can store 16 bits per sample.
func KeepsDeep(format string) bool {
	f, err := writer(format)
	return err == nil && (f == imaging.PNG || f == imaging.TIFF)
}

// Rows returns a function that writes row y of img to dst as red, green, blue and alpha, from 0 to 65535
// and not multiplied by alpha. The function may keep scratch memory, so each goroutine needs its own.
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
	if m, ok := img.(*image.NRGBA64); ok {
		return func(dst []uint16, y int) {
			row := m.Pix[m.PixOffset(b.Min.X, y):]
			for i := range dst {
				dst[i] = uint16(row[2*i])<<8 | uint16(row[2*i+1])
			}
		}
	}
	at := func(x, y int) color.NRGBA64 { return color.NRGBA64Model.Convert(img.At(x, y)).(color.NRGBA64) }
	if m, ok := img.(*image.RGBA64); ok && m.Opaque() {
		at = func(x, y int) color.NRGBA64 { return color.NRGBA64(m.RGBA64At(x, y)) } // without allocations
	}
	return func(dst []uint16, y int) {
		for x := range b.Dx() {
			c := at(b.Min.X+x, y)
			dst[4*x], dst[4*x+1], dst[4*x+2], dst[4*x+3] = c.R, c.G, c.B, c.A
		}
	}
}

// Luma16 returns what [Luma] returns for samples of 16 bits.
func Luma16(r, g, b uint16) uint16 {
	return uint16((uint32(r)*19595 + uint32(g)*38470 + uint32(b)*7471 + 1<<15) >> 16)
}
