package infer

import (
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"testing"

	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/internal/tiling"
)

// For every size, tiles cover the image, overlap enough, stay within the limit and divide the
// image.
func TestGrid(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	exact := 0
	for range 3000 {
		unit := []int{1, 2, 4, 8, 32, 256}[r.IntN(6)]
		side := func() int { return roundUp(1+r.IntN(1<<(2+r.IntN(13))), unit) }
		w, h := side(), side()
		net := &tiling.Network{Margin: r.IntN(150), Align: unit}
		if r.IntN(4) == 0 {
			net = nil
		}
		least := unit * (1 + r.IntN(3))
		w, h = max(w, least), max(h, least)
		most := leastMaxPixels + r.IntN(1<<21)
		g := newGrid(w, h, net, "for the test", unit, least, most)
		if g.blended != (g.reason != "") || net == nil && !g.blended {
			t.Fatalf("%dx%d: blended %v, reason %q", w, h, g.blended, g.reason)
		}
		// The limit may be exceeded only if the smallest tile is larger.
		if g.x.size*g.y.size > most && unit < 128 {
			t.Fatalf("%dx%d: tiles of %dx%d hold more than %d", w, h, g.x.size, g.y.size, most)
		}
		if !g.blended {
			exact++
			if g.pixels() > maxOverhead*float64(w*h) {
				t.Fatalf("%dx%d: %v cost %g pixels", w, h, g.tiling(), g.pixels())
			}
		}
		margin := g.tiling().Overlap / 2
		for _, a := range []struct {
			axis
			length int
		}{{g.x, w}, {g.y, h}} {
			if a.axis.length != a.length || a.size > a.length || a.size%unit != 0 || a.size < least {
				t.Fatalf("%dx%d: axis %+v", w, h, a)
			}
			end := 0
			for i, s := range a.starts {
				from, to := a.cuts(i)
				if from != end || to <= from || s%unit != 0 || from < s || to > s+a.size {
					t.Fatalf("%dx%d by %d: tile %d from %d is cut to %d..%d after %d", w, h, unit, i, s, from, to, end)
				}
				if s > 0 && from-s < margin || s+a.size < a.length && s+a.size-to < margin {
					t.Fatalf("%dx%d: tile %d from %d, cut to %d..%d, has no margin of %d", w, h, i, s, from, to, margin)
				}
				if !g.blended && net != nil && margin < net.Margin {
					t.Fatalf("margin %d, and the network sees %d", margin, net.Margin)
				}
				end = to
			}
			if end != a.length || a.starts[len(a.starts)-1]+a.size != a.length {
				t.Fatalf("%dx%d: axis %+v ends at %d", w, h, a, end)
			}
		}
	}
	if exact < 1000 {
		t.Errorf("only %d grids were without blending", exact)
	}
}

// A grid does not cost more than necessary.
func TestGridCost(t *testing.T) {
	net := &tiling.Network{Margin: 60, Align: 4}
	for _, c := range []struct {
		w, h, most int
		overhead   float64
	}{{4000, 3000, 2048 * 1280, 1.25}, {12000, 8000, 2048 * 1280, 1.25}, {1 << 20, 64, 2048 * 1280, 1.02}, {2048, 1284, 2048 * 1280, 1.2}, {12000, 8000, 512 * 512, 2}} {
		g := newGrid(c.w, c.h, net, "", 4, 8, c.most)
		if overhead := g.pixels() / float64(c.w*c.h); overhead > c.overhead || g.blended {
			t.Errorf("%dx%d: %v of %dx%d: %.3f times the pixels", c.w, c.h, g.tiling(), g.x.size, g.y.size, overhead)
		}
	}
}

// Tiles of very different colors are blended without an edge, corners included. Outside of overlaps
// each color is unchanged.
func TestBlend(t *testing.T) {
	g := newGrid(400, 300, nil, "for the test", 4, 4, 160*160)
	out := image.NewNRGBA(image.Rect(0, 0, 397, 298)) // the image was padded to the grid
	b := newBlender(out, g)
	colour := func(i, j int) uint8 { return uint8((i*97 + j*151 + i*j*60) % 256) }
	for j := range g.y.starts {
		for i := range g.x.starts {
			tile := image.NewNRGBA(image.Rect(0, 0, g.x.size, g.y.size))
			v := colour(i, j)
			draw.Draw(tile, tile.Rect, image.NewUniform(color.NRGBA{v, 255 - v, v, 255}), image.Point{}, draw.Src)
			b.add(tile, i, j)
		}
	}
	steepest := 0
	for y := range 298 {
		for x := range 397 {
			p := out.NRGBAAt(x, y)
			if p.A != 255 {
				t.Fatalf("at %d,%d: %v", x, y, p)
			}
			for _, q := range []color.NRGBA{out.NRGBAAt(max(x-1, 0), y), out.NRGBAAt(x, max(y-1, 0))} {
				d := int(p.R) - int(q.R)
				steepest = max(steepest, d, -d)
			}
		}
	}
	// 255 levels over half of an overlap of 40 pixels; the steepest step is 1.5 times the mean.
	if steepest > 255*3/2/20+2 || steepest < 5 {
		t.Errorf("neighbours differ by up to %d", steepest)
	}
	for j, y := range g.y.starts {
		for i, x := range g.x.starts {
			cx, cy := x+g.x.size/2, y+g.y.size/2
			if got := out.NRGBAAt(cx, cy).R; got != colour(i, j) {
				t.Errorf("tile %d,%d: %d in its middle, want %d", i, j, got, colour(i, j))
			}
		}
	}
}

// Where tiles agree, blending changes nothing.
func TestBlendAgreeing(t *testing.T) {
	m := openSmall(t, "invert.onnx", 128*128, &Options{Detail: DetailModel})
	m.tiler.learn()
	m.tiler.net, m.tiler.reason = nil, "for the test"
	img := scenery(333, 222)
	tiling := m.Tiling(333, 222)
	out, err := m.Translate(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	if err := imagetest.Equal(out, imagetest.Negative(img), 0); err != nil || !tiling.Blended || tiling.Tiles < 4 {
		t.Errorf("%+v: %v", tiling, err)
	}
}
