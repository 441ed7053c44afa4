package report

import (
	"errors"
	"fmt"
	"image"
	stddraw "image/draw"
	"strings"

	"golang.org/x/image/draw"
)

// A Grid is a sheet of images in rows, with titles above the columns, such as inputs and their
// translations.
//
//	sheet := report.Grid{
//		Columns: []string{"A\nsummer", "G_AB(A)", "G_BA(G_AB(A))"},
//		Rows:    []report.Row{{Pictures: []image.Image{a, fakeB, recA}}},
//	}
//	img, err := sheet.Image()
type Grid struct {
	Title   string   // above everything; "" for none
	Columns []string // column titles; a second line, after "\n", is smaller
	Rows    []Row    // may differ in length

	// Group is the number of columns between wider gaps, which separate A to B from B to A. 0 is no
	// gaps.
	Group int

	// MinCell is the smallest longer side of an image on the sheet, in pixels. Smaller images are
	// enlarged by an integer factor without smoothing, which keeps every pixel visible. Default
	// 128; 1 never enlarges.
	MinCell int
}

// A Row is one row of a Grid.
type Row struct {
	Label    string        // on the left; "" for none
	Pictures []image.Image // nil leaves the cell empty
}

const (
	maxSheet   = 256 << 20 // pixels of a sheet, four bytes each
	maxMinCell = 4096
)

// Image draws the sheet. The result is opaque.
func (g *Grid) Image() (*image.NRGBA, error) {
	img, err := g.draw()
	if err != nil {
		return nil, fmt.Errorf("draw the sheet: %w", err)
	}
	return img, nil
}

func (g *Grid) draw() (*image.NRGBA, error) {
	l, err := g.layout()
	if err != nil {
		return nil, err
	}
	sheet := image.NewRGBA(image.Rectangle{Max: l.size})
	stddraw.Draw(sheet, sheet.Rect, image.NewUniform(paper), image.Point{}, stddraw.Src)
	if g.Title != "" {
		l.title.write(sheet, l.left, margin, l.title.fit(g.Title, l.size.X-l.left-margin))
	}
	for c, title := range g.Columns {
		l.writeColumn(sheet, c, title)
	}
	for r, row := range g.Rows {
		l.writeLabel(sheet, r, row.Label)
		for c := range l.columns {
			cell := l.cellAt(r, c)
			if c >= len(row.Pictures) || missing(row.Pictures[c]) {
				stddraw.Draw(sheet, cell, image.NewUniform(empty), image.Point{}, stddraw.Src)
				continue
			}
			img := row.Pictures[c]
			draw.NearestNeighbor.Scale(sheet, l.place(cell, img), img, img.Bounds(), draw.Over, nil)
		}
	}
	// Every pixel is opaque, so premultiplied and straight colours are equal.
	return &image.NRGBA{Pix: sheet.Pix, Stride: sheet.Stride, Rect: sheet.Rect}, nil
}

// missing reports whether img is nil or holds a nil pointer.
func missing(img image.Image) bool {
	if img == nil {
		return true
	}
	p, ok := img.(*image.NRGBA)
	return ok && p == nil
}

const (
	margin    = 16
	gutter    = 6
	groupGap  = 26
	labelGap  = 12
	maxLabel  = 220
	titleGap  = 12
	columnGap = 8 // between a column's title and its first image
)

// A layout holds the positions on a sheet.
type layout struct {
	size      image.Point
	cell      image.Point
	columns   int
	group     int
	left, top int // of the first cell
	heads     int // y of the column titles
	headLines int

	title, head, sub, label pen
}

func (g *Grid) layout() (*layout, error) {
	l := &layout{columns: len(g.Columns), group: g.Group}
	if g.Group < 0 {
		return nil, fmt.Errorf("field Group is %d; it must not be negative", g.Group)
	}
	if g.MinCell < 0 || g.MinCell > maxMinCell {
		return nil, fmt.Errorf("field MinCell is %d; it must be from 0 to %d", g.MinCell, maxMinCell)
	}
	for _, row := range g.Rows {
		l.columns = max(l.columns, len(row.Pictures))
	}
	if l.columns == 0 || len(g.Rows) == 0 {
		return nil, errors.New("no images")
	}
	if err := l.measureCells(g); err != nil {
		return nil, err
	}
	if err := l.measureText(g); err != nil {
		return nil, err
	}
	lastCell := l.cellAt(len(g.Rows)-1, l.columns-1)
	l.size = lastCell.Max.Add(image.Pt(margin, margin))
	return l, nil
}

