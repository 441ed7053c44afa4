package pixels

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"path/filepath"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

type codec struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// codecs are the formats that can be read. image.Decode is not used, since it accepts any format that
// a linked package has registered.
var codecs = map[string]codec{
	"jpeg": {jpeg.DecodeConfig, jpeg.Decode},
	"png":  {png.DecodeConfig, png.Decode},
	"gif":  {gif.DecodeConfig, gif.Decode},
	"bmp":  {bmp.DecodeConfig, bmp.Decode},
	"tiff": {tiff.DecodeConfig, tiff.Decode},
	"webp": {webp.DecodeConfig, webp.Decode},
}

// extensions maps file extensions to formats.
var extensions = map[string]string{
	"jpg": "jpeg", "jpeg": "jpeg", "png": "png", "gif": "gif",
	"bmp": "bmp", "tif": "tiff", "tiff": "tiff", "webp": "webp",
}

// Readable reports whether a file name has the extension of a format that Load reads.
func Readable(name string) bool {
	_, ok := extensions[extension(name)]
	return ok
}

func extension(name string) string {
	return strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
}

// sniff returns the format of a file that begins with head, or "" if it is unknown.
func sniff(head []byte) string {
	has := func(s string) bool { return bytes.HasPrefix(head, []byte(s)) }
	switch {
	case has("\xff\xd8\xff"):
		return "jpeg"
	case has("\x89PNG\r\n\x1a\n"):
		return "png"
	case has("GIF87a"), has("GIF89a"):
		return "gif"
	case has("BM"):
		return "bmp"
	case has("II*\x00"), has("MM\x00*"):
		return "tiff"
	case has("RIFF") && len(head) >= 12 && string(head[8:12]) == "WEBP":
		return "webp"
	}
	return ""
}

// headLength is the number of bytes by which a file is identified.
const headLength = 64

// header reads the header of r, whose first bytes are head.
func header(r io.Reader, head []byte, lim Limits) (info Info, err error) {
	if len(head) == 0 {
		return Info{}, errors.New("file is empty")
	}
	info.Format = sniff(head)
	if info.Format == "" {
		return Info{}, notRead(head)
	}
	defer recoverTo(&err, info.Format)
	cfg, err := codecs[info.Format].config(r)
	if err != nil {
		return Info{}, fault(info.Format, " header", err)
	}
	info.Width, info.Height = cfg.Width, cfg.Height
	return info, lim.WithDefaults().checkSize(cfg.Width, cfg.Height)
}

// fault distinguishes damaged files from unsupported ones.
func fault(format, part string, err error) error {
	var jpegs jpeg.UnsupportedError
	var pngs png.UnsupportedError
	var tiffs tiff.UnsupportedError
	if errors.As(err, &jpegs) || errors.As(err, &pngs) || errors.As(err, &tiffs) || errors.Is(err, bmp.ErrUnsupported) {
		return fmt.Errorf("unsupported kind of %s: %w", format, err)
	}
	return fmt.Errorf("damaged %s%s: %w", format, part, err)
}

// notRead returns the error for an unsupported file. It names those that are often taken for images
// that can be read.
func notRead(head []byte) error {
	begins := func(s string) bool { return bytes.HasPrefix(head, []byte(s)) }
	brand := ""
	if len(head) >= 12 && string(head[4:8]) == "ftyp" {
		brand = string(head[8:12])
	}
	kind := ""
	switch text := strings.ToLower(string(bytes.TrimSpace(head))); {
	case brand == "avif" || brand == "avis":
		kind = "an AVIF image"
	case strings.HasPrefix(brand, "he") || brand == "mif1":
		kind = "a HEIC image"
	case begins("\xff\x0a"), begins("\x00\x00\x00\x0cJXL "):
		kind = "a JPEG XL image"
	case begins("\x00\x00\x00\x0cjP  "):
		kind = "a JPEG 2000 image"
	case begins("8BPS"):
		kind = "a Photoshop file"
	case begins("II+\x00"), begins("MM\x00+"):
		kind = "a BigTIFF image"
	case begins("%PDF"):
		kind = "a PDF document"
	case begins("PK\x03\x04"):
		kind = "a ZIP archive"
	case strings.HasPrefix(text, "<!doctype"), strings.HasPrefix(text, "<html"):
		kind = "a web page"
	case strings.HasPrefix(text, "<svg"), strings.HasPrefix(text, "<?xml"):
		kind = "an SVG or XML file"
	}
	const readable = "not a JPEG, PNG, GIF, BMP, TIFF or WebP image"
	if kind == "" {
		return errors.New(readable)
	}
	return fmt.Errorf("%s but %s", readable, kind)
}
