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

func header(r *bufio.Reader, lim Limits) (info Info, err error) {
	head, err := r.Peek(12)
	if len(head) == 0 {
		if err == nil || errors.Is(err, io.EOF) {
			err = errors.New("file is empty")
		}
		return Info{}, err
	}
	info.Format = sniff(head)
	if info.Format == "" {
		return Info{}, errors.New("not a JPEG, PNG, GIF, BMP, TIFF or WebP picture")
	}
	defer recoverTo(&err, info.Format)
	cfg, err := codecs[info.Format].config(r)
	if err != nil {
		return Info{}, fmt.Errorf("damaged %s header: %w", info.Format, err)
	}
	info.Width, info.Height = cfg.Width, cfg.Height
	return info, lim.withDefaults().checkSize(cfg.Width, cfg.Height)
}
