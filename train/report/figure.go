package report

import (
	"image"
	"image/color"

	stdfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// A figure is panels below one another over the same steps.
type figure struct {
	title         string
	width, height int // pixels
	steps         scale
	span          float64 // of smoothing, in steps
	panels        []panel
}

// A panel is one plot of curves that share a vertical axis.
type panel struct {
	name   string
	losses scale
	curves []curve
}

// dpi makes the text of the default size easy to read.
const dpi = 110

func pixels(n float64) vg.Length { return vg.Length(n * vg.Inch.Points() / dpi) }

func style(size float64, c color.Color, weight stdfont.Weight) text.Style {
	return text.Style{
		Color:   c,
		Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Weight: weight, Size: vg.Points(size)},
		Handler: plot.DefaultTextHandler,
	}
}

// Room around the panels, in pixels.
const (
	edge       = 20
	titleRoom  = 46
	panelTitle = 24
	panelGap   = 44
	legendRoom = 200
	swatch     = 26
	legendLine = 25
)

func (f *figure) draw() image.Image {
	target := vgimg.NewWith(
		vgimg.UseWH(pixels(float64(f.width)), pixels(float64(f.height))),
		vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(paper))
	all := draw.New(target)
	f.drawHead(all)
	body := draw.Crop(all, pixels(edge), -pixels(legendRoom+edge), pixels(edge-6), -pixels(titleRoom+edge))

	rows := make([][]*plot.Plot, len(f.panels))
	for i := range f.panels {
		rows[i] = []*plot.Plot{f.plot(i)}
	}
	tiles := draw.Tiles{Rows: len(rows), Cols: 1, PadY: pixels(panelGap), PadTop: pixels(panelTitle)}
	for i, row := range plot.Align(rows, tiles, body) {
		rows[i][0].Draw(row[0])
		data := rows[i][0].DataCanvas(row[0]).Rectangle
		drawPanelTitle(all, f.panels[i], data)
		drawLegend(all, f.panels[i], data)
	}
	return target.Image()
}

// columns is how many points of a line the plot has room for.
func (f *figure) columns() int { return 2 * max(1, f.width-legendRoom-4*edge) }

func (f *figure) plot(i int) *plot.Plot {
	panel := f.panels[i]
	p := plot.New()
	p.BackgroundColor = color.Transparent
	for _, a := range []struct {
		axis  *plot.Axis
		scale scale
	}{{&p.X, f.steps}, {&p.Y, panel.losses}} {
		a.axis.Min, a.axis.Max = a.scale.lo, a.scale.hi
		a.axis.Tick.Marker = a.scale
		a.axis.LineStyle = draw.LineStyle{Color: faint, Width: pixels(1)}
		a.axis.Tick.LineStyle = a.axis.LineStyle
		a.axis.Tick.Length = pixels(5)
		a.axis.Padding = 0
		label := a.axis.Tick.Label
		a.axis.Tick.Label = style(9, muted, stdfont.WeightNormal)
		a.axis.Tick.Label.XAlign, a.axis.Tick.Label.YAlign = label.XAlign, label.YAlign
		if a.scale.log {
			a.axis.Scale = plot.LogScale{}
		}
	}
	if i == len(f.panels)-1 {
		p.X.Label.Text = "step"
		p.X.Label.Padding = pixels(6)
		align := p.X.Label.TextStyle
		p.X.Label.TextStyle = style(9, muted, stdfont.WeightNormal)
		p.X.Label.TextStyle.XAlign, p.X.Label.TextStyle.YAlign = align.XAlign, align.YAlign
	}
	grid := plotter.NewGrid()
	grid.Horizontal = draw.LineStyle{Color: faint, Width: pixels(1)}
	grid.Vertical = grid.Horizontal
	p.Add(grid)
	f.addCurves(p, panel)
	return p
}

func (f *figure) addCurves(p *plot.Plot, panel panel) {
	line := func(c curve, y []float64) polyline {
		x, y, _ := thin(c.x, y, f.columns())
		return polyline{x: x, y: y, losses: panel.losses}
	}
	for i, c := range panel.curves {
		raw := line(c, c.y)
		colour := seriesColour(c.name, i)
		colour.A = 64
		raw.style = draw.LineStyle{Color: colour, Width: pixels(1)}
		p.Add(raw)
	}
	for i, c := range panel.curves {
		smooth := line(c, c.smooth)
		smooth.style = draw.LineStyle{Color: seriesColour(c.name, i), Width: pixels(2.2)}
		smooth.dot = pixels(3.5)
		p.Add(smooth)
	}
}

// A polyline is a curve's line, with a dot at its end if dot is not zero.
type polyline struct {
	x, y   []float64
	losses scale
	style  draw.LineStyle
	dot    vg.Length
}

// Plot makes a polyline a plot.Plotter. It strokes a few points at a time: the
// rasterizer's time grows with the square of how often one path crosses a row.
func (l polyline) Plot(c draw.Canvas, p *plot.Plot) {
	const piece = 50
	x, y := p.Transforms(&c)
	points := make([]vg.Point, len(l.x))
	for i := range points {
		points[i] = vg.Point{X: x(l.x[i]), Y: y(l.losses.clamp(l.y[i]))}
	}
	for at := 0; at+1 < len(points); at += piece {
		c.StrokeLines(l.style, points[at:min(at+piece+1, len(points))])
	}
	if n := len(points); n > 0 && l.dot > 0 {
		dot := draw.GlyphStyle{Color: l.style.Color, Radius: l.dot, Shape: draw.CircleGlyph{}}
		c.DrawGlyphNoClip(dot, points[n-1])
	}
}
