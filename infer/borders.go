package infer

import (
	"image"
	"slices"

	"cyclegan/infer/pixels"
)

// padded returns the side to which a side of n pixels is padded.
func padded(n, multiple, smallest int) int {
	return roundUp(max(n, smallest), multiple)
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

// reflectIndex returns the index of the pixel at place i >= 0 of a row of n pixels that is mirrored
// at both ends, without doubling them: for n = 4 the places 0 1 2 3 4 5 6 7 8 show 0 1 2 3 2 1 0 1
// 2.
func reflectIndex(i, n int) int {
	if n == 1 {
		return 0
	}
	period := 2 * (n - 1)
	i %= period
	return min(i, period-i)
}

// planes returns the number of planes of a tensor and the number of values per pixel of a plane.
func planes(spec pixels.Spec) (planes, unit int) {
	if spec.Layout == pixels.NHWC {
		return 1, spec.Channels
	}
	return spec.Channels, 1
}

// fill writes img and its mirror images to dst, a tensor of W x H.
func (e *engine) fill(dst []float32, W, H int, img image.Image) error {
	return e.fillPart(dst, image.Rect(0, 0, W, H), img)
}

// fillPart writes a part of the padded img to dst, a tensor of the size of part, which is in pixels
// from the corner of the image.
func (e *engine) fillPart(dst []float32, part image.Rectangle, img image.Image) error {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	if part.In(image.Rect(0, 0, w, h)) {
		return e.in.Put(dst, crop(img, part))
	}
	columns, rows := mirrored(part.Min.X, part.Max.X, w), mirrored(part.Min.Y, part.Max.Y, h)
	from := image.Rect(slices.Min(columns), slices.Min(rows), slices.Max(columns)+1, slices.Max(rows)+1)
	fw, fh := from.Dx(), from.Dy()
	shown := make([]float32, e.in.Len(fw, fh))
	if err := e.in.Put(shown, crop(img, from)); err != nil {
		return err
	}
	planes, unit := planes(e.in)
	for p := range planes {
		src := shown[p*fw*fh*unit:]
		for _, y := range rows {
			line := src[(y-from.Min.Y)*fw*unit:]
			for _, x := range columns {
				dst = dst[copy(dst, line[(x-from.Min.X)*unit:][:unit]):]
			}
		}
	}
	return nil
}

// mirrored returns the pixels that the places from begin to end of a padded side of n pixels show.
func mirrored(begin, end, n int) []int {
	places := make([]int, 0, end-begin)
	for i := begin; i < end; i++ {
		places = append(places, reflectIndex(i, n))
	}
	return places
}

// crop returns a part of img, in pixels from its corner, without copying.
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

// window is a part of an image that has no SubImage.
type window struct {
	image.Image
	part image.Rectangle
}

func (w window) Bounds() image.Rectangle { return w.part }

// copyAlpha gives dst, an *image.NRGBA or *image.NRGBA64 that starts at the origin, the alpha of an
// image of the same size.
func copyAlpha(dst, from image.Image) {
	if o, ok := from.(interface{ Opaque() bool }); ok && o.Opaque() {
		return
	}
	b := from.Bounds()
	read, row := pixels.Rows(from), make([]uint16, 4*b.Dx())
	for y := range b.Dy() {
		read(row, b.Min.Y+y)
		for x := range b.Dx() {
			a := row[4*x+3]
			switch dst := dst.(type) {
			case *image.NRGBA:
				dst.Pix[y*dst.Stride+4*x+3] = uint8((uint32(a) + 128) / 257)
			case *image.NRGBA64:
				at := dst.Pix[y*dst.Stride+8*x+6:]
				at[0], at[1] = uint8(a>>8), uint8(a)
			}
		}
	}
}
