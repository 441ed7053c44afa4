package report

import (
	"errors"
	"fmt"
	"image"
	"strings"

	"golang.org/x/image/draw"
)

// A Grid is a sheet of images in rows, with titles above the columns, such as inputs and their
// translations.
//
//	sheet := report.Grid{
//		Columns: []string{"A\nsummer", "G_AB(A)", "G_BA(G_AB(A))"},
//		Rows:    [][]image.Image{{a, fakeB, recA}},
//	}
//	img, err := sheet.Image()
type Grid struct {
	Title   string          // above everything; "" for none
	Columns []string        // column titles; a second line, after "\n", is smaller
	Rows    [][]image.Image // may differ in length; nil leaves a cell empty

	// Group is the number of columns between wider gaps, which separate A to B from B to A. 0 is no
	// gaps.
	Group int
}

const (
	maxSheet = 256 << 20 // pixels of a sheet, four bytes each
	// minCell is the smallest longer side of an image on the sheet, in pixels. Smaller images are
	// enlarged by an integer factor without smoothing, which keeps every pixel visible.
	minCell = 128
)

// Image draws the sheet. The result is opaque.
func (g *Grid) Image() (*image.NRGBA, error) {
	l, err := g.layout()
	if err != nil {
		return nil, fmt.Errorf("draw the sheet: %w", err)
	}
	sheet := image.NewRGBA(image.Rectangle{Max: l.size})
	fill(sheet, sheet.Rect, paper)
	if g.Title != "" {
		l.title.write(sheet, margin, margin, l.title.fit(g.Title, l.size.X-2*margin))
	}
	for c, title := range g.Columns {
		l.writeColumn(sheet, c, title)
	}
	for r, row := range g.Rows {
		for c := range l.columns {
			cell := l.cellAt(r, c)
			if c >= len(row) || row[c] == nil {
				fill(sheet, cell, empty)
				continue
			}
			draw.NearestNeighbor.Scale(sheet, place(cell, row[c]), row[c], row[c].Bounds(), draw.Over, nil)
		}
	}
	// Every pixel is opaque, so premultiplied and straight colors are equal.
	return &image.NRGBA{Pix: sheet.Pix, Stride: sheet.Stride, Rect: sheet.Rect}, nil
}

const (
	margin    = 16
	gutter    = 6
	groupGap  = 26
	titleGap  = 12
	columnGap = 8 // between a column's title and its first image
)

// A layout holds the positions on a sheet.
type layout struct {
	size      image.Point
	cell      image.Point
	columns   int
	group     int
	top       int // of the first cell
	heads     int // y of the column titles
	headLines int

	title, head, sub pen
}

func (g *Grid) layout() (*layout, error) {
	l := &layout{columns: len(g.Columns), group: g.Group, top: margin}
	for r, row := range g.Rows {
		l.columns = max(l.columns, len(row))
		for c, img := range row {
			if img == nil {
				continue
			}
			b := img.Bounds()
			if b.Empty() {
				return nil, fmt.Errorf("the image in row %d, column %d is %dx%d: it has no pixels", r+1, c+1, b.Dx(), b.Dy())
			}
			longer := max(b.Dx(), b.Dy())
			factor := (minCell + longer - 1) / longer
			l.cell.X, l.cell.Y = max(l.cell.X, b.Dx()*factor), max(l.cell.Y, b.Dy()*factor)
		}
	}
	if l.columns == 0 || len(g.Rows) == 0 {
		return nil, errors.New("no images")
	}
	if l.cell == (image.Point{}) {
		l.cell = image.Pt(minCell, minCell)
	}
	if w, h := l.columns*l.cell.X, len(g.Rows)*l.cell.Y; float64(w)*float64(h) > maxSheet {
		return nil, fmt.Errorf("%d rows of %d images of %dx%d are too much for one sheet. Fix: show fewer or smaller images",
			len(g.Rows), l.columns, l.cell.X, l.cell.Y)
	}
	l.measureText(g)
	l.size = l.cellAt(len(g.Rows)-1, l.columns-1).Max.Add(image.Pt(margin, margin))
	return l, nil
}

func (l *layout) measureText(g *Grid) {
	size := min(max(l.cell.X/10, 13), 20)
	l.title, l.head, l.sub = newPen(bold, size+3, ink), newPen(regular, size, ink), newPen(regular, size-2, muted)
	if g.Title != "" {
		l.top += l.title.height() + titleGap
	}
	l.heads = l.top
	for _, title := range g.Columns {
		if title != "" {
			l.headLines = max(l.headLines, 1+min(strings.Count(title, "\n"), 1))
		}
	}
	if l.headLines > 0 {
		l.top += l.head.height() + (l.headLines-1)*l.sub.lineAdvance() + columnGap
	}
}

func (l *layout) cellAt(row, column int) image.Rectangle {
	x := margin + column*(l.cell.X+gutter)
	if l.group > 0 {
		x += column / l.group * (groupGap - gutter)
	}
	y := l.top + row*(l.cell.Y+gutter)
	return image.Rectangle{image.Pt(x, y), image.Pt(x, y).Add(l.cell)}
}

// place returns the rectangle of an image in a cell: centred, enlarged by an integer factor.
func place(cell image.Rectangle, img image.Image) image.Rectangle {
	b := img.Bounds()
	factor := max(1, min(cell.Dx()/b.Dx(), cell.Dy()/b.Dy()))
	size := b.Size().Mul(factor)
	at := cell.Min.Add(cell.Size().Sub(size).Div(2))
	return image.Rectangle{at, at.Add(size)}
}

// writeColumn centres a title above its column, at the bottom of the space for titles.
func (l *layout) writeColumn(sheet *image.RGBA, column int, title string) {
	cell := l.cellAt(0, column)
	first, second, two := strings.Cut(title, "\n")
	y := l.heads
	if !two && l.headLines > 1 {
		y += l.sub.lineAdvance()
	}
	centred := func(p pen, y int, s string) {
		s = p.fit(s, cell.Dx())
		p.write(sheet, cell.Min.X+(cell.Dx()-p.width(s))/2, y, s)
	}
	centred(l.head, y, first)
	centred(l.sub, l.heads+l.head.height()+l.head.height()/8, second)
}
