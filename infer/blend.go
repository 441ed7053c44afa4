package infer

import (
	"image"

	"cyclegan/infer/pixels"
)

// A blender puts tiles together that do not quite agree where they overlap: they are faded into each other, first those of a row,
// in a band, and then the band into the picture. So no corner shows, and memory holds one band beside the picture.
type blender struct {
	out  *image.NRGBA
	band *image.NRGBA
	tile *image.NRGBA
	g    *grid
}

func newBlender(out *image.NRGBA, g *grid) *blender {
	w, h := out.Rect.Dx(), out.Rect.Dy()
	return &blender{
		out: out, g: g,
		band: image.NewNRGBA(image.Rect(0, 0, w, min(g.y.size, h))),
		tile: image.NewNRGBA(image.Rect(0, 0, g.x.size, g.y.size)),
	}
}

// put adds the tile of column i and row j, a tensor; those of a row come from left to right, and rows from top to bottom.
func (b *blender) put(spec pixels.Spec, values []float32, i, j int) error {
	if err := spec.Draw(b.tile, b.tile.Rect, values, b.g.x.size, b.g.y.size, image.Point{}); err != nil {
		return err
	}
	b.add(b.tile, i, j)
	return nil
}

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

// fade gives the share that tile i has, of 256, in the pixels that it shares with the one before it. It grows in the middle half of them:
// next to a tile's end the network saw most of what is not there.
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

// mix gives so many 256th of b and the rest of a.
func mix(a, b uint8, share int) uint8 { return uint8((int(a)*(256-share) + int(b)*share + 128) >> 8) }
