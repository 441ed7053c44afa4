package infer

import (
	"image"

	"cyclegan/infer/pixels"
)

// straight gives the colours of img, without alpha, to the rounding that tensors are filled with.
func straight(img image.Image) (*image.NRGBA, error) {
	if m, ok := img.(*image.NRGBA); ok {
		return pixels.Opaque(m), nil
	}
	spec := pixels.Spec{Layout: pixels.NHWC, Range: pixels.Byte, Channels: 3}
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	values := make([]float32, spec.Len(w, h))
	if err := spec.Put(values, img); err != nil {
		return nil, err
	}
	return spec.Picture(values, w, h)
}

// copyAlpha gives dst, which starts at the origin, the alpha of a picture of the same size.
func copyAlpha(dst *image.NRGBA, from image.Image) {
	if o, ok := from.(interface{ Opaque() bool }); ok && o.Opaque() {
		return
	}
	b := from.Bounds()
	nrgba, fast := from.(*image.NRGBA)
	for y := range b.Dy() {
		row := dst.Pix[y*dst.Stride:]
		for x := range b.Dx() {
			if fast {
				row[4*x+3] = nrgba.Pix[nrgba.PixOffset(b.Min.X+x, b.Min.Y+y)+3]
				continue
			}
			_, _, _, a := from.At(b.Min.X+x, b.Min.Y+y).RGBA()
			row[4*x+3] = uint8((a + 128) / 257)
		}
	}
}
