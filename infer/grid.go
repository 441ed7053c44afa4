package infer

import (
	"context"
	"fmt"
	"image"
	"math"

	"cyclegan/infer/internal/tiling"
	"cyclegan/infer/pixels"
)

// A Tiling tells how an image passes through the model.
type Tiling struct {
	// Tiles is the number of tiles. 1: the image is not cut.
	Tiles int
	// Width and Height are the size of a tile, and Overlap is the smallest overlap of neighbors, in
	// pixels.
	Width, Height, Overlap int
	// Blended is true if the tiles differ at their edges, because the network sees farther than
	// they overlap or normalizes each tile by itself. Neighbors are then blended into each other.
	// Otherwise the tiles are not visible.
	Blended bool
	// Reason tells why the tiles are blended.
	Reason string
	// CopyWidth and CopyHeight are the size at which the model translates a copy of the image, if
	// the detail comes from the input (see Options.Detail), and else 0.
	CopyWidth, CopyHeight int
	// Clamped is the number of samples of a 16-bit image outside of the model's input window, which
	// are clamped to it (see Options.InputWindow). Only [WithTilingTrace] reports it.
	Clamped int
}

// String returns "whole", "12 tiles", "12 tiles, blended" or "from a copy of 64x48".
func (t Tiling) String() string {
	switch {
	case t.CopyWidth > 0:
		return fmt.Sprintf("from a copy of %dx%d", t.CopyWidth, t.CopyHeight)
	case t.Tiles <= 1:
		return "whole"
	case t.Blended:
		return fmt.Sprintf("%d tiles, blended", t.Tiles)
	}
	return fmt.Sprintf("%d tiles", t.Tiles)
}

// Tiling tells how an image of w x h would be translated. The first size that is too large to pass
// through the model whole takes time, because the network is analyzed.
func (m *Model) Tiling(w, h int) Tiling {
	if cw, ch, ok := m.copySize(w, h); ok {
		t := m.tiler.grid(cw, ch).tiling()
		t.CopyWidth, t.CopyHeight = cw, ch
		return t
	}
	return m.tiler.grid(w, h).tiling()
}

type tilingTrace struct{}

// WithTilingTrace returns a context with which [Model.Translate] calls report with the tiling of
// the image, before it runs the model. Since the context passes through wrappers of a Model, so
// does the report.
func WithTilingTrace(ctx context.Context, report func(Tiling)) context.Context {
	return context.WithValue(ctx, tilingTrace{}, report)
}

// A grid cuts an image into tiles of one size, in columns and rows.
type grid struct {
	x, y    axis
	blended bool
	reason  string
}

// pixels is the number of pixels to compute, margins included.
func (g *grid) pixels() float64 {
	return float64(len(g.x.starts)*g.x.size) * float64(len(g.y.starts)*g.y.size)
}

// tiling describes g; nil stands for an image that is not cut.
func (g *grid) tiling() Tiling {
	if g == nil {
		return Tiling{Tiles: 1}
	}
	return Tiling{
		Tiles: len(g.x.starts) * len(g.y.starts), Width: g.x.size, Height: g.y.size, Overlap: min(g.x.overlap(), g.y.overlap()),
		Blended: g.blended, Reason: g.reason,
	}
}

// An axis covers a side of length pixels with tiles of size pixels that begin at starts.
type axis struct {
	length, size int
	starts       []int
}

// overlap returns the smallest overlap of neighbors, or math.MaxInt for a single tile.
func (a axis) overlap() int {
	least := math.MaxInt
	for i := 1; i < len(a.starts); i++ {
		least = min(least, a.starts[i-1]+a.size-a.starts[i])
	}
	return least
}

// cuts returns where the pixels of tile i begin and end: in the middle of its overlaps.
func (a axis) cuts(i int) (from, to int) {
	to = a.length
	if i > 0 {
		from = (a.starts[i] + a.starts[i-1] + a.size) / 2
	}
	if i < len(a.starts)-1 {
		to = (a.starts[i+1] + a.starts[i] + a.size) / 2
	}
	return from, to
}

// A cutter cuts sides into tiles that overlap by at least overlap pixels. All numbers are multiples
// of unit.
type cutter struct {
	overlap, unit int
	least         int // side of a tile
}

// side returns the size of n tiles of a side, and the number of tiles of that size, which may be
// smaller.
func (c cutter) side(length, n int) (size, tiles int) {
	if n == 1 || length <= c.overlap+c.unit {
		return length, 1
	}
	size = min(max(roundUp(c.overlap+(length-c.overlap+n-1)/n, c.unit), c.least), length)
	step := size - c.overlap
	return size, 1 + (length-size+step-1)/step
}

// fit returns the smallest number of tiles with a side of at most most.
func (c cutter) fit(length, most int) (size, tiles int, ok bool) {
	if length <= most {
		return length, 1, true
	}
	most -= most % c.unit
	if most < c.overlap+c.unit || most < c.least {
		return 0, 0, false
	}
	size, tiles = c.side(length, (length-c.overlap+most-c.overlap-1)/(most-c.overlap))
	return size, tiles, true
}

// axis places the tiles. The last one ends with the side.
func (c cutter) axis(length, size, tiles int) axis {
	a := axis{length: length, size: size}
	for i := range tiles {
		a.starts = append(a.starts, min(i*(size-c.overlap), length-size))
	}
	return a
}

