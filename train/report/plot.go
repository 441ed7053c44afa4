package report

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"slices"

	"cyclegan/infer/atomicfile"

	"golang.org/x/image/vector"
)

// A Series is one quantity over the steps of a run. X and Y are equally long.
type Series struct {
	Name string
	X, Y []float64
}

// A LossPlot is an image of the loss charts of the page: adversarial, cycle, identity and
// discriminator losses. Each chart shows the logged values faintly, a smoothed line on top, and the
// line's last value.
//
// Vertical axes are linear and start at zero, unless a loss is negative or the smoothed lines span
// more than two orders of magnitude. Values that are NaN or infinite are left out; the legend says
// "not finite" when the last value is. Any number of points is fine, including none.
type LossPlot struct {
	Title  string
	Series []Series
}

// Sizes in pixels.
const (
	plotWidth   = 1400
	panelHeight = 420
	plotHead    = 60 // for the title
	panelHead   = 40
	panelFoot   = 36 // for the labels of the steps
	panelSide   = 64 // for the labels of the vertical axis
)

// Save writes the plot to a PNG file. It replaces the file atomically.
func (p *LossPlot) Save(path string) error {
	if err := atomicfile.Write(path, p.Encode); err != nil {
		return fmt.Errorf("save the loss plot: %w", err)
	}
	return nil
}

// Encode writes the plot as PNG.
func (p *LossPlot) Encode(w io.Writer) error {
	img, err := p.Image()
	if err != nil {
		return err
	}
	return png.Encode(w, img)
}

// Image draws the plot. The result is opaque.
func (p *LossPlot) Image() (image.Image, error) {
	for _, s := range p.Series {
		if len(s.X) != len(s.Y) {
			return nil, fmt.Errorf("draw the loss plot: series %q has %d steps but %d values", s.Name, len(s.X), len(s.Y))
		}
	}
	charts := lossCharts(p.Series)
	if charts == nil {
		charts = []*chart{newChart("No losses logged yet", "", stepScale(1, 0), nil)}
	}
	columns := min(2, len(charts))
	rows := (len(charts) + columns - 1) / columns
	img := image.NewRGBA(image.Rect(0, 0, plotWidth, plotHead+rows*panelHeight))
	fill(img, img.Rect, paper)
	title, head := newPen(bold, 20, ink), newPen(bold, 16, ink)
	note, small := newPen(regular, 14, muted), newPen(regular, 13, muted)
	const how = "faint: as logged · line: smoothed · horizontal axis: step"
	note.write(img, plotWidth-margin-note.width(how), 24, how)
	title.write(img, margin, 20, title.fit(p.Title, plotWidth-4*margin-note.width(how)))
	for i, c := range charts {
		width := plotWidth / columns
		at := image.Pt(i%columns*width, plotHead+i/columns*panelHeight)
		area := image.Rect(at.X+panelSide, at.Y+panelHead, at.X+width-2*margin, at.Y+panelHeight-panelFoot)
		pp := &pngPainter{img: img, area: area, small: small}
		y := c.linear
		if c.IsLog {
			y = c.log
		}
		c.draw(pp, y)
		head.write(img, area.Min.X, at.Y+10, c.Title)
		c.writeKeys(img, area.Min.X+head.width(c.Title)+2*margin, area.Max.X, at.Y+12, note)
	}
	return img, nil
}

// writeKeys writes the names and last values of the lines that have room between x0 and x1.
func (c *chart) writeKeys(img *image.RGBA, x0, x1, y int, p pen) {
	const swatch, gap = 22, 6
	mid := y + p.height()/2
	for i := range c.Lines {
		l := &c.Lines[i]
		text := p.fit(l.Name, 150) + " " + l.Last()
		end := x0 + swatch + gap + p.width(text)
		if end > x1 {
			return
		}
		fill(img, image.Rect(x0, mid-1, x0+swatch, mid+2), hues[l.Hue])
		p.write(img, x0+swatch+gap, y, text)
		x0 = end + margin
	}
}

// hues are the colors of lines, those of the page in light mode.
var hues = [6]color.NRGBA{
	{0x1f, 0x5f, 0xbf, 255}, {0xc2, 0x57, 0x0c, 255}, {0x19, 0x76, 0x4a, 255},
	{0x8a, 0x2f, 0x9c, 255}, {0x0f, 0x7c, 0x86, 255}, {0x7a, 0x6a, 0x12, 255},
}