func (l *layout) measureCells(g *Grid) error {
	least := g.MinCell
	if least == 0 {
		least = 128
	}
	for r, row := range g.Rows {
		for c, img := range row.Pictures {
			if missing(img) {
				continue
			}
			b := img.Bounds()
			if b.Empty() {
				return fmt.Errorf("the image in row %d, column %d is %dx%d: it has no pixels", r+1, c+1, b.Dx(), b.Dy())
			}
			longer := max(b.Dx(), b.Dy())
			factor := (least + longer - 1) / longer
			l.cell.X = max(l.cell.X, b.Dx()*factor)
			l.cell.Y = max(l.cell.Y, b.Dy()*factor)
		}
	}
	if l.cell == (image.Point{}) {
		l.cell = image.Pt(least, least)
	}
	w, h := l.columns*(l.cell.X+groupGap)+maxLabel, len(g.Rows)*(l.cell.Y+gutter)
	if l.cell.X > maxSheet || l.cell.Y > maxSheet || l.columns > maxSheet || len(g.Rows) > maxSheet || w > maxSheet/h {
		return fmt.Errorf("%d rows of %d images of %dx%d are too much for one sheet. Fix: show fewer or smaller images",
			len(g.Rows), l.columns, l.cell.X, l.cell.Y)
	}
	return nil
}

func (l *layout) measureText(g *Grid) (err error) {
	size := min(max(l.cell.X/10, 13), 20)
	pens := []struct {
		pen  *pen
		make func() (pen, error)
	}{
		{&l.title, func() (pen, error) { return newPen(bold, size+3, ink) }},
		{&l.head, func() (pen, error) { return newPen(regular, size, ink) }},
		{&l.sub, func() (pen, error) { return newPen(regular, size-2, muted) }},
		{&l.label, func() (pen, error) { return newPen(regular, size-1, muted) }},
	}
	for _, p := range pens {
		if *p.pen, err = p.make(); err != nil {
			return err
		}
	}
	l.left = margin
	for _, row := range g.Rows {
		if row.Label != "" {
			l.left = max(l.left, margin+l.label.width(l.label.fit(row.Label, maxLabel))+labelGap)
		}
	}
	l.top = margin
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
	return nil
}

func (l *layout) cellAt(row, column int) image.Rectangle {
	x := l.left + column*(l.cell.X+gutter)
	if l.group > 0 {
		x += column / l.group * (groupGap - gutter)
	}
	y := l.top + row*(l.cell.Y+gutter)
	return image.Rectangle{image.Pt(x, y), image.Pt(x, y).Add(l.cell)}
}

// place returns the rectangle of an image in a cell: centred, enlarged by an integer factor.
func (l *layout) place(cell image.Rectangle, img image.Image) image.Rectangle {
	b := img.Bounds()
	factor := max(1, min(cell.Dx()/b.Dx(), cell.Dy()/b.Dy()))
	size := b.Size().Mul(factor)
	at := cell.Min.Add(cell.Size().Sub(size).Div(2))
	return image.Rectangle{at, at.Add(size)}
}

// writeColumn centres a title above its column, at the bottom of the space for titles.
func (l *layout) writeColumn(sheet stddraw.Image, column int, title string) {
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

func (l *layout) writeLabel(sheet stddraw.Image, row int, label string) {
	if label == "" {
		return
	}
	label = l.label.fit(label, maxLabel)
	cell := l.cellAt(row, 0)
	l.label.write(sheet, l.left-labelGap-l.label.width(label), cell.Min.Y+(cell.Dy()-l.label.height())/2, label)
}
