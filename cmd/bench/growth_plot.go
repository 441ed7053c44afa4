package main

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"

	stdfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Sizes in pixels, and the colours of a plot.
const (
	plotDPI     = 110
	plotColumn  = 470
	plotRow     = 330
	plotHead    = 84
	plotEdge    = 18
	plotGap     = 30
	plotSamples = 40 // of the model's line
)

var (
	plotPaper = color.NRGBA{250, 250, 248, 255}
	plotInk   = color.NRGBA{38, 40, 46, 255}
	plotMuted = color.NRGBA{112, 116, 126, 255}
	plotFaint = color.NRGBA{226, 226, 223, 255}
	plotModel = color.NRGBA{38, 98, 176, 255}
	plotPart  = color.NRGBA{150, 180, 216, 255}
)

// A quantity is what the plots of a row show.
type quantity struct {
	title string
	part  string // what the thin line is
	// of a point, once for each turn.
	measured func(a axis, p *point) []float64
	// by the model, and of that the part.
	model func(a axis, p *point, c constants) (all, part float64)
}

// quantities are those of a work's plots.
func (s *study) quantities(work string) []quantity {
	unit := "seconds a step"
	if work == workConvert {
		unit = "seconds a picture"
	}
	return []quantity{
		{
			title: unit, part: "at the peaks",
			measured: func(a axis, p *point) []float64 { return a.seconds(p) },
			model: func(a axis, p *point, c constants) (float64, float64) {
				return a.predicted(p, c), s.Peaks[work].Seconds(p.Takes)
			},
		},
		{
			title: "peak memory, MiB", part: "",
			measured: func(_ axis, p *point) []float64 {
				if p.PeakBytes == 0 {
					return nil
				}
				return []float64{float64(p.PeakBytes) / mebibyte}
			},
			model: func(_ axis, p *point, c constants) (float64, float64) { return p.Predicted.Bytes / mebibyte, 0 },
		},
	}
}

const mebibyte = 1 << 20

// draw writes a work's plots as PNG: a column for each axis, time above memory.
func (s *study) draw(out io.Writer, work string) error {
	axes := slices.DeleteFunc(slices.Clone(s.Axes), func(a axis) bool { return a.Work != work })
	width, height := float64(len(axes)*plotColumn+plotEdge), float64(2*plotRow+plotHead)
	target := vgimg.NewWith(vgimg.UseWH(plotPixels(width), plotPixels(height)), vgimg.UseDPI(plotDPI), vgimg.UseBackgroundColor(plotPaper))
	all := draw.New(target)
	s.drawHead(all, work)
	body := draw.Crop(all, plotPixels(plotEdge), -plotPixels(plotEdge), plotPixels(plotEdge), -plotPixels(plotHead))
	var rows [][]*plot.Plot
	for _, q := range s.quantities(work) {
		var row []*plot.Plot
		for i, a := range axes {
			p, err := s.panel(a, q, i == 0)
			if err != nil {
				return fmt.Errorf("draw %s: %w", a, err)
			}
			row = append(row, p)
		}
		rows = append(rows, row)
	}
	tiles := draw.Tiles{Rows: len(rows), Cols: len(axes), PadX: plotPixels(plotGap), PadY: plotPixels(plotGap)}
	for i, row := range plot.Align(rows, tiles, body) {
		for j, c := range row {
			rows[i][j].Draw(c)
		}
	}
	_, err := vgimg.PngCanvas{Canvas: target}.WriteTo(out)
	return err
}

func plotPixels(n float64) vg.Length { return vg.Length(n * vg.Inch.Points() / plotDPI) }

func plotStyle(size float64, c color.Color, weight stdfont.Weight) text.Style {
	return text.Style{
		Color:   c,
		Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Weight: weight, Size: vg.Points(size)},
		Handler: plot.DefaultTextHandler,
	}
}

