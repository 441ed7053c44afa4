package pixels

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"reflect"
	"slices"

	"github.com/disintegration/imaging"
)

// mostPixels is far above what any memory holds converted, and far below an overflow.
const mostPixels = 1<<31 - 1

// Valid returns an error unless the image has pixels, and as many as its bounds say. It knows the
// types of package image. The other functions of this package need valid images.
func Valid(img image.Image) error {
	if v := reflect.ValueOf(img); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return errors.New("the image is nil")
	}
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if b.Empty() {
		return fmt.Errorf("the image is empty: %v", b)
	}
	if w < 1 || h < 1 || w > mostPixels/h { // bounds may overflow
		return fmt.Errorf("the image is too large: %v", b)
	}
	whole := true
	// need notes whether pix holds n samples from each offset. The offsets are linear in y; with
	// the first rows in bounds, the last one has not overflowed.
	need := func(pix []uint8, n int, offset func(x, y int) int) {
		for _, row := range []int{0, 1, 2, h - 1} {
			at := offset(b.Min.X, b.Min.Y+min(row, h-1))
			whole = whole && at >= 0 && n <= len(pix) && at <= len(pix)-n
		}
	}
	ycbcr := func(m *image.YCbCr) {
		need(m.Y, w, m.YOffset)
		columns := m.COffset(b.Max.X-1, b.Min.Y) - m.COffset(b.Min.X, b.Min.Y) + 1
		need(m.Cb, columns, m.COffset)
		need(m.Cr, columns, m.COffset)
	}
	switch m := img.(type) {
	case *image.Alpha:
		need(m.Pix, w, m.PixOffset)
	case *image.Alpha16:
		need(m.Pix, 2*w, m.PixOffset)
	case *image.CMYK:
		need(m.Pix, 4*w, m.PixOffset)
	case *image.Gray:
		need(m.Pix, w, m.PixOffset)
	case *image.Gray16:
		need(m.Pix, 2*w, m.PixOffset)
	case *image.NRGBA:
		need(m.Pix, 4*w, m.PixOffset)
	case *image.NRGBA64:
		need(m.Pix, 8*w, m.PixOffset)
	case *image.RGBA:
		need(m.Pix, 4*w, m.PixOffset)
	case *image.RGBA64:
		need(m.Pix, 8*w, m.PixOffset)
	case *image.Paletted:
		need(m.Pix, w, m.PixOffset)
		if len(m.Palette) > 256 || slices.Contains(m.Palette, nil) {
			return fmt.Errorf("the palette of %d colors has a nil color, or more than 256", len(m.Palette))
		}
	case *image.YCbCr:
		ycbcr(m)
	case *image.NYCbCrA:
		ycbcr(&m.YCbCr)
		need(m.A, w, m.AOffset)
	}
	if !whole {
		return fmt.Errorf("the image lacks pixels: its bounds are %v", b)
	}
	return nil
}

// toNRGBA converts an image to 8-bit straight-alpha RGBA at the origin. 16-bit samples are rounded.
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

