package report

import (
	"fmt"
	"image/color"
	"math"

	stdfont "golang.org/x/image/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// drawHead writes the title and how to read the lines.
func (f *figure) drawHead(c draw.Canvas) {
	at := vg.Point{X: c.Min.X + pixels(edge), Y: c.Max.Y - pixels(edge)}
	note := style(9, muted, stdfont.WeightNormal)
	note.YAlign = draw.YTop
	title := style(13, ink, stdfont.WeightBold)
	title.YAlign = draw.YTop
	name := fitLine(title, f.title, c.Max.X-c.Min.X-pixels(2*edge))
	c.FillText(title, at, name)
	how := f.howToRead()
	note.XAlign = draw.XRight
	if title.Width(name)+note.Width(how)+pixels(3*edge) < c.Max.X-c.Min.X {
		c.FillText(note, vg.Point{X: c.Max.X - pixels(edge), Y: at.Y}, how)
	}
}

// howToRead explains the lines; "" when there are none.
func (f *figure) howToRead() string {
	points, each := 0, 1
	for _, p := range f.panels {
		for _, c := range p.curves {
			_, _, n := thin(c.x, c.y, f.columns())
			each = max(each, n)
			points = max(points, len(c.x))
		}
	}
	if points < 2 {
		return ""
	}
	how := "faint: as logged"
	if each > 1 {
		how = fmt.Sprintf("faint: means of %d logged values", each)
	}
	if f.span > 1 {
		// Two digits are enough.
		digit := math.Pow(10, math.Floor(math.Log10(f.span))-1)
		span := math.Round(f.span/digit) * digit
		how += fmt.Sprintf(" · line: mean over about %s steps to both sides", unitOf(span).label(span, max(digit, 1)))
	}
	return how
}

// fitLine shortens s to the room there is.
func fitLine(sty text.Style, s string, room vg.Length) string {
	s = oneLine(s)
	if sty.Width(s) <= room {
		return s
	}
	runes := []rune(s)
	for len(runes) > 0 {
		runes = runes[:len(runes)-1]
		if short := string(runes) + "…"; sty.Width(short) <= room {
			return short
		}
	}
	return ""
}

// drawPanelTitle names a panel above its upper left corner.
func drawPanelTitle(c draw.Canvas, p panel, data vg.Rectangle) {
	at := vg.Point{X: data.Min.X, Y: data.Max.Y + pixels(10)}
	name := style(10.5, ink, stdfont.WeightBold)
	c.FillText(name, at, p.name)
	if p.losses.log {
		at.X += name.Width(p.name) + pixels(8)
		c.FillText(style(9, muted, stdfont.WeightNormal), at, "logarithmic")
	}
}

// drawLegend lists a panel's curves to the right of where its data lie.
func drawLegend(c draw.Canvas, p panel, data vg.Rectangle) {
	name, height := style(9.5, ink, stdfont.WeightNormal), style(9.5, muted, stdfont.WeightNormal)
	name.YAlign, height.YAlign = draw.YCenter, draw.YCenter
	height.XAlign = draw.XRight
	left, right := data.Max.X+pixels(20), c.Max.X-pixels(edge)
	text := left + pixels(swatch+9)
	y := data.Max.Y - pixels(10)
	if len(p.curves) == 0 {
		c.FillText(name, vg.Point{X: left, Y: y}, "no losses logged yet")
	}
	for i, curve := range p.curves {
		if left := len(p.curves) - i; left > 1 && y-pixels(legendLine) < data.Min.Y {
			c.FillText(name, vg.Point{X: text, Y: y}, fmt.Sprintf("and %d more", left))
			return
		}
		value := height
		present := "-"
		if n := len(curve.smooth); n > 0 {
			present = threeDigits(curve.smooth[n-1])
		}
		if curve.stopped {
			value.Color, present = urgent, "not finite"
		}
		line := draw.LineStyle{Color: seriesColour(curve.name, i), Width: pixels(3)}
		c.StrokeLine2(line, left, y, left+pixels(swatch), y)
		c.FillText(name, vg.Point{X: text, Y: y}, fitLine(name, curve.name, right-text-value.Width(present)-pixels(8)))
		c.FillText(value, vg.Point{X: right, Y: y}, present)
		y -= pixels(legendLine)
	}
}

// colours go in pairs: what belongs together has one hue, darker for the
// first direction or domain.
var colours = map[string]color.NRGBA{
	"G_AB": {24, 78, 160, 255}, "G_BA": {96, 165, 226, 255},
	"cycle_A": {16, 112, 72, 255}, "cycle_B": {106, 190, 130, 255},
	"idt_A": {190, 84, 14, 255}, "idt_B": {240, 160, 72, 255},
	"D_A": {120, 36, 140, 255}, "D_B": {206, 104, 190, 255},
}

// spare are the colours of series that the paper does not name.
var spare = []color.NRGBA{
	{90, 90, 96, 255}, {170, 40, 70, 255}, {0, 130, 140, 255}, {150, 130, 20, 255}, {150, 150, 156, 255},
}

func seriesColour(name string, i int) color.NRGBA {
	if c, ok := colours[name]; ok {
		return c
	}
	return spare[i%len(spare)]
}
