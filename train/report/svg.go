package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// An svgPainter draws a chart as SVG. Positions are percentages and texts and lines keep their
// size, so the browser can show it at any width: only the curves, in a nested svg, are stretched.
type svgPainter struct {
	grid, curves, marks strings.Builder
	longest             int // characters of a label of the vertical axis
}

// svg returns the chart with one of its axes. Everything in it is made of numbers.
func (c *chart) svg(y scale) string {
	var p svgPainter
	c.draw(&p, y)
	left := 12 + 7*max(2, p.longest)
	return fmt.Sprintf(`<svg aria-hidden="true" style="margin-left:%dpx;width:calc(100%% - %dpx)">%s`+
		`<svg viewBox="0 0 1000 1000" preserveAspectRatio="none">%s</svg>%s</svg>`,
		left, left+14, &p.grid, &p.curves, &p.marks)
}

// Linear and Log return the drawings for the template; Log is empty where that axis is impossible.
func (c *chart) Linear() template.HTML { return template.HTML(c.svg(c.linear)) }

func (c *chart) Log() template.HTML {
	if c.log == (scale{}) {
		return ""
	}
	return template.HTML(c.svg(c.log))
}

// percent formats a position.
func percent(v float64) string { return fmt.Sprintf("%.4g%%", 100*v) }

func (p *svgPainter) tickX(x float64, label string) {
	anchor := ""
	if x > 0.97 {
		anchor = ` class="end"`
	}
	fmt.Fprintf(&p.grid, `<line x1="%[1]s" x2="%[1]s" y2="100%%"/><text%[3]s x="%[1]s" y="100%%" dy="17">%[2]s</text>`, percent(x), label, anchor)
}

func (p *svgPainter) tickY(y float64, label string) {
	p.longest = max(p.longest, len(label))
	fmt.Fprintf(&p.grid, `<line x2="100%%" y1="%[1]s" y2="%[1]s"/><text class="end" x="-6" y="%[1]s" dy="4">%[2]s</text>`, percent(y), label)
}

func (p *svgPainter) rule(x float64) {
	fmt.Fprintf(&p.grid, `<line class="rule" x1="%[1]s" x2="%[1]s" y2="100%%"/>`, percent(x))
}

func (p *svgPainter) band(outline []point, l *chartLine) {
	if len(outline) > 0 {
		fmt.Fprintf(&p.curves, `<path class="band h%d" d="%sZ"/>`, l.Hue, path(outline))
	}
}

func (p *svgPainter) line(points []point, l *chartLine, raw bool) {
	class := "line" + l.Dashes()
	if raw {
		class = "raw"
	}
	if len(points) > 1 {
		fmt.Fprintf(&p.curves, `<path class="%s h%d" d="%s"/>`, class, l.Hue, path(points))
	}
}

func (p *svgPainter) dot(at point, l *chartLine, best bool) {
	class, radius := "dot", 3
	if best {
		class, radius = "best", 5
	}
	fmt.Fprintf(&p.marks, `<circle class="%s h%d" cx="%s" cy="%s" r="%d"/>`, class, l.Hue, percent(at.x), percent(at.y), radius)
}

// path returns path data in thousandths of the plot area.
func path(points []point) string {
	var b strings.Builder
	command := "M"
	for _, p := range points {
		fmt.Fprintf(&b, "%s%g %g", command, math.Round(1e4*p.x)/10, math.Round(1e4*p.y)/10)
		command = "L"
	}
	return b.String()
}

// Dashes is the class of a line that is not solid.
func (l *chartLine) Dashes() string {
	switch {
	case l.Dashed:
		return " dashed"
	case l.Dotted:
		return " dotted"
	}
	return ""
}

// Last formats the line's last value.
func (l *chartLine) Last() string {
	if l.Stopped || len(l.Y) == 0 {
		return "not finite"
	}
	return scoreText(l.Y[len(l.Y)-1], 0)
}

// BestText describes the best value for a screen reader.
func (l *chartLine) BestText() string {
	if l.Best == nil {
		return ""
	}
	return fmt.Sprintf("%s at step %s", scoreText(l.Y[*l.Best], 0), grouped(int64(l.X[*l.Best])))
}
