package report

import (
	"image"
	"image/color"
	"image/draw"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Colors of all images that this package draws.
var (
	paper = color.NRGBA{250, 250, 248, 255}
	empty = color.NRGBA{236, 236, 233, 255} // where an image is missing
	ink   = color.NRGBA{38, 40, 46, 255}
	muted = color.NRGBA{112, 116, 126, 255}
	faint = color.NRGBA{226, 226, 223, 255} // grid lines
)

func fill(img draw.Image, r image.Rectangle, c color.Color) {
	draw.Draw(img, r, image.NewUniform(c), image.Point{}, draw.Src)
}

// A typeface parses a font when it is first used.
type typeface func() (*opentype.Font, error)

var (
	regular typeface = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(goregular.TTF) })
	bold    typeface = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(gobold.TTF) })
)

// A pen writes single lines in one font, size and color.
type pen struct {
	face  font.Face
	color color.Color
}

// newPen takes the size of the em square in pixels. It panics only if a built-in font is damaged.
func newPen(face typeface, size int, c color.Color) pen {
	f, err := face()
	if err != nil {
		panic(err)
	}
	sized, err := opentype.NewFace(f, &opentype.FaceOptions{Size: float64(size), DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		panic(err)
	}
	return pen{sized, c}
}

func (p pen) width(s string) int { return font.MeasureString(p.face, s).Ceil() }
func (p pen) height() int        { m := p.face.Metrics(); return (m.Ascent + m.Descent).Ceil() }
func (p pen) lineAdvance() int   { return p.height() + p.height()/8 }

// oneLine makes any text suitable for one line. Names come from options and logs and may contain
// anything.
func oneLine(s string) string {
	const most = 1600 // bytes; more than a sheet has room for
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s[:min(len(s), most)])
}

// fit shortens s to the width, with an ellipsis for its end.
func (p pen) fit(s string, w int) string {
	s = oneLine(s)
	if p.width(s) <= w {
		return s
	}
	for s != "" {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
		if short := s + "…"; p.width(short) <= w {
			return short
		}
	}
	return ""
}

// write writes s with its top left corner at (x, y).
func (p pen) write(dst draw.Image, x, y int, s string) {
	dot := fixed.P(x, y+p.face.Metrics().Ascent.Ceil())
	d := font.Drawer{Dst: dst, Src: image.NewUniform(p.color), Face: p.face, Dot: dot}
	d.DrawString(s)
}