// grid returns the grid with the fewest pixels whose tiles have at most most, or nil.
func (c cutter) grid(w, h, most int) *grid {
	var best *grid
	var fewest float64
	for n := 1; n <= w/c.unit; n++ {
		tw, nx := c.side(w, n)
		th, ny, ok := c.fit(h, most/tw)
		if !ok || tw > most {
			continue
		}
		if cost := float64(nx) * float64(tw) * float64(ny) * float64(th); best == nil || cost < fewest {
			best, fewest = &grid{x: c.axis(w, tw, nx), y: c.axis(h, th, ny)}, cost
		}
	}
	return best
}

// maxOverhead is the factor up to which complete margins may increase the pixels to compute.
const maxOverhead = 4

// newGrid cuts an image of w x h into tiles of at most most pixels, or as small as possible. Net is
// nil, for the given reason, if nothing is known about the network.
func newGrid(w, h int, net *tiling.Network, reason string, unit, least, most int) *grid {
	side := int(math.Sqrt(float64(most)))
	overlap := max(side/4, 32)
	if net != nil {
		margin := roundUp(net.Margin, unit)
		if g := (cutter{2 * margin, unit, least}).grid(w, h, most); g != nil && g.pixels() <= maxOverhead*float64(w)*float64(h) {
			return g
		}
		overlap = min(overlap, 2*margin)
		reason = fmt.Sprintf("the network sees %d pixels far, which is too far for tiles of %d pixels", net.Margin, most)
	}
	overlap = roundUp(overlap, unit)
	var g *grid
	for ; g == nil; most *= 2 {
		g = cutter{overlap, unit, least}.grid(w, h, most)
	}
	g.blended, g.reason = true, reason
	return g
}

// A blender joins tiles that differ where they overlap. It blends the tiles of a row into a band,
// and the band into the image, so that no corner shows and memory holds one band in addition to the
// image. All are of the type of the image, *image.NRGBA or *image.NRGBA64.
type blender struct {
	out, band, tile image.Image
	g               *grid
}

func newBlender(out image.Image, g *grid) *blender {
	b := &blender{out: out, g: g}
	band, tile := image.Rect(0, 0, out.Bounds().Dx(), min(g.y.size, out.Bounds().Dy())), image.Rect(0, 0, g.x.size, g.y.size)
	if pixels.Deep(out) {
		b.band, b.tile = image.NewNRGBA64(band), image.NewNRGBA64(tile)
	} else {
		b.band, b.tile = image.NewNRGBA(band), image.NewNRGBA(tile)
	}
	return b
}

// row returns the bytes of pixels x to x+w of row y, and the number of bytes of a pixel.
func row(img image.Image, x, y, w int) (pix []byte, unit int) {
	switch m := img.(type) {
	case *image.NRGBA:
		return m.Pix[m.PixOffset(x, y):][:4*w], 4
	case *image.NRGBA64:
		return m.Pix[m.PixOffset(x, y):][:8*w], 8
	}
	panic(fmt.Sprintf("a row of %T", img)) // blank makes no other
}

// add adds the tile of column i and row j. Tiles come row by row, from the left to the right.
func (b *blender) add(tile image.Image, i, j int) {
	x := b.g.x.starts[i]
	width := b.band.Bounds().Dx()
	if w := min(b.g.x.size, width-x); w > 0 {
		fade := b.g.x.fade(i)
		for y := range b.band.Bounds().Dy() {
			to, unit := row(b.band, x, y, w)
			from, _ := row(tile, 0, y, w)
			n := min(len(fade), w)
			for k := range n {
				mix(to[k*unit:(k+1)*unit], from[k*unit:], fade[k])
			}
			copy(to[n*unit:], from[n*unit:])
		}
	}
	if i < len(b.g.x.starts)-1 {
		return
	}
	y0 := b.g.y.starts[j]
	fade := b.g.y.fade(j)
	for y := range min(b.g.y.size, b.out.Bounds().Dy()-y0) {
		to, unit := row(b.out, 0, y0+y, width)
		from, _ := row(b.band, 0, y, width)
		if y >= len(fade) {
			copy(to, from)
			continue
		}
		for k := 0; k < len(to); k += unit {
			mix(to[k:k+unit], from[k:], fade[y])
		}
	}
}

// fade returns the share of tile i, of 256, in each pixel that it has in common with the tile
// before. The share grows in the middle half, because near a tile's end the network lacked most of
// what follows.
func (a axis) fade(i int) []int {
	if i == 0 {
		return nil
	}
	n := a.starts[i-1] + a.size - a.starts[i]
	fade := make([]int, n)
	for k := range fade {
		t := (2*(float64(k)+0.5) - float64(n)/2) / float64(n) // -1/2 to 3/2
		t = min(max(t, 0), 1)
		fade[k] = int(256*t*t*(3-2*t) + 0.5)
	}
	return fade
}

// mix replaces a pixel of four samples, of one or two bytes each, by share 256ths of b and the rest
// of a.
func mix(a, b []byte, share int) {
	blend := func(a, b int) int { return (a*(256-share) + b*share + 128) >> 8 }
	if len(a) == 4 {
		for k, v := range a {
			a[k] = uint8(blend(int(v), int(b[k])))
		}
		return
	}
	for k := 0; k < len(a); k += 2 {
		v := blend(int(a[k])<<8|int(a[k+1]), int(b[k])<<8|int(b[k+1]))
		a[k], a[k+1] = uint8(v>>8), uint8(v)
	}
}
