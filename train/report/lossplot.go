package report

import (
	"fmt"
	"image"
	"image/png"
	"io"
	"strings"

	"cyclegan/infer/atomicfile"
)

// A Series is one quantity over the steps of a run. X and Y are equally long.
type Series struct {
	Name string
	X, Y []float64
}

// A LossPlot shows losses over the step: what the generators are trained by in
// an upper panel, the discriminators' losses (names that begin with "D_") in a
// lower one, since the two pull against each other and differ in size. Of each
// series it draws every value faintly and a smoothed line on top, with the
// line's present height in the legend.
//
// The vertical axes begin at zero and are linear, unless a loss is negative or
// the smoothed lines spread over more than two orders of magnitude. Values
// that are NaN or infinite are left out; the legend says so when the last is.
// Any number of points may be given, none included.
type LossPlot struct {
	Title  string
	Series []Series

	// Span is how many steps the smoothed line looks to both sides: a value so
	// far away weighs 1/e. 0 means a hundredth of the run, but no less than two
	// logged values are apart; negative no smoothing.
	Span float64

	// Width and Height are in pixels. 0 means 1400 and 900.
	Width, Height int
}

const (
	defaultWidth, defaultHeight = 1400, 900
	minWidth, minHeight         = 480, 320
	maxSide                     = 8192
)

// Image draws the plot. The result is opaque.
func (p *LossPlot) Image() (image.Image, error) {
	img, err := p.draw()
	if err != nil {
		return nil, fmt.Errorf("draw loss plot: %w", err)
	}
	return img, nil
}

// Encode writes the plot as PNG.
func (p *LossPlot) Encode(w io.Writer) error {
	img, err := p.Image()
	if err != nil {
		return err
	}
	if err := png.Encode(w, img); err != nil {
		return fmt.Errorf("write loss plot: %w", err)
	}
	return nil
}

// Save writes the plot as a PNG file, in one piece: who looks at path while a
// run trains sees the old plot or the whole new one.
func (p *LossPlot) Save(path string) error {
	img, err := p.Image()
	if err != nil {
		return err
	}
	err = atomicfile.Write(path, func(w io.Writer) error { return png.Encode(w, img) })
	if err != nil {
		return fmt.Errorf("write loss plot: %w", err)
	}
	return nil
}

func (p *LossPlot) draw() (image.Image, error) {
	width, height := p.Width, p.Height
	if width == 0 {
		width = defaultWidth
	}
	if height == 0 {
		height = defaultHeight
	}
	if width < minWidth || height < minHeight || width > maxSide || height > maxSide {
		return nil, fmt.Errorf("%dx%d pixels: must lie between %dx%d and %dx%d",
			width, height, minWidth, minHeight, maxSide, maxSide)
	}
	curves := make([]curve, len(p.Series))
	for i, s := range p.Series {
		if len(s.X) != len(s.Y) {
			return nil, fmt.Errorf("series %q has %d steps but %d values", s.Name, len(s.X), len(s.Y))
		}
		curves[i] = newCurve(s)
	}
	steps := stepScale(curves)
	span := p.Span
	if span == 0 {
		span = smoothSpan(curves)
	}
	for i := range curves {
		curves[i].average(span)
	}
	f := figure{
		title: p.Title, width: width, height: height, steps: steps, span: span,
		panels: split(curves),
	}
	return f.draw(), nil
}

// split puts the curves into panels; one without curves is left out, unless
// there are none at all.
func split(curves []curve) []panel {
	generators, discriminators := panel{name: "Generators"}, panel{name: "Discriminators"}
	for _, c := range curves {
		if strings.HasPrefix(c.name, "D_") {
			discriminators.curves = append(discriminators.curves, c)
		} else {
			generators.curves = append(generators.curves, c)
		}
	}
	var panels []panel
	for _, p := range []panel{generators, discriminators} {
		if len(p.curves) > 0 {
			p.losses = lossScale(p.curves)
			panels = append(panels, p)
		}
	}
	if panels == nil {
		panels = []panel{{name: "Losses", losses: lossScale(nil)}}
	}
	return panels
}
