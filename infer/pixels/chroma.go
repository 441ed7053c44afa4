package pixels

import "image"

// studioRange marks a decoded VP8 frame. WebP stores brightness as 16 to 235
// (ITU-R 601), while image.YCbCr means JPEG's 0 to 255; taken for that, every
// lossy WebP picture would come out pale.
type studioRange struct{ image.Image }

// studioToRGB is the ITU-R 601 conversion in 16-bit fixed point.
func studioToRGB(y, cb, cr uint8) (r, g, b uint8) {
	l := 76309*(int32(y)-16) + 1<<15
	u, v := int32(cb)-128, int32(cr)-128
	return clamp16(l + 104597*v), clamp16(l - 25675*u - 53279*v), clamp16(l + 132201*u)
}

func clamp16(v int32) uint8 { return uint8(max(0, min(v>>16, 255))) }

func withAlpha(m *image.NYCbCrA, convert func([]byte, int)) func([]byte, int) {
	return func(dst []byte, y int) {
		convert(dst, y)
		i := m.AOffset(m.Rect.Min.X, y)
		for x, a := range m.A[i : i+m.Rect.Dx()] {
			dst[4*x+3] = a
		}
	}
}

// ycbcrConverter is a row converter that interpolates chroma of half the
// resolution by the triangle filter of libjpeg and libwebp. Repeating samples
// instead, as image.YCbCr.At does, leaves blocks of 2x2 at coloured edges and
// differs by ten levels and more from what PyTorch's loaders give.
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
	up := chromaRow{start: b.Min.X - b.Min.X>>shift<<shift, shift: shift}
	cb, cr := make([]uint8, w), make([]uint8, w)
	return func(dst []byte, y int) {
		near := m.COffset(b.Min.X, y)
		far := near
		if halfHeight {
			// The other chroma row is the one on this pixel row's side.
			other := y - 1 + 2*(y&1)
			far = m.COffset(b.Min.X, min(max(other, b.Min.Y), b.Max.Y-1))
		}
		up.fill(cb, m.Cb[near:near+columns], m.Cb[far:far+columns])
		up.fill(cr, m.Cr[near:near+columns], m.Cr[far:far+columns])
		yi := m.YOffset(b.Min.X, y)
		for x, l := range m.Y[yi : yi+w] {
			p := dst[4*x : 4*x+4 : 4*x+4]
			p[0], p[1], p[2] = toRGB(l, cb[x], cr[x])
			p[3] = 255
		}
	}
}

// chromaRow brings a row of chroma samples to the width of the picture.
type chromaRow struct {
	start int // place of the first pixel within its chroma sample
	shift int
}

// fill blends 3 parts of the near row with 1 part of the far one, then does the
// same from column to column. The ends repeat.
func (c chromaRow) fill(dst, near, far []uint8) {
	last := len(near) - 1
	if c.shift == 2 {
		for x := range dst {
			dst[x] = near[(x+c.start)>>2]
		}
		return
	}
	if c.shift == 0 {
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
		x := 2*i - c.start
		if x >= 0 {
			dst[x] = uint8((3*here + before + 8) >> 4)
		}
		if x+1 < len(dst) {
			dst[x+1] = uint8((3*here + after + 7) >> 4)
		}
		before, here = here, after
	}
}
