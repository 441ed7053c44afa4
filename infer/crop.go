package infer

import (
	"image"
	"image/color"
)

// fillPart puts a part of img into dst, a tensor of part's size. Beyond the picture's right and bottom sides, its mirror images go on.
// part is in pixels from the picture's corner.
func (m *Model) fillPart(dst []float32, part image.Rectangle, img image.Image) error {
	spec := m.info.Input
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	whole := image.Rect(0, 0, w, h)
	if part.In(whole) {
		return spec.Put(dst, crop(img, part))
	}
	columns, rows := mirrored(part.Min.X, part.Max.X, w), mirrored(part.Min.Y, part.Max.Y, h)
	from := image.Rect(columns.least, rows.least, columns.most+1, rows.most+1)
	buffer := m.buffer(spec.Len(from.Dx(), from.Dy()))
	defer m.buffers.Put(buffer)
	if err := spec.Put(*buffer, crop(img, from)); err != nil {
		return err
	}
	planes, unit := planes(spec)
	fw, fh := from.Dx(), from.Dy()
	for p := range planes {
		src := (*buffer)[p*fw*fh*unit:]
		for _, y := range rows.places {
			line := src[(y-from.Min.Y)*fw*unit:]
			for _, x := range columns.places {
				i := (x - from.Min.X) * unit
				copy(dst, line[i:i+unit])
				dst = dst[unit:]
			}
		}
	}
	return nil
}

// mirror is what stands in the places of a side that goes on as its mirror image.
type mirror struct {
	places      []int
	least, most int
}

// mirrored gives it for the places from begin to end of a side of n pixels.
func mirrored(begin, end, n int) mirror {
	m := mirror{least: n}
	for i := begin; i < end; i++ {
		p := bounce(i, n)
		m.places = append(m.places, p)
		m.least, m.most = min(m.least, p), max(m.most, p)
	}
	return m
}

// crop gives a part of img, in pixels from its corner, without copying.
func crop(img image.Image, part image.Rectangle) image.Image {
	part = part.Add(img.Bounds().Min)
	if part == img.Bounds() {
		return img
	}
	if s, ok := img.(interface {
		SubImage(image.Rectangle) image.Image
	}); ok {
		return s.SubImage(part)
	}
	return window{img, part}
}

// window is a part of a picture of a kind that has no SubImage.
type window struct {
	image.Image
	part image.Rectangle
}

func (w window) Bounds() image.Rectangle { return w.part }

// At keeps to the part, as pictures do.
func (w window) At(x, y int) color.Color {
	if !(image.Point{x, y}).In(w.part) {
		return color.NRGBA{}
	}
	return w.Image.At(x, y)
}
