package infer

import (
	"context"
	"fmt"
	"math"

	"cyclegan/infer/internal/tiling"
)

// A Tiling says how a picture goes through the model.
type Tiling struct {
	// Tiles is how many parts the picture is cut into; 1: it goes through whole.
	Tiles int
	// Width and Height are those of a part, and Overlap is how far neighbours share their pixels at least, all in pixels. 0 for a whole picture.
	Width, Height, Overlap int
	// Blended says that the overlap is not as wide as the network sees, or that each part was normalized by itself, so that neighbours
	// are faded into each other. Otherwise there is nothing to see of the parts.
	Blended bool
	// Reason says why they are blended.
	Reason string
}

// String gives "whole", "12 tiles" or "12 tiles, blended".
func (t Tiling) String() string {
	switch {
	case t.Tiles <= 1:
		return "whole"
	case t.Blended:
		return fmt.Sprintf("%d tiles, blended", t.Tiles)
	}
	return fmt.Sprintf("%d tiles", t.Tiles)
}

type tilingTrace struct{}

// WithTilingTrace returns a context with which [Model.Translate] calls report with the tiling of the
// image, before it runs the model. Since the context passes through wrappers of a Model, so does the report.
func WithTilingTrace(ctx context.Context, report func(Tiling)) context.Context {
	return context.WithValue(ctx, tilingTrace{}, report)
}

func traceTiling(ctx context.Context, g *grid) {
	if report, ok := ctx.Value(tilingTrace{}).(func(Tiling)); ok {
		report(g.tiling())
	}
}

// defaultMaxPixels is what a ResNet with 64 filters takes 3 GB for.
const defaultMaxPixels = 2048 * 1280

// leastMaxPixels keeps tiles from being little more than their margins.
const leastMaxPixels = 256 * 256

// grid is a picture of w x h cut into tiles: all of one size, in columns and rows.
type grid struct {
	x, y axis
	// margin is what of a tile's side is not its own, where there is a neighbour.
	margin  int
	blended bool
	reason  string
}

func (g grid) tiles() int { return len(g.x.starts) * len(g.y.starts) }

// pixels is how many go through the model, margins included.
func (g grid) pixels() float64 {
	return float64(g.tiles()) * float64(g.x.size) * float64(g.y.size)
}

// tiling describes g; nil stands for an image that is not cut.
func (g *grid) tiling() Tiling {
	if g == nil {
		return Tiling{Tiles: 1}
	}
	return Tiling{Tiles: g.tiles(), Width: g.x.size, Height: g.y.size, Overlap: min(g.x.overlap(), g.y.overlap()), Blended: g.blended, Reason: g.reason}
}

// axis is a side of length pixels, covered by tiles of size pixels that begin at starts.
type axis struct {
	length, size int
	starts       []int
}

// overlap gives what neighbours share at least; the axis of a single tile says nothing.
func (a axis) overlap() int {
	least := math.MaxInt
	for i := 1; i < len(a.starts); i++ {
		least = min(least, a.starts[i-1]+a.size-a.starts[i])
	}
	return least
}

// cuts gives where tile i's own pixels begin and end: half way through what it shares with its neighbours.
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

// A cutter cuts sides into tiles that share at least overlap pixels. All its numbers are multiples of unit.
type cutter struct {
	overlap, unit int
	least         int // pixels of a tile's side
}

// side gives the size that n tiles of a side have, and how many of that size it takes, which may be fewer.
func (c cutter) side(length, n int) (size, tiles int) {
	if n == 1 || length <= c.overlap+c.unit {
		return length, 1
	}
	size = min(max(roundUp(c.overlap+(length-c.overlap+n-1)/n, c.unit), c.least), length)
	step := size - c.overlap
	return size, 1 + (length-size+step-1)/step
}

// fit gives the fewest tiles of a side that are no larger than most.
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

// axis places the tiles. The last one is moved back to end with the side.
func (c cutter) axis(length, size, tiles int) axis {
	a := axis{length: length, size: size}
	for i := range tiles {
		a.starts = append(a.starts, min(i*(size-c.overlap), length-size))
	}
	return a
}

// grid gives the one with the fewest pixels whose tiles hold no more than most, nil where there is none.
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

// mostOverhead is how many times its pixels a picture may cost in tiles whose margins are complete.
const mostOverhead = 4

// newGrid cuts a picture of w x h into tiles of at most most pixels. net is nil, for the given reason, where nothing is known of the network.
// Where the tiles cannot be as small as most, they are as small as can be.
func newGrid(w, h int, net *tiling.Network, reason string, unit, least, most int) *grid {
	side := int(math.Sqrt(float64(most)))
	overlap := max(side/4, 32)
	if net != nil {
		margin := roundUp(net.Margin, unit)
		if g := (cutter{2 * margin, unit, least}).grid(w, h, most); g != nil && g.pixels() <= mostOverhead*float64(w)*float64(h) {
			g.margin = margin
			return g
		}
		overlap = min(overlap, 2*margin)
		reason = fmt.Sprintf("the network sees %d pixels far, which tiles of %d pixels leave no room for", net.Margin, most)
	}
	overlap = roundUp(overlap, unit)
	c := cutter{overlap, unit, least}
	g := c.grid(w, h, most)
	for most := 2 * most; g == nil; most *= 2 {
		g = c.grid(w, h, most)
	}
	g.margin, g.blended, g.reason = overlap/2, true, reason
	return g
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }
