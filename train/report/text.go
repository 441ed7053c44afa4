package report

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// The colours that every picture of a run shares.
var (
	paper  = color.NRGBA{250, 250, 248, 255}
	empty  = color.NRGBA{236, 236, 233, 255} // where a picture is missing
	ink    = color.NRGBA{38, 40, 46, 255}
	muted  = color.NRGBA{112, 116, 126, 255}
	faint  = color.NRGBA{226, 226, 223, 255} // grid lines
	urgent = color.NRGBA{190, 30, 45, 255}
)

var (
	regular = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(liberationsansregular.TTF) })
	bold    = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(liberationsansbold.TTF) })
)

// A pen writes single lines of one font, size and colour.
type pen struct {
	face   font.Face
	colour color.Color
}

// newPen takes the size of the em square in pixels.
func newPen(typeface func() (*opentype.Font, error), size int, c color.Color) (pen, error) {
	f, err := typeface()
	if err != nil {
		return pen{}, fmt.Errorf("built-in font: %w", err)
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: float64(size), DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return pen{}, fmt.Errorf("built-in font at %d pixels: %w", size, err)
	}
	return pen{face, c}, nil
}

func (p pen) width(s string) int        { return font.MeasureString(p.face, s).Ceil() }
func (p pen) height() int               { m := p.face.Metrics(); return (m.Ascent + m.Descent).Ceil() }
func (p pen) ascent() int               { return p.face.Metrics().Ascent.Ceil() }
func (p pen) lineAdvance() int          { return p.height() + p.height()/8 }
func (p pen) fits(s string, w int) bool { return p.width(s) <= w }

// oneLine makes any text fit to be written on a line: names come from options
// and logs, which may hold anything.
func oneLine(s string) string {
	const most = 400 // runes; more than a sheet has room for
	n := 0
	return strings.Map(func(r rune) rune {
		if n++; n > most {
			return -1
		}
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// fit shortens s to the width by an ellipsis in place of its end.
func (p pen) fit(s string, w int) string {
	s = oneLine(s)
	if p.fits(s, w) {
		return s
	}
	for s != "" {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
		if short := s + "…"; p.fits(short, w) {
			return short
		}
	}
	return ""
}

// write puts s with its top left corner at (x, y).
func (p pen) write(dst draw.Image, x, y int, s string) {
	d := font.Drawer{
		Dst: dst, Src: image.NewUniform(p.colour), Face: p.face,
		Dot: fixed.P(x, y+p.ascent()),
	}
	d.DrawString(s)
}
