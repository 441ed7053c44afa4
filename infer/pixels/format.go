package pixels

import (
	"bufio"
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

// codecs are the formats that are read. The table is asked directly and never
// image.Decode, which takes any format that some linked package registered.
var codecs = map[string]codec{
	"jpeg": {jpeg.DecodeConfig, jpeg.Decode},
	"png":  {png.DecodeConfig, png.Decode},
	"gif":  {gif.DecodeConfig, gif.Decode},
	"bmp":  {bmp.DecodeConfig, bmp.Decode},
	"tiff": {tiff.DecodeConfig, tiff.Decode},
	"webp": {webp.DecodeConfig, webp.Decode},
}

// extensions maps the name endings that are understood to their format.
var extensions = map[string]string{
	"jpg": "jpeg", "jpeg": "jpeg", "png": "png", "gif": "gif",
	"bmp": "bmp", "tif": "tiff", "tiff": "tiff", "webp": "webp",
}

// Readable tells whether a file name ends like one that Load can read.
func Readable(name string) bool {
	_, ok := extensions[extension(name)]
	return ok
}

func extension(name string) string {
	return strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
}

// sniff names the format that a file begins like; "" is none that is known.
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

func bufferedPeek(r io.Reader) *bufio.Reader { return bufio.NewReaderSize(r, 4096) }

// headLength is how many bytes are looked at to tell what a file is.
const headLength = 64

// header reads what r begins with; head is its first bytes.
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

// fault says whether a file is damaged or only of a kind that is not read.
func fault(format, part string, err error) error {
	var jpegs jpeg.UnsupportedError
	var pngs png.UnsupportedError
	var tiffs tiff.UnsupportedError
	if errors.As(err, &jpegs) || errors.As(err, &pngs) || errors.As(err, &tiffs) || errors.Is(err, bmp.ErrUnsupported) {
		return fmt.Errorf("this kind of %s can't be read: %w", format, err)
	}
	return fmt.Errorf("damaged %s%s: %w", format, part, err)
}
