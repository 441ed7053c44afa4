package pixels

import (
	"bytes"
	"encoding/binary"
	"image"
	"iter"

	"github.com/disintegration/imaging"
)

// Markers of JPEG segments.
const (
	startOfScan = 0xda
	app1        = 0xe1
	app2        = 0xe2
	app14       = 0xee
)

// jpegSegments iterates over the marker segments of a JPEG file up to the first scan: marker and
// content. It stops at an invalid length.
func jpegSegments(data []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for i := 2; i+4 <= len(data) && data[i] == 0xff; {
			marker := data[i+1]
			if marker == 0xff { // fill byte
				i++
				continue
			}
			if marker == startOfScan {
				return
			}
			size := int(binary.BigEndian.Uint16(data[i+2:]))
			if size < 2 || i+2+size > len(data) || !yield(marker, data[i+4:i+2+size]) {
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

// orientation returns the EXIF orientation of a file, 1 (upright) if it is missing or invalid: metadata
// never makes an image unreadable.
func orientation(format string, data []byte) int {
	var block []byte
	switch format {
	case "jpeg":
		block = find(jpegSegments(data), app1, exifPrefix)
	case "png":
		block = find(pngChunks(data), "eXIf", "")
	case "webp":
		block = find(webpChunks(data), "EXIF", "")
	case "tiff":
		block = data
	}
	dir := readTIFFDir(bytes.TrimPrefix(block, []byte(exifPrefix)))
	e := dir.entry(tagOrientation)
	if e == nil || dir.order.Uint16(e[2:]) != typeShort {
		return 1
	}
	if v := int(dir.order.Uint16(e[8:])); v >= 1 && v <= 8 {
		return v
	}
	return 1
}
