package pixels

import (
	"bytes"
	"cmp"
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
	// Format is "jpeg" (or "jpg"), "png", "gif", "bmp", "tiff" (or "tif"), or "webp"; default by
	// file name.
	Format  string
	Quality int // of JPEG and WebP, 1 to 100; default 95
	// Lossless writes WebP without loss. Otherwise WebP is lossy, also at quality 100, as from
	// cwebp.
	Lossless bool
	// Profile is written to JPEG, PNG, TIFF and WebP files; other formats cannot store it
	// (KeepsProfile). It must be for RGB.
	Profile Profile
	// Metadata is written as far as the format can store it (Metadata.Lost).
	Metadata Metadata
}

// encoders are the formats that can be written, and how imaging calls those that it writes.
var encoders = map[string]imaging.Format{
	"jpeg": imaging.JPEG, "png": imaging.PNG, "gif": imaging.GIF, "bmp": imaging.BMP, "tiff": imaging.TIFF, "webp": -1,
}

// Writable reports whether Save can write a format ("jpg", "png", ...). A leading dot and capitals
// are allowed.
func Writable(format string) bool {
	_, err := writer(format)
	return err == nil
}

// OutputFormat returns the format of the results of images of a format unless another one is
// chosen: the same, or "png" if Save cannot write it.
func OutputFormat(format string) string {
	if Writable(format) {
		return format
	}
	return "png"
}

// WritableFormats lists the formats for messages.
const WritableFormats = "png, jpg, webp, gif, bmp or tiff"

// writer returns the key in encoders of a format.
func writer(format string) (string, error) {
	name := extensions[extension("."+strings.TrimPrefix(format, "."))]
	if _, ok := encoders[name]; !ok {
		return "", fmt.Errorf("cannot write images of format %q. Fix: choose %s", format, WritableFormats)
	}
	return name, nil
}

// complete sets the defaults, checks the options, and returns the key in encoders of their format.
func (o *SaveOptions) complete() (format string, err error) {
	if format, err = writer(o.Format); err != nil {
		return "", err
	}
	o.Quality = cmp.Or(o.Quality, 95)
	if o.Quality < 1 || o.Quality > 100 {
		return "", fmt.Errorf("quality %d is outside 1 to 100", o.Quality)
	}
	if len(o.Profile) > maxProfile {
		return "", errProfileSize
	}
	return format, nil
}

// Encode writes an image; opt.Format is required. JPEG and BMP have no alpha, so it draws the image
// on white; GIF's alpha is all or nothing. Encode writes no orientation but upright.
func Encode(w io.Writer, img image.Image, opt SaveOptions) error {
	format, err := opt.complete()
	if err != nil {
		return err
	}
	if err := Valid(img); err != nil {
		return err
	}
	meta := opt.Metadata.forImage(img.Bounds().Dx(), img.Bounds().Dy())
	if opt.Profile == nil && meta.empty() {
		return encode(w, img, format, opt)
	}
	var file bytes.Buffer
	if err := encode(&file, img, format, opt); err != nil {
		return err
	}
	_, err = w.Write(embed(format, file.Bytes(), opt.Profile, meta))
	return err
}

// encode writes the pixels.
func encode(w io.Writer, img image.Image, format string, opt SaveOptions) error {
	switch format {
	case "gif":
		return encodeGIF(w, toNRGBA(img))
	case "webp":
		return encodeWebP(w, toNRGBA(img), opt)
	case "jpeg", "bmp":
		img = onWhite(img)
	}
	return imaging.Encode(w, img, encoders[format], imaging.JPEGQuality(opt.Quality))
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

// Save writes an image to path atomically: a reader of path sees the old file or the complete new
// one. Errors name the path.
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
