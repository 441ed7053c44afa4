package report

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
)

// speckled returns an image without equal neighbours.
func speckled(w, h int, blue uint8) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, color.NRGBA{uint8(x * 7), uint8(y * 11), blue, 255})
		}
	}
	return img
}

func TestGridShowsEveryPixel(t *testing.T) {
	a, b := speckled(64, 64, 10), speckled(64, 48, 200)
	g := Grid{
		Title:   "step 100",
		Columns: []string{"A\nsummer", "G_AB(A)", "third"},
		Rows:    [][]image.Image{{a, b}, {nil, nil, a}},
	}
	img, err := g.Image()
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	decoded, err := png.Decode(&buf)
	if err != nil {
		t.Fatal(err)
	}
	l, err := g.layout()
	if err != nil {
		t.Fatal(err)
	}
	if l.cell != image.Pt(128, 128) {
		t.Fatalf("cells are %v, want 128x128 for images of 64", l.cell)
	}
	check := func(row, column int, src *image.NRGBA, factor int) {
		t.Helper()
		cell := l.cellAt(row, column)
		size := src.Rect.Size().Mul(factor)
		at := cell.Min.Add(cell.Size().Sub(size).Div(2))
		for y := range size.Y {
			for x := range size.X {
				if got, want := nrgba(decoded.At(at.X+x, at.Y+y)), src.NRGBAAt(x/factor, y/factor); got != want {
					t.Fatalf("row %d column %d pixel (%d,%d) is %v, want %v", row, column, x, y, got, want)
				}
			}
		}
	}
	check(0, 0, a, 2)
	check(0, 1, b, 2)
	check(1, 2, a, 2)
	for _, column := range []int{0, 1} {
		cell := l.cellAt(1, column)
		if got := nrgba(decoded.At(cell.Min.X+5, cell.Min.Y+5)); got != empty {
			t.Errorf("missing image in column %d is %v, want %v", column, got, empty)
		}
	}
	if got := nrgba(decoded.At(l.cellAt(0, 0).Max.X+gutter/2, l.cellAt(0, 0).Min.Y+9)); got != paper {
		t.Errorf("gutter is %v, want the background", got)
	}
	if !img.Opaque() {
		t.Error("the sheet is not opaque")
	}
}

// Titles are above their columns. The margins are empty.
func TestGridText(t *testing.T) {
	row := []image.Image{speckled(8, 8, 0), speckled(8, 8, 0)}
	g := Grid{Columns: []string{"left", ""}, Rows: [][]image.Image{row, row}}
	img, err := g.Image()
	if err != nil {
		t.Fatal(err)
	}
	l, err := g.layout()
	if err != nil {
		t.Fatal(err)
	}
	written := func(r image.Rectangle) bool {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				if img.NRGBAAt(x, y) != paper {
					return true
				}
			}
		}
		return false
	}
	above := func(c int) image.Rectangle {
		cell := l.cellAt(0, c)
		return image.Rect(cell.Min.X, margin, cell.Max.X, cell.Min.Y)
	}
	if !written(above(0)) || written(above(1)) {
		t.Error("want a title above the first column only")
	}
	b := img.Rect
	for _, m := range []image.Rectangle{
		image.Rect(0, 0, b.Max.X, margin), image.Rect(0, 0, margin, b.Max.Y),
		image.Rect(b.Max.X-margin, 0, b.Max.X, b.Max.Y), image.Rect(0, b.Max.Y-margin, b.Max.X, b.Max.Y),
	} {
		if written(m) {
			t.Errorf("the margin %v is not empty", m)
		}
	}
}

