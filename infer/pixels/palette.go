package pixels

import (
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"io"
	"math"
	"slices"
)

// encodeGIF writes an image with a palette of its own, dithered. GIF has no partial transparency:
// pixels that are less than half opaque become transparent.
func encodeGIF(w io.Writer, img *image.NRGBA) error {
	most := maxColors(img)
	p := paletteOf(colorCells(img, most), most)
	dst := image.NewPaletted(img.Rect, p.colors)
	draw.FloydSteinberg.Draw(dst, dst.Rect, Opaque(img), dst.Rect.Min)
	p.cutOut(dst, img)
	return gif.Encode(w, dst, nil)
}

// maxColors is the size of a palette for an image. One color is kept for transparency.
func maxColors(img *image.NRGBA) int {
	if img.Opaque() {
		return 256
	}
	return 255
}

// colorCell counts pixels of similar color, and has their mean.
type colorCell struct {
	n    float64
	mean [3]float64
}

// colorCells counts the opaque pixels of an image: exactly if there are at most few, and else by
// the upper five bits of each channel.
func colorCells(img *image.NRGBA, few int) (cells []colorCell) {
	exact := map[[3]uint8]float64{}
	for i := 0; i < len(img.Pix) && len(exact) <= few; i += 4 {
		if img.Pix[i+3] >= 128 {
			exact[[3]uint8(img.Pix[i:])]++
		}
	}
	if len(exact) <= few {
		for c, n := range exact {
			cells = append(cells, colorCell{n, [3]float64{float64(c[0]), float64(c[1]), float64(c[2])}})
		}
	} else {
		all := make([]colorCell, 1<<15)
		for i := 0; i < len(img.Pix); i += 4 {
			if p := img.Pix[i : i+4 : i+4]; p[3] >= 128 {
				c := &all[int(p[0]>>3)<<10|int(p[1]>>3)<<5|int(p[2]>>3)]
				c.n++
				for k := range 3 {
					c.mean[k] += float64(p[k])
				}
			}
		}
		for _, c := range all {
			if c.n > 0 {
				for k := range 3 {
					c.mean[k] /= c.n
				}
				cells = append(cells, c)
			}
		}
	}
	// Sorted, so that the same image becomes the same file.
	slices.SortFunc(cells, func(a, b colorCell) int { return slices.Compare(a.mean[:], b.mean[:]) })
	return cells
}

// palette is a list of up to 256 colors.
type palette struct {
	colors color.Palette
	spread float64 // mean distance of neighboring colors along an axis
	near   []int16 // the nearest color by the upper six bits of each channel, or -1
	exact  map[color.NRGBA]uint8
}

// paletteOf makes a palette of at most the given number of colors. It splits the cells into groups
// of little variance, the worst group first and where it gains most, and takes their means, which a
// few rounds of k-means then improve.
func paletteOf(cells []colorCell, most int) *palette {
	groups := []colorGroup{newColorGroup(cells)}
	for len(groups) < most {
		worst := 0
		for i, g := range groups {
			if g.gain > groups[worst].gain {
				worst = i
			}
		}
		if groups[worst].gain <= 0 {
			break
		}
		low, high := groups[worst].split()
		groups[worst] = low
		groups = append(groups, high)
	}
	var means [][3]float64
	for _, g := range groups {
		if len(g.cells) > 0 {
			means = append(means, g.mean)
		}
	}
	if len(cells) > len(means) {
		for range 3 {
			means = refine(cells, means)
		}
	}
	p := &palette{near: make([]int16, 1<<18), exact: map[color.NRGBA]uint8{}}
	for i, m := range means {
		c := color.NRGBA{uint8(math.Round(m[0])), uint8(math.Round(m[1])), uint8(math.Round(m[2])), 255}
		p.colors = append(p.colors, c)
		p.exact[c] = uint8(i)
	}
	if len(p.colors) == 0 { // fully transparent
		p.colors = color.Palette{color.NRGBA{A: 255}}
	}
	for i := range p.near {
		p.near[i] = -1
	}
	// An error that is uniform within half a distance has a variance of a twelfth of its square.
	p.spread = math.Sqrt(12 * p.fault(cells) / 3)
	return p
}

// colorGroup is a group of cells.
type colorGroup struct {
	cells []colorCell
	mean  [3]float64
	axis  int     // along which to split
	at    int     // after how many cells, sorted by that axis
	gain  float64 // by which the squared error becomes less
}

