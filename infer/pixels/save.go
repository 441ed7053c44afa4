package pixels

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"

	"github.com/disintegration/imaging"

	"cyclegan/infer/atomicfile"
)

// SaveOptions says how a picture is written.
type SaveOptions struct {
	Format  string // "jpeg" (or "jpg"), "png", "gif", "bmp", "tiff" (or "tif"); "" goes by the file name
	Quality int    // of JPEG, 1 to 100; 0 means 95
	// Profile is written into JPEG, PNG and TIFF files, and has no place in the
	// others (KeepsProfile). It must be for RGB.
	Profile Profile
}

// encoders are the formats that can be written; WebP has no encoder in Go.
var encoders = map[string]imaging.Format{
	"jpeg": imaging.JPEG, "png": imaging.PNG, "gif": imaging.GIF, "bmp": imaging.BMP, "tiff": imaging.TIFF,
}

// Writable tells whether Save can write the format ("jpg", "png", ...), which
// may also be written with a leading dot or in capitals.
func Writable(format string) bool {
	_, err := writer(format)
	return err == nil
}

func writer(format string) (imaging.Format, error) {
	name := extensions[extension("."+trimDot(format))]
	if name == "webp" {
		return 0, errors.New("WebP can be read but not written: choose png, jpg, gif, bmp or tiff")
	}
	f, ok := encoders[name]
	if !ok {
		return 0, fmt.Errorf("cannot write pictures of format %q: choose png, jpg, gif, bmp or tiff", format)
	}
	return f, nil
}

func trimDot(s string) string {
	if s != "" && s[0] == '.' {
		return s[1:]
	}
	return s
}

// Encode writes a picture; opt.Format must be given. JPEG has no alpha, so there
// a picture that is not opaque is laid on white; GIF's alpha is all or nothing.
// Nothing is written that says how to turn the picture.
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
		return fmt.Errorf("picture of %dx%d has no pixels", b.Dx(), b.Dy())
	}
	if len(opt.Profile) > maxProfile {
		return errProfileSize
	}
	switch format {
	case imaging.GIF:
		return encodeGIF(w, toNRGBA(img))
	case imaging.BMP:
		if m := toNRGBA(img); !m.Opaque() {
			return encodeBMP(w, m)
		}
	case imaging.JPEG:
		img = onWhite(toNRGBA(img))
		if opt.Profile != nil {
			w = jpegProfileAfter(w, opt.Profile)
		}
	case imaging.PNG:
		if opt.Profile != nil {
			w = pngProfileAfter(w, opt.Profile)
		}
	case imaging.TIFF:
		if opt.Profile != nil {
			var file bytes.Buffer
			if err := imaging.Encode(&file, img, format); err != nil {
				return err
			}
			_, err := w.Write(tiffWithProfile(file.Bytes(), opt.Profile))
			return err
		}
	}
	return imaging.Encode(w, img, format, imaging.JPEGQuality(quality))
}

// onWhite returns img itself when it is opaque.
func onWhite(img *image.NRGBA) *image.NRGBA {
	if img.Opaque() {
		return img
	}
	dst := image.NewNRGBA(img.Rect)
	for i := 0; i < len(img.Pix); i += 4 {
		a := uint32(img.Pix[i+3])
		for c := range 3 {
			dst.Pix[i+c] = uint8((uint32(img.Pix[i+c])*a + 255*(255-a) + 127) / 255)
		}
		dst.Pix[i+3] = 255
	}
	return dst
}

// Save writes a picture to path in one piece: into a new file in the same
// folder, which then takes the name. Whoever looks at path sees the old file or
// the whole new one. Errors name the path.
func Save(path string, img image.Image, opt SaveOptions) error {
	if opt.Format == "" {
		opt.Format = extension(path)
		if opt.Format == "" {
			return fmt.Errorf("write picture %q: name has no ending to tell the format: add .png or .jpg", path)
		}
	}
	if _, err := writer(opt.Format); err != nil {
		return fmt.Errorf("write picture %q: %w", path, err)
	}
	if err := atomicfile.Write(path, func(w io.Writer) error { return Encode(w, img, opt) }); err != nil {
		return fmt.Errorf("write picture: %w", err)
	}
	return nil
}