func TestGridSizes(t *testing.T) {
	sheet := func(g Grid) image.Point {
		t.Helper()
		img, err := g.Image()
		if err != nil {
			t.Fatal(err)
		}
		return img.Rect.Size()
	}
	row := func(w, h, n int) (r []image.Image) {
		for range n {
			r = append(r, speckled(w, h, 0))
		}
		return r
	}
	for _, test := range []struct {
		grid Grid
		want image.Point
	}{
		{Grid{Rows: [][]image.Image{row(256, 256, 1)}}, image.Pt(256+2*margin, 256+2*margin)},
		{Grid{Rows: [][]image.Image{row(100, 50, 1)}}, image.Pt(200+2*margin, 100+2*margin)},
		{Grid{Rows: [][]image.Image{row(1, 1, 1)}}, image.Pt(128+2*margin, 128+2*margin)},
		{Grid{Rows: [][]image.Image{row(64, 64, 3), row(64, 64, 1)}}, image.Pt(3*128+2*gutter+2*margin, 2*128+gutter+2*margin)},
		{Grid{Rows: [][]image.Image{row(64, 64, 4)}, Group: 2}, image.Pt(4*128+2*gutter+groupGap+2*margin, 128+2*margin)},
		{Grid{Rows: [][]image.Image{{}}, Columns: []string{"", ""}}, image.Pt(2*128+gutter+2*margin, 128+2*margin)},
	} {
		if got := sheet(test.grid); got != test.want {
			t.Errorf("sheet is %v, want %v", got, test.want)
		}
	}
}

func TestGridAcceptsAnyKindOfImage(t *testing.T) {
	gray := image.NewGray16(image.Rect(-5, -5, 5, 5))
	gray.SetGray16(-5, -5, color.Gray16{0x8000})
	inner := speckled(40, 40, 9).SubImage(image.Rect(8, 8, 18, 18))
	clear := image.NewPaletted(image.Rect(0, 0, 10, 10), color.Palette{color.Transparent})
	ycc := image.NewYCbCr(image.Rect(0, 0, 10, 10), image.YCbCrSubsampleRatio420)
	ycc.Y[0], ycc.Cb[0], ycc.Cr[0] = 255, 128, 128
	g := Grid{Rows: [][]image.Image{{gray, inner, clear, ycc}}}
	img, err := g.Image()
	if err != nil {
		t.Fatal(err)
	}
	for c, want := range []color.NRGBA{{128, 128, 128, 255}, {56, 88, 9, 255}, paper, {255, 255, 255, 255}} {
		x := margin + c*(130+gutter)
		if got := img.NRGBAAt(x, margin); got != want {
			t.Errorf("image %d starts with %v, want %v", c, got, want)
		}
	}
}

func TestGridErrors(t *testing.T) {
	for want, g := range map[string]Grid{
		"no images":                {},
		"sheet: no images":         {Rows: [][]image.Image{{}}},
		"row 1, column 2 is 0x7":   {Rows: [][]image.Image{{nil, image.NewGray(image.Rect(0, 0, 0, 7))}}},
		"too much for one sheet":   {Rows: [][]image.Image{{image.NewUniform(color.White)}}},
		"5000 rows of 5000 images": {Rows: make([][]image.Image, 5000), Columns: make([]string, 5000)},
	} {
		img, err := g.Image()
		if err == nil || !strings.Contains(err.Error(), want) || img != nil {
			t.Errorf("error is %v, want %q in it", err, want)
		}
	}
}

func TestGridAcceptsAnyText(t *testing.T) {
	long := strings.Repeat("a very long name ", 100_000)
	g := Grid{
		Title:   long,
		Columns: []string{long + "\n" + long + "\n" + long, "\n", "\xff\x00 損失\t\r"},
		Rows:    make([][]image.Image, 2),
	}
	img, err := g.Image()
	if err != nil {
		t.Fatal(err)
	}
	if w := img.Rect.Dx(); w > 3*128+100 {
		t.Errorf("long text makes the sheet %d pixels wide", w)
	}
}

func BenchmarkGrid(b *testing.B) {
	var g Grid
	for range 4 {
		var r []image.Image
		for range 6 {
			r = append(r, speckled(256, 256, 0))
		}
		g.Rows = append(g.Rows, r)
	}
	g.Columns = []string{"A", "G_AB(A)", "G_BA(G_AB(A))", "B", "G_BA(B)", "G_AB(G_BA(B))"}
	b.SetBytes(4 * 6 * 256 * 256 * 4)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Image(); err != nil {
			b.Fatal(err)
		}
	}
}