// drawHead writes what the plots are of, and what their marks mean.
func (s *study) drawHead(c draw.Canvas, work string) {
	base := s.base(work)
	title := fmt.Sprintf("A training step: %s, %d px, batch %d, ngf %d, ndf %d, one of them changed", base.NetG, base.Size, base.Batch, base.NGF, base.NDF)
	if work == workConvert {
		title = fmt.Sprintf("A folder of pictures, files to files: %s, %d px, ngf %d, one of them changed", base.NetG, base.Size, base.NGF)
	}
	left, top := c.Min.X+plotPixels(plotEdge), c.Max.Y-plotPixels(plotEdge)
	head := plotStyle(11, plotInk, stdfont.WeightBold)
	head.YAlign = draw.YTop
	c.FillText(head, vg.Point{X: left, Y: top}, title)

	small := plotStyle(9, plotMuted, stdfont.WeightNormal)
	y := top - plotPixels(40)
	small.YAlign = draw.YCenter
	x := left
	entry := func(mark func(x0, x1 vg.Length), words string) {
		mark(x, x+plotPixels(26))
		x += plotPixels(34)
		c.FillText(small, vg.Point{X: x, Y: y}, words)
		x += small.Width(words) + plotPixels(30)
	}
	line := func(style draw.LineStyle) func(x0, x1 vg.Length) {
		return func(x0, x1 vg.Length) { c.StrokeLine2(style, x0, y, x1, y) }
	}
	entry(func(x0, x1 vg.Length) {
		c.DrawGlyphNoClip(measuredGlyph(), vg.Point{X: (x0 + x1) / 2, Y: y})
	}, "measured: median, least to most")
	entry(line(modelLine()), fmt.Sprintf("model: %.2f times the time at the peaks", s.Constants[work].Factor))
	entry(line(partLine()), s.quantities(work)[0].part)
	machine := s.Machine
	machine.Bytes = 0
	c.FillText(small, vg.Point{X: x, Y: y}, machine.String())
}

func measuredGlyph() draw.GlyphStyle {
	return draw.GlyphStyle{Color: plotInk, Radius: plotPixels(4.5), Shape: draw.CircleGlyph{}}
}

func modelLine() draw.LineStyle { return draw.LineStyle{Color: plotModel, Width: plotPixels(2)} }

func partLine() draw.LineStyle {
	return draw.LineStyle{Color: plotPart, Width: plotPixels(1.5), Dashes: []vg.Length{plotPixels(6), plotPixels(4)}}
}

// panel is the plot of one quantity along one axis.
func (s *study) panel(a axis, q quantity, named bool) (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = color.Transparent
	values, points := s.along(a)
	model, part, err := s.lines(a, q)
	if err != nil {
		return nil, err
	}
	var marks measuredMarks
	for i, point := range points {
		if samples := q.measured(a, point); len(samples) > 0 {
			marks.x, marks.y = append(marks.x, float64(values[i])), append(marks.y, spreadOf(samples))
			if point.Tiling != nil {
				marks.notes = append(marks.notes, fmt.Sprintf("%d tiles", point.Tiling.Tiles))
			} else {
				marks.notes = append(marks.notes, "")
			}
		}
	}
	grid := plotter.NewGrid()
	grid.Horizontal = draw.LineStyle{Color: plotFaint, Width: plotPixels(1)}
	grid.Vertical = grid.Horizontal
	p.Add(grid)
	for _, l := range []struct {
		points plotter.XYs
		style  draw.LineStyle
	}{{part, partLine()}, {model, modelLine()}} {
		if len(l.points) > 0 {
			p.Add(&plotter.Line{XYs: l.points, LineStyle: l.style})
		}
	}
	p.Add(marks)

	all := slices.Concat(model, part)
	for i, x := range marks.x {
		all = append(all, plotter.XY{X: x, Y: marks.y[i].Min}, plotter.XY{X: x, Y: marks.y[i].Max})
	}
	s.scales(p, a, all)
	p.X.Label.Text = a.title()
	if named {
		p.Y.Label.Text = q.title
	}
	return p, nil
}

// scales gives a plot its logarithmic axes.
func (s *study) scales(p *plot.Plot, a axis, points plotter.XYs) {
	for _, ax := range []*plot.Axis{&p.X, &p.Y} {
		ax.Scale = plot.LogScale{}
		ax.LineStyle = draw.LineStyle{Color: plotFaint, Width: plotPixels(1)}
		ax.Tick.LineStyle = ax.LineStyle
		ax.Tick.Length = plotPixels(5)
		ax.Padding = 0
		label := ax.Tick.Label
		ax.Tick.Label = plotStyle(9, plotMuted, stdfont.WeightNormal)
		ax.Tick.Label.XAlign, ax.Tick.Label.YAlign = label.XAlign, label.YAlign
		align := ax.Label.TextStyle
		ax.Label.TextStyle = plotStyle(9, plotInk, stdfont.WeightNormal)
		ax.Label.TextStyle.XAlign, ax.Label.TextStyle.YAlign, ax.Label.TextStyle.Rotation = align.XAlign, align.YAlign, align.Rotation
		ax.Label.Padding = plotPixels(4)
	}
	const room = 1.12
	p.X.Min, p.X.Max = float64(a.Values[0])/room, float64(a.Values[len(a.Values)-1])*room
	p.X.Tick.Marker = plot.TickerFunc(func(_, _ float64) []plot.Tick {
		var ticks []plot.Tick
		for _, v := range a.Values {
			ticks = append(ticks, plot.Tick{Value: float64(v), Label: strconv.Itoa(v)})
		}
		return ticks
	})
	p.Y.Min, p.Y.Max = math.Inf(1), math.Inf(-1)
	for _, q := range points {
		if q.Y > 0 {
			p.Y.Min, p.Y.Max = min(p.Y.Min, q.Y), max(p.Y.Max, q.Y)
		}
	}
	if p.Y.Min > p.Y.Max {
		p.Y.Min, p.Y.Max = 1, 10
	}
	p.Y.Min, p.Y.Max = p.Y.Min/1.3, p.Y.Max*1.3
	p.Y.Tick.Marker = plot.TickerFunc(logTicks)
}

