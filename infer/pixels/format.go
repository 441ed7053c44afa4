package pixels

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"go/version"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

type codec struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// codecs are the formats that can be read. image.Decode is not used, since it accepts any format
// that a linked package has registered.
var codecs = map[string]codec{
	"jpeg": {jpeg.DecodeConfig, jpeg.Decode},
	"png":  {png.DecodeConfig, png.Decode},
	"gif":  {gif.DecodeConfig, gif.Decode},
	"bmp":  {bmp.DecodeConfig, bmp.Decode},
	"tiff": {tiff.DecodeConfig, tiff.Decode},
	"webp": {webp.DecodeConfig, webp.Decode},
	"heic": {heicConfig, heicDecode},
	"avif": {avifConfig, avifDecode},
	"pnm":  {pnmConfig, pnmDecode},
}

// extensions maps file extensions to formats.
var extensions = map[string]string{
	"jpg": "jpeg", "jpeg": "jpeg", "jpe": "jpeg", "jfif": "jpeg", "jfi": "jpeg", "jif": "jpeg", "pjpeg": "jpeg", "pjp": "jpeg",
	"png": "png", "apng": "png", "gif": "gif", "bmp": "bmp", "dib": "bmp", "tif": "tiff", "tiff": "tiff", "webp": "webp",
	"heic": "heic", "heif": "heic", "hif": "heic", "avif": "avif",
	"pnm": "pnm", "pbm": "pnm", "pgm": "pnm", "ppm": "pnm",
}

// ReadableFormats lists the formats that Load reads, for messages. Further extensions of them are
// read too.
const ReadableFormats = "jpg, png, gif, bmp, tiff, webp, heic, avif and ppm"

// FormatOf returns the format ("jpeg", "png", ...) that the extension of a file name stands for, or
// "" if Load reads none of that name.
func FormatOf(name string) string { return extensions[extension(name)] }

// Readable reports whether a file name has the extension of a format that Load reads.
func Readable(name string) bool { return FormatOf(name) != "" }

// Hidden reports whether a file or folder is hidden by its name, or is one that operating systems
// and storage devices put into folders and archives of images.
func Hidden(name string) bool {
	switch strings.ToLower(name) {
	case "thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin":
		return true
	}
	return strings.HasPrefix(name, ".")
}

func extension(name string) string {
	return strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
}

// signatures identify a file by what it holds at an offset. The name is a key of codecs, or
// describes a file that is often taken for an image that can be read.
var signatures = []struct {
	at          int
	magic, name string
}{
	{0, "\xff\xd8\xff", "jpeg"},
	{0, "\x89PNG\r\n\x1a\n", "png"},
	{0, "GIF87a", "gif"},
	{0, "GIF89a", "gif"},
	{0, "BM", "bmp"},
	{8, "CR\x02\x00", "a camera raw image (CR2)"},
	{0, "II*\x00", "tiff"},
	{0, "MM\x00*", "tiff"},
	{8, "WEBP", "webp"},
	{0, "\xff\x0a", "a JPEG XL image"},
	{4, "JXL ", "a JPEG XL image"},
	{4, "jP  ", "a JPEG 2000 image"},
	{0, "\xff\x4f\xff\x51", "a JPEG 2000 image"},
	{0, "8BPS", "a Photoshop file"},
	{0, "FUJIFILM", "a camera raw image (RAF)"},
	{0, "IIRO", "a camera raw image (ORF)"},
	{0, "IIU\x00", "a camera raw image (RW2)"},
	{8, "AVI ", "a video"},
	{0, "\x1aE\xdf\xa3", "a video"},
	{0, "II+\x00", "a BigTIFF image"},
	{0, "MM\x00+", "a BigTIFF image"},
	{0, "PK\x03\x04", "a ZIP archive"},
	{0, "%PDF", "a PDF document"},
	{0, "<", "a web page, SVG or XML file"},
}

