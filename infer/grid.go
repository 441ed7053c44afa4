package infer

import (
	"context"
	"fmt"
	"image"
	"math"

	"cyclegan/infer/internal/tiling"
)

// A Tiling tells how an image passes through the model.
type Tiling struct {
	// Tiles is the number of tiles. 1: the image is not cut.
	Tiles int
	// Width and Height are the size of a tile, and Overlap is the smallest overlap of neighbors, in pixels.
	Width, Height, Overlap int
	// Blended is true if the tiles differ at their edges, because the network sees farther than they overlap
	// or normalizes each tile by itself. Neighbors are then blended into each other. Otherwise the tiles
	// are not visible.
	Blended bool
	// Reason tells why the tiles are blended.
	Reason string
	// CopyWidth and CopyHeight are the size at which the model translates a copy of the image, if the
	// detail comes from the input (see Options.Detail), and else 0.
	CopyWidth, CopyHeight int
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

// WithTilingTrace returns a context with which [Model.Translate] calls report with the tiling of the
// image, before it runs the model. Since the context passes through wrappers of a Model, so does the report.
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

// A cutter cuts sides into tiles that overlap by at least overlap pixels. All numbers are multiples of unit.
type cutter struct {
	overlap, unit int
	least         int // side of a tile
}

// side returns the size of n tiles of a side, and the number of tiles of that size, which may be smaller.
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

// newGrid cuts an image of w x h into tiles of at most most pixels, or as small as possible. Net is nil,
// for the given reason, if nothing is known about the network.
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

// A blender joins tiles that differ where they overlap. It blends the tiles of a row into a band, and the
// band into the image, so that no corner shows and memory holds one band in addition to the image.
type blender struct {
	out, band, tile *image.NRGBA
	g               *grid
}

func newBlender(out *image.NRGBA, g *grid) *blender {
	return &blender{
		out: out, g: g,
		band: image.NewNRGBA(image.Rect(0, 0, out.Rect.Dx(), min(g.y.size, out.Rect.Dy()))),
		tile: image.NewNRGBA(image.Rect(0, 0, g.x.size, g.y.size)),
	}
}

// add adds the tile of column i and row j. Tiles come row by row, from the left to the right.
func (b *blender) add(tile *image.NRGBA, i, j int) {
	x := b.g.x.starts[i]
	w := min(b.g.x.size, b.band.Rect.Dx()-x)
	if w > 0 {
		fade := b.g.x.fade(i)
		for y := range b.band.Rect.Dy() {
			to, from := b.band.Pix[y*b.band.Stride+4*x:], tile.Pix[y*tile.Stride:y*tile.Stride+4*w]
			n := min(4*len(fade), len(from))
			for k := range n {
				to[k] = mix(to[k], from[k], fade[k/4])
			}
			copy(to[n:], from[n:])
		}
	}
	if i < len(b.g.x.starts)-1 {
		return
	}
	y0 := b.g.y.starts[j]
	fade := b.g.y.fade(j)
	for y := range min(b.g.y.size, b.out.Rect.Dy()-y0) {
		to, from := b.out.Pix[(y0+y)*b.out.Stride:], b.band.Pix[y*b.band.Stride:][:4*b.band.Rect.Dx()]
		if y >= len(fade) {
			copy(to, from)
			continue
		}
		for k := range from {
			to[k] = mix(to[k], from[k], fade[y])
		}
	}
}

// fade returns the share of tile i, of 256, in each pixel that it has in common with the tile before. The
// share grows in the middle half, because near a tile's end the network lacked most of what follows.
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

// mix returns share 256ths of b and the rest of a.
func mix(a, b uint8, share int) uint8 { return uint8((int(a)*(256-share) + int(b)*share + 128) >> 8) }
