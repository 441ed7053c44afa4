package pixels

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"io"
	"strings"

	"github.com/disintegration/imaging"

	"cyclegan/infer/atomicfile"
)

// SaveOptions configure how an image is written.
type SaveOptions struct {
	Format  string // "jpeg" (or "jpg"), "png", "gif", "bmp", "tiff" (or "tif"); default by file name
	Quality int    // of JPEG, 1 to 100; default 95
	// Profile is written to JPEG, PNG and TIFF files; other formats cannot store it (KeepsProfile). It
	// must be for RGB.
	Profile Profile
}

// encoders are the formats that can be written.
var encoders = map[string]imaging.Format{
	"jpeg": imaging.JPEG, "png": imaging.PNG, "gif": imaging.GIF, "bmp": imaging.BMP, "tiff": imaging.TIFF,
}

// Writable reports whether Save can write a format ("jpg", "png", ...). A leading dot and capitals are
// allowed.
func Writable(format string) bool {
	_, err := writer(format)
	return err == nil
}

func writer(format string) (imaging.Format, error) {
	name := extensions[extension("."+strings.TrimPrefix(format, "."))]
	if name == "webp" {
		return 0, errors.New("WebP can be read but not written. Fix: choose png, jpg, gif, bmp or tiff")
	}
	f, ok := encoders[name]
	if !ok {
		return 0, fmt.Errorf("cannot write images of format %q. Fix: choose png, jpg, gif, bmp or tiff", format)
	}
	return f, nil
}

// Encode writes an image; opt.Format is required. JPEG and BMP have no alpha, so it draws the image on
// white; GIF's alpha is all or nothing. Encode writes no orientation.
func Encode(w io.Writer, img image.Image, opt SaveOptions) error {
	format, err := writer(opt.Format)
	if err != nil {
		return err
	}
	quality := opt.Quality
	if quality == 0 {
		quality = 95
	}
	if quality < 1 || quality > 100 {
		return fmt.Errorf("JPEG quality %d is outside 1 to 100", opt.Quality)
	}
	if b := img.Bounds(); b.Empty() {
		return fmt.Errorf("image of %dx%d has no pixels", b.Dx(), b.Dy())
	}
	if len(opt.Profile) > maxProfile {
		return errProfileSize
	}
	switch format {
	case imaging.GIF:
		return encodeGIF(w, toNRGBA(img))
	case imaging.JPEG, imaging.BMP:
		img = onWhite(img)
	}
	if opt.Profile == nil {
		return imaging.Encode(w, img, format, imaging.JPEGQuality(quality))
	}
	var file bytes.Buffer
	if err := imaging.Encode(&file, img, format, imaging.JPEGQuality(quality)); err != nil {
		return err
	}
	_, err = w.Write(withProfile(format, file.Bytes(), opt.Profile))
	return err
}

// onWhite draws img on white. It returns img itself if that is opaque.
func onWhite(img image.Image) image.Image {
	if m, ok := img.(interface{ Opaque() bool }); ok && m.Opaque() {
		return img
	}
	dst := image.NewRGBA(image.Rectangle{Max: img.Bounds().Size()})
	draw.Draw(dst, dst.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(dst, dst.Rect, img, img.Bounds().Min, draw.Over)
	return dst
}

// Save writes an image to path atomically: a reader of path sees the old file or the complete new one.
// Errors name the path.
func Save(path string, img image.Image, opt SaveOptions) error {
	if opt.Format == "" {
		opt.Format = extension(path)
		if opt.Format == "" {
			return fmt.Errorf("write image %q: the name has no extension. Fix: add .png or .jpg", path)
		}
	}
	if err := atomicfile.Write(path, func(w io.Writer) error { return Encode(w, img, opt) }); err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	return nil
}