// sniff returns the name in signatures of a file that begins with head, or "" if it is unknown.
func sniff(head []byte) string {
	if name := cmp.Or(heifFormat(head), pnmFormat(head)); name != "" {
		return name
	}
	head = bytes.TrimLeft(head, " \t\r\n")
	for _, s := range signatures {
		if len(head) > s.at && bytes.HasPrefix(head[s.at:], []byte(s.magic)) {
			return s.name
		}
	}
	return ""
}

// identify returns the format of a file that begins with data.
func identify(data []byte) (string, error) {
	if len(data) == 0 {
		return "", errors.New("file is empty")
	}
	const readable = "not a JPEG, PNG, GIF, BMP, TIFF, WebP, HEIC, AVIF or PNM image"
	name := sniff(data)
	if _, ok := codecs[name]; ok {
		return name, nil
	}
	if name == "" {
		return "", &UnsupportedError{errors.New(readable)}
	}
	return "", &UnsupportedError{fmt.Errorf("this is %s, %s", name, readable)}
}

// hasHeader reports whether the beginning of a file holds all that open reads.
func hasHeader(data []byte) bool {
	switch sniff(data) {
	case "jpeg": // a profile or a preview of any length may precede the orientation
		return find(jpegSegments(data), startOfScan, "") != nil
	case "gif":
		return gifFrame(data) != nil
	case "pnm":
		_, ok := parsePNM(data)
		return ok
	case "png", "tiff", "webp", "heic", "avif":
		return false
	}
	return true
}

// config reads the size and the type of the pixels in a file's header.
func config(format string, data []byte) (cfg image.Config, err error) {
	defer recoverTo(&err, format)
	// A bytes.Reader, since the TIFF decoder copies readers that cannot seek.
	if cfg, err = codecs[format].config(bytes.NewReader(data)); err != nil {
		return cfg, fault(format, " header", err)
	}
	return cfg, nil
}

// An UnsupportedError reports a file that is not an image, or an image of a kind that cannot be
// read. Other files that cannot be read are damaged or too large.
type UnsupportedError struct{ err error }

func (e *UnsupportedError) Error() string { return e.err.Error() }
func (e *UnsupportedError) Unwrap() error { return e.err }

// fault distinguishes damaged files from unsupported ones.
func fault(format, part string, err error) error {
	var jpegs jpeg.UnsupportedError
	var pngs png.UnsupportedError
	var tiffs tiff.UnsupportedError
	if errors.As(err, &jpegs) || errors.As(err, &pngs) || errors.As(err, &tiffs) || errors.Is(err, bmp.ErrUnsupported) {
		hint := ""
		if strings.Contains(string(jpegs), "subsampling") && version.Compare(runtime.Version(), "go1.27") < 0 {
			hint = "\nFix: build this program with Go 1.27 or newer, which reads most such files"
		}
		return &UnsupportedError{fmt.Errorf("unsupported kind of %s: %w%s", format, err, hint)}
	}
	return fmt.Errorf("damaged %s%s: %w", format, part, err)
}

const (
	// Decoders allocate all pixels of the header before they look at the data, so a file of a few
	// dozen bytes could cost hundreds of megabytes. Files of images above freePixels must therefore
	// have a byte per pixelsPerByte, which is the most that LZW compression of black and white
	// reaches.
	freePixels    = 1 << 20
	pixelsPerByte = 22_000
	// Each scan of a progressive JPEG may cover the whole image in a few bytes. Encoders write
	// about ten.
	mostScans = 200
)

// plausible returns an error if the file cannot hold the image of its header.
func plausible(data []byte, info Info) error {
	if info.Format == "jpeg" {
		// Data after the image, such as a video, contains the marker by chance, once in 64 KiB.
		scans := bytes.Count(data, []byte{0xff, startOfScan})
		if scans > mostScans+len(data)>>14 {
			return fmt.Errorf("more than %d scans, which no encoder writes", mostScans)
		}
	}
	if n := int64(info.Width) * int64(info.Height); n > freePixels && n/pixelsPerByte > int64(len(data)) {
		return fmt.Errorf("%d bytes are too few for the %dx%d pixels of the header: the file is truncated or forged",
			len(data), info.Width, info.Height)
	}
	return nil
}