// logTicks labels 1, 2 and 5 of each power of ten; where these are many, 1
// alone, and where they are few, more of them.
func logTicks(low, high float64) []plot.Tick {
	digits := []float64{1, 2, 5}
	switch {
	case high/low > 500:
		digits = digits[:1]
	case high/low < 5:
		digits = []float64{1, 1.5, 2, 3, 4, 5, 6, 8}
	}
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(low)); e <= math.Log10(high); e++ {
		for _, d := range digits {
			if v := d * math.Pow(10, e); v >= low && v <= high {
				v = math.Round(v*1e6) / 1e6
				ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'f', -1, 64)})
			}
		}
	}
	return ticks
}

// lines is the model along an axis, also between what was measured. Pictures
// that go through in tiles are there where they were measured alone, since their
// number is the model's affair.
func (s *study) lines(a axis, q quantity) (all, part plotter.XYs, err error) {
	c := s.Constants[a.Work]
	add := func(x int, p *point) {
		m, of := q.model(a, p, c)
		all = append(all, plotter.XY{X: float64(x), Y: m})
		if of > 0 {
			part = append(part, plotter.XY{X: float64(x), Y: of})
		}
	}
	values, points := s.along(a)
	if len(values) == 0 {
		return nil, nil, nil
	}
	whole := values[len(values)-1] // the largest that goes through whole
	for i, p := range points {
		if p.Tiling != nil {
			whole = values[max(i-1, 0)]
			break
		}
	}
	for _, x := range between(a, values[0], whole) {
		set, err := a.at(s.base(a.Work), x)
		if err != nil {
			return nil, nil, err
		}
		w, err := set.takes(nil)
		if err != nil {
			return nil, nil, err
		}
		add(x, &point{Setting: set, Takes: w, Predicted: s.says(a.Work, w, c), Started: a.Name == axisPictures})
	}
	for i, p := range points {
		if p.Tiling != nil {
			add(values[i], p)
		}
	}
	return all, part, nil
}

// between gives values of an axis at about equal ratios, both ends included. Of
// sizes it takes those that a quarter of is whole tiles of Winograd's form: others
// take as much as the next larger of these, which would make a line of steps.
func between(a axis, from, to int) []int {
	unit := 1
	if a.Name == "size" {
		unit = 16
	}
	values := []int{from}
	for i := range plotSamples {
		v := float64(from) * math.Pow(float64(to)/float64(from), float64(i)/plotSamples)
		if n := int(v) / unit * unit; n > values[len(values)-1] {
			values = append(values, n)
		}
	}
	return slices.Compact(append(values, to))
}

// measuredMarks are dots with lines from the least to the most.
type measuredMarks struct {
	x     []float64
	y     []spread
	notes []string
}

// Plot makes the marks a plot.Plotter.
func (m measuredMarks) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	style := plotStyle(8, plotMuted, stdfont.WeightNormal)
	style.XAlign, style.YAlign = draw.XRight, draw.YCenter
	for i := range m.x {
		at := vg.Point{X: x(m.x[i]), Y: y(m.y[i].Median)}
		c.StrokeLine2(draw.LineStyle{Color: plotInk, Width: plotPixels(1.5)}, at.X, y(m.y[i].Min), at.X, y(m.y[i].Max))
		c.DrawGlyphNoClip(measuredGlyph(), at)
		if m.notes[i] != "" {
			c.FillText(style, vg.Point{X: at.X - plotPixels(10), Y: at.Y}, m.notes[i])
		}
	}
}
