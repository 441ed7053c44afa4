package pixels

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"io"
	"maps"
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

// palette picks at most n colors: it drops bits of the channels, blue first, until the pixels fall into
// at most n cells, and takes the mean color of each cell. An image of few colors keeps them all.
func palette(img *image.NRGBA, n int) color.Palette {
	type cell struct{ n, r, g, b int }
	var cells map[[3]uint8]cell
	for shift := [3]int{}; ; {
		cells = map[[3]uint8]cell{}
		for i := 0; i < len(img.Pix) && len(cells) <= n; i += 4 {
			p := img.Pix[i : i+4 : i+4]
			if p[3] < 128 {
				continue
			}
			key := [3]uint8{p[0] >> shift[0], p[1] >> shift[1], p[2] >> shift[2]}
			c := cells[key]
			cells[key] = cell{c.n + 1, c.r + int(p[0]), c.g + int(p[1]), c.b + int(p[2])}
		}
		if len(cells) <= n {
			break
		}
		switch {
		case shift[2] == shift[1]:
			shift[2]++
		case shift[0] == shift[1]:
			shift[0]++
		default:
			shift[1]++
		}
	}
	p := color.Palette{}
	// Sorted, so that the same image becomes the same file.
	for _, key := range slices.SortedFunc(maps.Keys(cells), func(a, b [3]uint8) int { return bytes.Compare(a[:], b[:]) }) {
		c := cells[key]
		p = append(p, color.NRGBA{uint8((c.r + c.n/2) / c.n), uint8((c.g + c.n/2) / c.n), uint8((c.b + c.n/2) / c.n), 255})
	}
	if len(p) == 0 { // fully transparent
		p = append(p, color.NRGBA{A: 255})
	}
	return p
}
