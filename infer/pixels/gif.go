package pixels

import (
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"io"
	"slices"
)

// encodeGIF writes a picture with a palette of its own, dithered. GIF knows no
// half-transparency: what is less than half opaque becomes transparent.
func encodeGIF(w io.Writer, img *image.NRGBA) error {
	transparent := func(i int) bool { return img.Pix[i+3] < 128 }
	colours := 256
	for i := 0; i < len(img.Pix); i += 4 {
		if transparent(i) {
			colours = 255
			break
		}
	}
	dst := image.NewPaletted(img.Rect, palette(img, colours))
	draw.FloydSteinberg.Draw(dst, dst.Rect, Opaque(img), dst.Rect.Min)
	if colours == 255 {
		dst.Palette = append(dst.Palette, color.NRGBA{})
		for i := range dst.Pix {
			if transparent(4 * i) {
				dst.Pix[i] = uint8(len(dst.Palette) - 1)
			}
		}
	}
	// A palette of 256 is written as it is, without another quantization.
	return gif.Encode(w, dst, nil)
}

// bin is a cell of the colour cube, with the pixels in it.
type bin struct {
	n   int
	sum [3]int
}

func (b *bin) level(c int) int { return b.sum[c] / b.n }

// palette picks at most n colours by median cut: the box of bins with most
// pixels times length is halved, by pixels, until there are n boxes.
func palette(img *image.NRGBA, n int) color.Palette {
	// 15 bits of colour are counted, and averaged exactly within.
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
	if len(cube) == 0 { // all is transparent
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
	axis   int // along which it is longest
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

// weight is what halving the box is worth; 0 where it cannot be halved.
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