// newColorGroup finds the best split of a group.
func newColorGroup(cells []colorCell) colorGroup {
	g := colorGroup{cells: cells}
	var n float64
	var sum [3]float64
	for _, c := range cells {
		n += c.n
		for k := range 3 {
			sum[k] += c.n * c.mean[k]
		}
	}
	for k := range 3 {
		g.mean[k] = sum[k] / max(n, 1)
	}
	for axis := range 3 {
		slices.SortStableFunc(cells, func(a, b colorCell) int { return cmp.Compare(a.mean[axis], b.mean[axis]) })
		var m float64
		var part [3]float64
		for i, c := range cells[:max(len(cells)-1, 0)] {
			m += c.n
			gain := 0.0
			for k := range 3 {
				part[k] += c.n * c.mean[k]
				d := part[k]/m - (sum[k]-part[k])/(n-m)
				gain += d * d
			}
			if gain *= m * (n - m) / n; gain > g.gain {
				g.axis, g.at, g.gain = axis, i+1, gain
			}
		}
	}
	return g
}

func (g colorGroup) split() (low, high colorGroup) {
	slices.SortStableFunc(g.cells, func(a, b colorCell) int { return cmp.Compare(a.mean[g.axis], b.mean[g.axis]) })
	return newColorGroup(g.cells[:g.at]), newColorGroup(g.cells[g.at:])
}

func nearest(means [][3]float64, c [3]float64) (index int, distance float64) {
	distance = math.Inf(1)
	for i, m := range means {
		r, g, b := c[0]-m[0], c[1]-m[1], c[2]-m[2]
		if d := r*r + g*g + b*b; d < distance {
			index, distance = i, d
		}
	}
	return index, distance
}

// refine moves each mean to the mean of the cells that are nearest to it.
func refine(cells []colorCell, means [][3]float64) [][3]float64 {
	sums := make([]colorCell, len(means))
	for _, c := range cells {
		i, _ := nearest(means, c.mean)
		sums[i].n += c.n
		for k := range 3 {
			sums[i].mean[k] += c.n * c.mean[k]
		}
	}
	moved := slices.Clone(means)
	for i, s := range sums {
		if s.n > 0 {
			moved[i] = [3]float64{s.mean[0] / s.n, s.mean[1] / s.n, s.mean[2] / s.n}
		}
	}
	return moved
}

// fault is the mean squared error of the cells in the palette.
func (p *palette) fault(cells []colorCell) float64 {
	means := make([][3]float64, len(p.colors))
	for i, c := range p.colors {
		c := c.(color.NRGBA)
		means[i] = [3]float64{float64(c.R), float64(c.G), float64(c.B)}
	}
	var sum, n float64
	for _, c := range cells {
		_, d := nearest(means, c.mean)
		sum, n = sum+c.n*d, n+c.n
	}
	return sum / max(n, 1)
}

// serves reports whether the palette suits an image nearly as well as the image's own would.
func (p *palette) serves(cells []colorCell, own *palette) bool {
	const worse = 1.25
	return p.fault(cells) <= worse*own.fault(cells)+0.05
}

// index returns the nearest color, to within the two bits that the cache leaves out.
func (p *palette) index(c color.NRGBA) uint8 {
	if i, ok := p.exact[c]; ok {
		return i
	}
	key := int(c.R>>2)<<12 | int(c.G>>2)<<6 | int(c.B>>2)
	if p.near[key] < 0 {
		p.near[key] = int16(p.colors.Index(color.NRGBA{c.R&^3 | 2, c.G&^3 | 2, c.B&^3 | 2, 255}))
	}
	return uint8(p.near[key])
}

// bayer has the thresholds of ordered dithering, 0 to 63.
var bayer = func() (m [8][8]float64) {
	for y := range 8 {
		for x := range 8 {
			v, a, b := 0, x^y, y
			for bit := range 3 {
				v |= (a>>bit&1)<<(5-2*bit) | (b>>bit&1)<<(4-2*bit)
			}
			m[y][x] = float64(v)
		}
	}
	return m
}()

// dither draws an image in the colors of the palette. A pixel depends on its own color and place
// only, so that what stands still in an animation does not flicker, as it would by error diffusion.
func (p *palette) dither(img *image.NRGBA) *image.Paletted {
	dst := image.NewPaletted(img.Rect, p.colors)
	for y := range img.Rect.Dy() {
		row := img.Pix[y*img.Stride:]
		for x := range img.Rect.Dx() {
			offset := p.spread * ((bayer[y&7][x&7]+0.5)/64 - 0.5)
			shift := func(v uint8) uint8 { return uint8(min(max(math.Round(float64(v)+offset), 0), 255)) }
			dst.Pix[y*dst.Stride+x] = p.index(color.NRGBA{shift(row[4*x]), shift(row[4*x+1]), shift(row[4*x+2]), 255})
		}
	}
	p.cutOut(dst, img)
	return dst
}

// cutOut makes pixels of dst transparent that are so in img.
func (p *palette) cutOut(dst *image.Paletted, img *image.NRGBA) {
	if img.Opaque() {
		return
	}
	dst.Palette = append(slices.Clip(p.colors), color.NRGBA{})
	for i := range dst.Pix {
		if img.Pix[4*i+3] < 128 {
			dst.Pix[i] = uint8(len(p.colors))
		}
	}
}
