package pixels

import (
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
	colors := 256
	if !img.Opaque() {
		colors = 255
	}
	p := palette(img, colors)
	dst := image.NewPaletted(img.Rect, p)
	draw.FloydSteinberg.Draw(dst, dst.Rect, Opaque(img), dst.Rect.Min)
	if colors == 255 {
		dst.Palette = append(p, color.NRGBA{})
		for i := range dst.Pix {
			if img.Pix[4*i+3] < 128 {
				dst.Pix[i] = uint8(len(p))
			}
		}
	}
	return gif.Encode(w, dst, nil)
}

// bin counts the pixels of a cell of the color cube and adds up their channels.
type bin struct {
	n   int
	sum [3]int
}

func (b bin) mean(channel int) int { return (b.sum[channel] + b.n/2) / b.n }

// palette picks at most n colors by median cut: it halves the box of bins with the largest product of
// pixels and length until there are n boxes.
func palette(img *image.NRGBA, n int) color.Palette {
	cube := make([]bin, 1<<15) // by 5 bits of each channel
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
			if boxes[j].weight > boxes[i].weight {
				i = j
			}
		}
		b := boxes[i]
		if b.weight == 0 {
			break
		}
		slices.SortFunc(b.bins, func(x, y bin) int { return x.mean(b.axis) - y.mean(b.axis) })
		cut, below := 1, b.bins[0].n
		for ; cut < len(b.bins)-1 && below < b.total.n/2; cut++ {
			below += b.bins[cut].n
		}
		boxes[i] = newBox(b.bins[:cut])
		boxes = append(boxes, newBox(b.bins[cut:]))
	}
	p := make(color.Palette, len(boxes))
	for i, b := range boxes {
		p[i] = color.NRGBA{uint8(b.total.mean(0)), uint8(b.total.mean(1)), uint8(b.total.mean(2)), 255}
	}
	return p
}

type box struct {
	bins   []bin
	total  bin
	axis   int // the longest
	weight int // 0 if the box cannot be halved
}

func newBox(bins []bin) box {
	b := box{bins: bins}
	length := 0
	for c := range 3 {
		lo, hi := 255, 0
		for _, x := range bins {
			lo, hi = min(lo, x.mean(c)), max(hi, x.mean(c))
			b.total.sum[c] += x.sum[c]
		}
		if hi-lo > length {
			b.axis, length = c, hi-lo
		}
	}
	for _, x := range bins {
		b.total.n += x.n
	}
	if len(bins) > 1 {
		b.weight = b.total.n * max(length, 1)
	}
	return b
}
