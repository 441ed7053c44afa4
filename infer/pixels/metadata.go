package pixels

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"image"
	"io"
	"iter"
	"strings"

	"github.com/disintegration/imaging"
)

// Markers of JPEG segments.
const (
	startOfScan = 0xda
	app1        = 0xe1
	app2        = 0xe2
	app14       = 0xee
)

// jpegSegments iterates over the marker segments of a JPEG file up to the header of the first scan:
// marker and content. It stops at an invalid length.
func jpegSegments(data []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for i := 2; i+4 <= len(data) && data[i] == 0xff; {
			marker := data[i+1]
			if marker == 0xff { // fill byte
				i++
				continue
			}
			size := int(binary.BigEndian.Uint16(data[i+2:]))
			if size < 2 || i+2+size > len(data) || !yield(marker, data[i+4:i+2+size]) || marker == startOfScan {
				return
			}
			i += 2 + size
		}
	}
}

// pngChunks iterates over the chunks of a PNG file: name and content.
func pngChunks(data []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for i := 8; i+8 <= len(data); {
			size := int64(binary.BigEndian.Uint32(data[i:]))
			body := int64(i) + 8
			if body+size+4 > int64(len(data)) || !yield(string(data[i+4:i+8]), data[body:body+size]) {
				return
			}
			i = int(body + size + 4)
		}
	}
}

// riffChunks iterates over a list of RIFF chunks: name and content.
func riffChunks(list []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for i := 0; i+8 <= len(list); {
			size := int64(binary.LittleEndian.Uint32(list[i+4:]))
			body := int64(i) + 8
			if body+size > int64(len(list)) || !yield(string(list[i:i+4]), list[body:body+size]) {
				return
			}
			i = int(body + size + size%2)
		}
	}
}

func webpChunks(data []byte) iter.Seq2[string, []byte] {
	return riffChunks(data[min(12, len(data)):])
}

// find returns the first part with the name and prefix, or nil.
func find[K comparable](parts iter.Seq2[K, []byte], name K, prefix string) []byte {
	for k, body := range parts {
		if k == name && bytes.HasPrefix(body, []byte(prefix)) {
			return body
		}
	}
	return nil
}

// turns holds what makes an image with an EXIF orientation upright. imaging can do it only in its
// Decode, which accepts any registered format of any size.
var turns = [9]func(image.Image) *image.NRGBA{
	2: imaging.FlipH, 3: imaging.Rotate180, 4: imaging.FlipV, 5: imaging.Transpose,
	6: imaging.Rotate270, 7: imaging.Transverse, 8: imaging.Rotate90,
}

const exifPrefix = "Exif\x00\x00"

// orientation returns the EXIF orientation of a file, 1 (upright) if it is missing or invalid:
// metadata never makes an image unreadable.
func orientation(format string, data []byte) int {
	var block []byte
	switch format {
	case "jpeg":
		block = find(jpegSegments(data), app1, exifPrefix)
	case "png":
		if block = find(pngChunks(data), "eXIf", ""); block == nil {
			block = pngRawProfile(data)
		}
	case "webp":
		block = find(webpChunks(data), "EXIF", "")
	case "tiff":
		block = data
	case "avif":
		return avifOrientation(data)
	}
	dir := readTIFFDir(bytes.TrimPrefix(block, []byte(exifPrefix)))
	if v := dir.number(tagOrientation, 1); v >= 1 && v <= 8 {
		return v
	}
	return 1
}

// pngRawProfile returns the EXIF block that ImageMagick wrote into a text chunk before PNG had
// eXIf: the name of the profile, its length, and its bytes in hexadecimal digits. The first one
// counts.
func pngRawProfile(data []byte) []byte {
	const most = 1 << 20 // characters
	for name, body := range pngChunks(data) {
		keyword, text, found := bytes.Cut(body, []byte{0})
		if !found || !bytes.HasPrefix(keyword, []byte("Raw profile type ")) {
			continue
		}
		switch kind := string(keyword[len("Raw profile type "):]); {
		case !strings.EqualFold(kind, "exif") && !strings.EqualFold(kind, "APP1"):
			continue
		case name == "zTXt" && len(text) > 1:
			text = inflate(text[1:], most)
		case name == "iTXt":
			text = internationalText(text, most)
		case name != "tEXt":
			continue
		}
		fields := bytes.Fields(text[:min(len(text), most)])
		if len(fields) < 3 {
			return nil
		}
		// Up to the first invalid digit, as far as there is data.
		block, _ := hex.AppendDecode(nil, bytes.Join(fields[2:], nil))
		return block
	}
	return nil
}

// internationalText returns the text of an iTXt chunk without its keyword, or nil. A compressed
// text ends after most bytes.
func internationalText(body []byte, most int64) []byte {
	if len(body) < 2 {
		return nil
	}
	parts := bytes.SplitN(body[2:], []byte{0}, 3) // language, translated keyword, text
	if len(parts) < 3 {
		return nil
	}
	if body[0] == 1 {
		return inflate(parts[2], most)
	}
	return parts[2]
}

// inflate returns the first bytes of zlib data, at most the given number, as far as they are
// intact.
func inflate(packed []byte, most int64) []byte {
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil
	}
	raw, _ := io.ReadAll(io.LimitReader(z, most))
	return raw
}