// rowConverter returns a function that writes row y of img as RGBA bytes. The function may keep
// scratch memory, so each goroutine needs its own.
func rowConverter(img image.Image) func(dst []byte, y int) {
	b := img.Bounds()
	w := b.Dx()
	toRGB := color.YCbCrToRGB
	if m, ok := img.(coded); ok {
		img, toRGB = m.Image, m.toRGB
	}
	if b.Min.X < 0 || b.Min.Y < 0 {
		// Left of and above the origin, image.YCbCr divides chroma in its own way.
		switch img.(type) {
		case *image.YCbCr, *image.NYCbCrA:
			return anyConverter(img)
		}
	}
	switch m := img.(type) {
	case *image.NRGBA:
		return func(dst []byte, y int) {
			i := m.PixOffset(b.Min.X, y)
			copy(dst[:4*w], m.Pix[i:i+4*w])
		}
	case *image.YCbCr:
		return ycbcrConverter(m, toRGB)
	case *image.NYCbCrA:
		convert := ycbcrConverter(&m.YCbCr, toRGB)
		return func(dst []byte, y int) {
			convert(dst, y)
			i := m.AOffset(b.Min.X, y)
			for x, a := range m.A[i : i+w] {
				dst[4*x+3] = a
			}
		}
	case *image.Gray:
		return func(dst []byte, y int) {
			i := m.PixOffset(b.Min.X, y)
			for x, v := range m.Pix[i : i+w] {
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
				r, g, b := color.CMYKToRGB(p[0], p[1], p[2], p[3])
				set(dst, x, r, g, b, 255)
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
	return anyConverter(img)
}

// anyConverter is a row converter for any type of image.
func anyConverter(img image.Image) func(dst []byte, y int) {
	b := img.Bounds()
	return func(dst []byte, y int) {
		for x := range b.Dx() {
			p := straight(img.At(b.Min.X+x, y))
			copy(dst[4*x:4*x+4], p[:])
		}
	}
}

func set(dst []byte, x int, r, g, b, a uint8) {
	p := dst[4*x : 4*x+4 : 4*x+4]
	p[0], p[1], p[2], p[3] = r, g, b, a
}

// to8 rounds a big-endian 16-bit sample to 8 bits. 65535 is 255*257, so a level is 257 steps wide.
func to8(p []byte) uint8 { return round16(uint32(p[0])<<8 | uint32(p[1])) }

func round16(v uint32) uint8 { return uint8((v + 128) / 257) }

// straight8 divides by alpha. A corrupt sample above its alpha becomes 255.
func straight8(v uint8, a uint32) uint8 {
	return uint8(min((uint32(v)*255+a/2)/a, 255))
}

// straight converts any color to 8-bit straight-alpha RGBA.
func straight(c color.Color) [4]byte {
	if c, ok := c.(color.NRGBA); ok {
		return [4]byte{c.R, c.G, c.B, c.A}
	}
	deep := straight16(c)
	return [4]byte{round16(uint32(deep.R)), round16(uint32(deep.G)), round16(uint32(deep.B)), round16(uint32(deep.A))}
}

// paletteTable covers all 256 indices: a damaged file may use colors that its palette lacks, which
// become black.
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

// coded is an image whose YCbCr colors mean others than those of JPEG, which image.YCbCr has. WebP
// stores brightness as 16 to 235, so every lossy image would be pale.
type coded struct {
	image.Image
	toRGB func(y, cb, cr uint8) (r, g, b uint8)
}

// studioToRGB is the ITU-R 601 conversion in 16-bit fixed point.
func studioToRGB(y, cb, cr uint8) (r, g, b uint8) {
	l := 76309*(int32(y)-16) + 1<<15
	u, v := int32(cb)-128, int32(cr)-128
	return clamp16(l + 104597*v), clamp16(l - 25675*u - 53279*v), clamp16(l + 132201*u)
}

func clamp16(v int32) uint8 { return uint8(max(0, min(v>>16, 255))) }

// ycbcrConverter is a row converter that interpolates half-resolution chroma by the triangle filter
// of libjpeg and libwebp. Repeating samples, as image.YCbCr.At does, leaves 2x2 blocks at colored
// edges and differs by ten levels and more from PyTorch's loaders.
func ycbcrConverter(m *image.YCbCr, toRGB func(y, cb, cr uint8) (uint8, uint8, uint8)) func(dst []byte, y int) {
	b, w := m.Rect, m.Rect.Dx()
	shift := 0 // log2 of the pixels of a row that share a chroma sample
	halfHeight := false
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		shift = 1
	case image.YCbCrSubsampleRatio420:
		shift, halfHeight = 1, true
	case image.YCbCrSubsampleRatio440:
		halfHeight = true
	case image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410:
		shift = 2
	}
	columns := (b.Max.X-1)>>shift - b.Min.X>>shift + 1
	start := b.Min.X - b.Min.X>>shift<<shift // position of the first pixel within its chroma sample
	cb, cr := make([]uint8, w), make([]uint8, w)
	return func(dst []byte, y int) {
		near := m.COffset(b.Min.X, y)
		far := near
		if halfHeight {
			// The other chroma row is on this pixel row's side.
			other := y - 1 + 2*(y&1)
			far = m.COffset(b.Min.X, min(max(other, b.Min.Y), b.Max.Y-1))
		}
		scaleChroma(cb, m.Cb[near:near+columns], m.Cb[far:far+columns], start, shift)
		scaleChroma(cr, m.Cr[near:near+columns], m.Cr[far:far+columns], start, shift)
		yi := m.YOffset(b.Min.X, y)
		for x, l := range m.Y[yi : yi+w] {
			red, green, blue := toRGB(l, cb[x], cr[x])
			set(dst, x, red, green, blue, 255)
		}
	}
}

// scaleChroma scales rows of chroma samples to the width of the image: it blends 3 parts of the
// near row with 1 part of the far one, then does the same between columns. The ends repeat.
func scaleChroma(dst, near, far []uint8, start, shift int) {
	last := len(near) - 1
	switch shift {
	case 2:
		for x := range dst {
			dst[x] = near[(x+start)>>2]
		}
		return
	case 0:
		for x := range dst {
			dst[x] = uint8((3*uint32(near[x]) + uint32(far[x]) + 2) >> 2)
		}
		return
	}
	column := func(i int) uint32 {
		i = min(max(i, 0), last)
		return 3*uint32(near[i]) + uint32(far[i])
	}
	before, here := column(0), column(0)
	for i := 0; i <= last; i++ {
		after := column(i + 1)
		x := 2*i - start
		if x >= 0 {
			dst[x] = uint8((3*here + before + 8) >> 4)
		}
		if x+1 < len(dst) {
			dst[x+1] = uint8((3*here + after + 7) >> 4)
		}
		before, here = here, after
	}
}

// Resize scales an image to w x h by bicubic interpolation with a = -0.5, widened when it shrinks
// against aliasing: PIL's BICUBIC, which the official training code uses. It returns an empty image
// if a side is below 1. Colors are weighted by alpha; call [Opaque] first to avoid that.
func Resize(img *image.NRGBA, w, h int) *image.NRGBA {
	if w < 1 || h < 1 || img.Rect.Empty() {
		return &image.NRGBA{}
	}
	if img.Rect.Dx() == w && img.Rect.Dy() == h {
		return img
	}
	return imaging.Resize(img, w, h, imaging.CatmullRom)
}

// Opaque converts an image to 8 bits and drops alpha but keeps the colors, as Put does. It returns
// img itself if nothing changes.
func Opaque(img image.Image) *image.NRGBA {
	m := toNRGBA(img)
	if m.Opaque() {
		return m
	}
	dst := imaging.Clone(m)
	for i := 3; i < len(dst.Pix); i += 4 {
		dst.Pix[i] = 255
	}
	return dst
}
