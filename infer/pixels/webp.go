package pixels

import (
	"bytes"
	"fmt"
	"image"
	"io"
	_ "unsafe" // for go:linkname

	"github.com/gen2brain/webp"
)

// maxWebPSide is the largest side of a WebP image.
const maxWebPSide = 1<<14 - 1

// encodeWebP writes an image with libwebp, compiled to WebAssembly.
func encodeWebP(w io.Writer, img *image.NRGBA, opt SaveOptions) error {
	if b := img.Rect; max(b.Dx(), b.Dy()) > maxWebPSide {
		return fmt.Errorf("image of %dx%d has a side above %d pixels, the most of WebP. Fix: choose another format or a smaller size",
			b.Dx(), b.Dy(), maxWebPSide)
	}
	var file bytes.Buffer
	err := webp.Encode(&file, img, webp.Options{Quality: opt.Quality, Lossless: opt.Lossless, Method: webp.DefaultMethod})
	if err != nil {
		return fmt.Errorf("encode webp: %w", err)
	}
	_, err = w.Write(file.Bytes())
	return err
}

// webpDynamic makes package webp call a libwebp that the system has, of whatever version. Off, so
// that an image becomes the same file on every machine.
//
//go:linkname webpDynamic github.com/gen2brain/webp.dynamic
var webpDynamic bool

func init() { webpDynamic = false }
