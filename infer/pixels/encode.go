package pixels

import (
	"cmp"
	"encoding/binary"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"io"
	"slices"
)

// encodeGIF writes an image with a palette of its own, dithered. GIF has no partial transparency:
// pixels that are less than half opaque become transparent.
func encodeGIF(w io.Writer, img *image.NRGBA) error {
	transparent := func(i int) bool { return img.Pix[i+3] < 128 }
	colors := 256
	for i := 0; i < len(img.Pix); i += 4 {
		if transparent(i) {
			colors = 255
			break
		}
	}
	dst := image.NewPaletted(img.Rect, palette(img, colors))
	draw.FloydSteinberg.Draw(dst, dst.Rect, Opaque(img), dst.Rect.Min)
	if colors == 255 {
		dst.Palette = append(dst.Palette, color.NRGBA{})
		for i := range dst.Pix {
			if transparent(4 * i) {
				dst.Pix[i] = uint8(len(dst.Palette) - 1)
			}
		}
	}
	return gif.Encode(w, dst, nil)
}

// bin is a cell of the color cube, with the pixels in it.
type bin struct {
	n   int
	sum [3]int
}

func (b *bin) level(c int) int { return b.sum[c] / b.n }

// palette picks at most n colors by median cut: it halves the box of bins with the largest product of
// pixels and length until there are n boxes.
func palette(img *image.NRGBA, n int) color.Palette {
	// Pixels are counted by 15 bits of color and averaged exactly within a bin.
	cube := make([]bin, 1<<15)
	for i := 0; i < len(img.Pix); i += 4 {
		p := img.Pix[i : i+4 : i+4]
		if p[3] < 128 {
			continue
		}
		b := &cube[int(p[0])>>3<<10|int(p[1])>>3<<5|int(p[2])>>3]
		b.n++
		for c := range b.sum {
			b.sum[c] += int(p[c])
		}
	}
	cube = slices.DeleteFunc(cube, func(b bin) bool { return b.n == 0 })
	if len(cube) == 0 { // fully transparent
		return color.Palette{color.NRGBA{A: 255}}
	}
	boxes := []box{newBox(cube)}
	for len(boxes) < n {
		i := 0
		for j := range boxes {
			if boxes[j].weight() > boxes[i].weight() {
				i = j
			}
		}
		if len(boxes[i].bins) < 2 {
			break
		}
		a, b := boxes[i].halves()
		boxes[i] = a
		boxes = append(boxes, b)
	}
	p := make(color.Palette, len(boxes))
	for i, b := range boxes {
		p[i] = b.mean()
	}
	return p
}

// box is a set of bins.
type box struct {
	bins   []bin
	n      int // pixels
	axis   int // the longest
	length int
}

func newBox(bins []bin) box {
	b := box{bins: bins}
	lo, hi := [3]int{255, 255, 255}, [3]int{}
	for i := range bins {
		b.n += bins[i].n
		for c := range 3 {
			lo[c], hi[c] = min(lo[c], bins[i].level(c)), max(hi[c], bins[i].level(c))
		}
	}
	for c := range 3 {
		if hi[c]-lo[c] > b.length {
			b.axis, b.length = c, hi[c]-lo[c]
		}
	}
	return b
}

// weight ranks boxes for halving. It is 0 if the box cannot be halved.
func (b box) weight() int {
	if len(b.bins) < 2 {
		return 0
	}
	return b.n * max(b.length, 1)
}

func (b box) halves() (box, box) {
	slices.SortFunc(b.bins, func(x, y bin) int { return cmp.Compare(x.level(b.axis), y.level(b.axis)) })
	cut, below := 1, b.bins[0].n
	for cut < len(b.bins)-1 && below < b.n/2 {
		below += b.bins[cut].n
		cut++
	}
	return newBox(b.bins[:cut]), newBox(b.bins[cut:])
}

func (b box) mean() color.Color {
	var sum [3]int
	for i := range b.bins {
		for c := range sum {
			sum[c] += b.bins[i].sum[c]
		}
	}
	return color.NRGBA{uint8((sum[0] + b.n/2) / b.n), uint8((sum[1] + b.n/2) / b.n), uint8((sum[2] + b.n/2) / b.n), 255}
}

// encodeBMP writes an image with alpha, with a version 4 header, whose masks locate the alpha. The
// library's encoder only writes the oldest header, whose fourth byte no program reads as alpha.
func encodeBMP(w io.Writer, img *image.NRGBA) error {
	const (
		fileHeader = 14
		v4Header   = 108
		bitFields  = 3
	)
	width, height := img.Rect.Dx(), img.Rect.Dy()
	size := 4 * width * height
	le := binary.LittleEndian
	b := []byte("BM")
	b = le.AppendUint32(b, uint32(fileHeader+v4Header+size))
	b = le.AppendUint32(b, 0)
	b = le.AppendUint32(b, fileHeader+v4Header)
	b = le.AppendUint32(b, v4Header)
	b = le.AppendUint32(b, uint32(width))
	b = le.AppendUint32(b, uint32(height))
	b = le.AppendUint16(b, 1) // plane
	b = le.AppendUint16(b, 32)
	b = le.AppendUint32(b, bitFields)
	b = le.AppendUint32(b, uint32(size))
	b = append(b, make([]byte, 16)...) // resolution, palette
	for _, mask := range []uint32{0xff0000, 0xff00, 0xff, 0xff000000} {
		b = le.AppendUint32(b, mask)
	}
	b = append(b, "BGRs"...) // sRGB, reversed
	b = append(b, make([]byte, fileHeader+v4Header-len(b))...)
	if _, err := w.Write(b); err != nil {
		return err
	}
	row := make([]byte, 4*width)
	for y := height - 1; y >= 0; y-- {
		for i, p := 0, img.Pix[y*img.Stride:]; i < len(row); i += 4 {
			row[i], row[i+1], row[i+2], row[i+3] = p[i+2], p[i+1], p[i], p[i+3]
		}
		if _, err := w.Write(row); err != nil {
			return err
		}
	}
	return nil
}
