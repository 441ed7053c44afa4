package infer

import (
	"image"
	"image/color"
	"image/draw"
	"testing"

	"cyclegan/infer/internal/imagetest"
)

// Tiles of very different colours fade into each other without an edge, corners included, and each colour stands where its tile is alone.
func TestBlend(t *testing.T) {
	g := newGrid(400, 300, nil, "for the test", 4, 4, 160*160)
	out := image.NewNRGBA(image.Rect(0, 0, 397, 298)) // the picture was padded to the grid
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
	// 255 levels over half of an overlap of 40 pixels, at the steepest half as steep again.
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
	m := openSmall(t, "invert.onnx", 128*128, nil)
	m.large.learn(m.run)
	m.large.net, m.large.reason = nil, "for the test"
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
