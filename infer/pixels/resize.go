package pixels

import (
	"image"

	"github.com/disintegration/imaging"
)

// Resize scales a picture to w x h by bicubic interpolation with a = -0.5,
// widened when it shrinks so that nothing aliases: PIL's BICUBIC, which the
// official training code uses. Sides below 1 give an empty picture. Colour is
// weighted by alpha; call [Opaque] before if alpha is not to count.
func Resize(img *image.NRGBA, w, h int) *image.NRGBA {
	if w < 1 || h < 1 || img.Rect.Empty() {
		return &image.NRGBA{}
	}
	if img.Rect.Dx() == w && img.Rect.Dy() == h {
		return img
	}
	return imaging.Resize(img, w, h, imaging.CatmullRom)
}

// Opaque drops alpha and keeps the colours, as Put does: img itself when it is
// opaque, a copy otherwise.
func Opaque(img *image.NRGBA) *image.NRGBA {
	if img.Opaque() {
		return img
	}
	dst := imaging.Clone(img)
	for i := 3; i < len(dst.Pix); i += 4 {
		dst.Pix[i] = 255
	}
	return dst
}