// A pngPainter draws a chart into an area of an image.
type pngPainter struct {
	img   *image.RGBA
	area  image.Rectangle
	small pen
}

func (p *pngPainter) x(x float64) int { return p.area.Min.X + int(math.Round(x*float64(p.area.Dx()))) }
func (p *pngPainter) y(y float64) int { return p.area.Min.Y + int(math.Round(y*float64(p.area.Dy()))) }

func (p *pngPainter) tickX(x float64, label string) {
	at := p.x(x)
	fill(p.img, image.Rect(at, p.area.Min.Y, at+1, p.area.Max.Y), faint)
	p.small.write(p.img, at-p.small.width(label)/2, p.area.Max.Y+6, label)
}

func (p *pngPainter) tickY(y float64, label string) {
	at := p.y(y)
	fill(p.img, image.Rect(p.area.Min.X, at, p.area.Max.X, at+1), faint)
	p.small.write(p.img, p.area.Min.X-8-p.small.width(label), at-p.small.height()/2, label)
}

// rule draws nothing: no loss chart marks an evaluation.
func (p *pngPainter) rule(float64) {}

// bleed is how far lines and dots may reach beyond the plot area, in pixels.
const bleed = 8

// polygon fills a polygon with corners in pixels, as [pngPainter.pixel] returns them.
func (p *pngPainter) polygon(corners []point, c color.Color) {
	r := vector.NewRasterizer(p.area.Dx()+2*bleed, p.area.Dy()+2*bleed)
	for i, at := range corners {
		if i == 0 {
			r.MoveTo(float32(at.x), float32(at.y))
		} else {
			r.LineTo(float32(at.x), float32(at.y))
		}
	}
	r.ClosePath()
	r.Draw(p.img, p.area.Inset(-bleed), image.NewUniform(c), image.Point{})
}

func (p *pngPainter) pixel(at point) point {
	return point{bleed + at.x*float64(p.area.Dx()), bleed + at.y*float64(p.area.Dy())}
}

// line fills the left side of the line, and its right side backwards. One polygon for the whole
// line keeps the antialiasing even at the joins.
func (p *pngPainter) line(points []point, l *chartLine, raw bool) {
	c, half := hues[l.Hue], 1.1 // half the width
	if raw {
		c.A, half = 90, 0.5
	}
	var line, left, right []point
	for _, at := range points {
		if at = p.pixel(at); len(line) == 0 || at != line[len(line)-1] {
			line = append(line, at)
		}
	}
	if len(line) < 2 {
		return
	}
	normal := func(i int) point { // of the segment from point i
		i = min(max(i, 0), len(line)-2)
		dx, dy := line[i+1].x-line[i].x, line[i+1].y-line[i].y
		length := math.Hypot(dx, dy)
		return point{-dy / length, dx / length}
	}
	for i, at := range line {
		offsets := []point{normal(i - 1), normal(i)} // a bevel join
		sum := point{offsets[0].x + offsets[1].x, offsets[0].y + offsets[1].y}
		if square := sum.x*sum.x + sum.y*sum.y; square > 1 { // a miter join, where the line turns little
			offsets = []point{{2 * sum.x / square, 2 * sum.y / square}}
		}
		for _, o := range offsets {
			left = append(left, point{at.x + half*o.x, at.y + half*o.y})
			right = append(right, point{at.x - half*o.x, at.y - half*o.y})
		}
	}
	slices.Reverse(right)
	p.polygon(append(left, right...), c)
}

func (p *pngPainter) band(outline []point, l *chartLine) {
	var corners []point
	for _, at := range outline {
		corners = append(corners, p.pixel(at))
	}
	c := hues[l.Hue]
	c.A = 34
	p.polygon(corners, c)
}

// dot draws all values alike: no loss is marked as the best.
func (p *pngPainter) dot(at point, l *chartLine, _ bool) {
	const radius = 3.5
	center := p.pixel(at)
	var corners []point
	for i := range 24 {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / 24)
		corners = append(corners, point{center.x + radius*cos, center.y + radius*sin})
	}
	p.polygon(corners, hues[l.Hue])
}
