//go:build tensorflow

// Package samples draws sample images with the translations of a run's generators. A [Sheet] always
// shows the same images, so that sheets of different steps can be compared.
package samples

import (
	"fmt"
	"image"

	"cyclegan/graph"
	"cyclegan/infer/pixels"
	"cyclegan/train"
	"cyclegan/train/dataset"
	"cyclegan/train/report"
)

// Sheet holds images of both domains, from the test set if there is one.
type Sheet struct {
	a, b    side
	windows string // what 16-bit values are shown; "" without such images
}

// side holds the images of one domain.
type side struct {
	title  string
	images []float32 // [n, H, W, C]
	n      int
	shape  graph.Shape
}

// New chooses the first count readable images of each domain.
func New(t *train.Trainer, data *dataset.Dataset, count int) (*Sheet, error) {
	s := &Sheet{}
	s.a.title, s.b.title = data.Domains()
	s.a.shape, s.b.shape = t.Shapes()
	for _, d := range []struct {
		name   string
		window pixels.Window
	}{{"A", data.Options().WindowA}, {"B", data.Options().WindowB}} {
		if d.window != (pixels.Window{}) {
			s.windows += fmt.Sprintf("; %s shows the values %d to %d", d.name, d.window.Lo, d.window.Hi)
		}
	}
	for _, d := range []struct {
		set  *dataset.Set
		side *side
	}{{data.TestA(), &s.a}, {data.TestB(), &s.b}} {
		images, indices, err := d.set.First(count, d.side.shape.W, d.side.shape.H)
		if err != nil {
			return nil, fmt.Errorf("choose sample images: %w", err)
		}
		d.side.images, d.side.n = images, len(indices)
	}
	return s, nil
}

// Draw translates the images in both directions and back with the generators as they are now. Each
// row of the sheet has an image of A, its translation and its reconstruction, then the same for B.
func (s *Sheet) Draw(t *train.Trainer, title string) (image.Image, error) {
	there, err := s.rows(t, train.GAB, train.GBA, s.a, s.b.shape.C)
	if err != nil {
		return nil, err
	}
	back, err := s.rows(t, train.GBA, train.GAB, s.b, s.a.shape.C)
	if err != nil {
		return nil, err
	}
	grid := report.Grid{
		Title: title + s.windows,
		Columns: []string{
			s.a.named("A", ": "), s.b.named("G_AB(A)", "\n"), "G_BA(G_AB(A))\nreconstructed",
			s.b.named("B", ": "), s.a.named("G_BA(B)", "\n"), "G_AB(G_BA(B))\nreconstructed",
		},
		Group: 3,
	}
	for range max(len(there), len(back)) {
		grid.Rows = append(grid.Rows, make([]image.Image, 6))
	}
	for i, pictures := range there {
		copy(grid.Rows[i], pictures)
	}
	for i, pictures := range back {
		copy(grid.Rows[i][3:], pictures)
	}
	return grid.Image()
}

// named appends the title of the domain to a column's caption unless it is only the letter.
func (s side) named(column, between string) string {
	if s.title == "A" || s.title == "B" {
		return column
	}
	return column + between + s.title
}

// rows returns each image of a side with its translation, which has the given number of channels,
// and its reconstruction.
func (s *Sheet) rows(t *train.Trainer, forth, back string, from side, channels int) ([][]image.Image, error) {
	size := len(from.images) / from.n
	there := graph.Shape{H: from.shape.H, W: from.shape.W, C: channels}
	rows := make([][]image.Image, from.n)
	for i := range rows {
		source := from.images[i*size:][:size]
		translated, err := t.Translate(forth, source, 1, from.shape)
		if err != nil {
			return nil, err
		}
		reconstructed, err := t.Translate(back, translated, 1, there)
		if err != nil {
			return nil, err
		}
		for _, p := range []struct {
			values []float32
			shape  graph.Shape
		}{{source, from.shape}, {translated, there}, {reconstructed, from.shape}} {
			spec := pixels.Spec{Layout: pixels.NHWC, Range: pixels.Symmetric, Channels: p.shape.C}
			img, err := spec.Picture(p.values, p.shape.W, p.shape.H)
			if err != nil {
				return nil, err
			}
			rows[i] = append(rows[i], img)
		}
	}
	return rows, nil
}
