package pixels

import (
	"bytes"
	"encoding/binary"
	"image"

	"github.com/disintegration/imaging"
)

// upright turns a picture by its EXIF orientation. imaging's own reading of the
// tag comes with its Decode, which takes any registered format unbounded.
func upright(img *image.NRGBA, orientation int) *image.NRGBA {
	switch orientation {
	case 2:
		return imaging.FlipH(img)
	case 3:
		return imaging.Rotate180(img)
	case 4:
		return imaging.FlipV(img)
	case 5:
		return imaging.Transpose(img)
	case 6:
		return imaging.Rotate270(img)
	case 7:
		return imaging.Transverse(img)
	case 8:
		return imaging.Rotate90(img)
	}
	return img
}

// orientation reads the EXIF orientation of a file, and is 1 (upright) when
// there is none or it makes no sense: metadata never makes a picture unreadable.
func orientation(format string, data []byte) int {
	var block []byte
	switch format {
	case "jpeg":
		block = jpegExif(data)
	case "png":
		block = pngExif(data)
	case "webp":
		block = webpExif(data)
	case "tiff":
		block = data
	}
	return tiffOrientation(bytes.TrimPrefix(block, []byte("Exif\x00\x00")))
}

// jpegExif finds the Exif segment (APP1) before the image data.
func jpegExif(data []byte) []byte {
	const (
		app1        = 0xe1
		startOfScan = 0xda
	)
	for i := 2; i+4 <= len(data) && data[i] == 0xff; {
		marker := data[i+1]
		if marker == 0xff { // fill byte
			i++
			continue
		}
		if marker == startOfScan {
			return nil
		}
		size := int(binary.BigEndian.Uint16(data[i+2:]))
		if size < 2 || i+2+size > len(data) {
			return nil
		}
		if body := data[i+4 : i+2+size]; marker == app1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")) {
			return body
		}
		i += 2 + size
	}
	return nil
}

// pngExif finds the eXIf chunk.
func pngExif(data []byte) []byte {
	for i := 8; i+8 <= len(data); {
		size := int64(binary.BigEndian.Uint32(data[i:]))
		body := int64(i) + 8
		if body+size+4 > int64(len(data)) {
			return nil
		}
		if string(data[i+4:i+8]) == "eXIf" {
			return data[body : body+size]
		}
		i = int(body + size + 4)
	}
	return nil
}

// webpExif finds the EXIF chunk.
func webpExif(data []byte) []byte {
	for i := 12; i+8 <= len(data); {
		size := int64(binary.LittleEndian.Uint32(data[i+4:]))
		body := int64(i) + 8
		if body+size > int64(len(data)) {
			return nil
		}
		if string(data[i:i+4]) == "EXIF" {
			return data[body : body+size]
		}
		i = int(body + size + size%2)
	}
	return nil
}

// tiffOrientation looks up tag 0x0112 in the first directory of a TIFF
// structure, which is also what an Exif block is.
func tiffOrientation(b []byte) int {
	const (
		tagOrientation = 0x0112
		typeShort      = 3
	)
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(b[:4]) {
	case "II*\x00":
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 1
	}
	n := int64(order.Uint16(b[at:]))
	for e := at + 2; n > 0 && e+12 <= int64(len(b)); e, n = e+12, n-1 {
		if order.Uint16(b[e:]) != tagOrientation {
			continue
		}
		v := int(order.Uint16(b[e+8:]))
		if order.Uint16(b[e+2:]) != typeShort || v < 1 || v > 8 {
			return 1
		}
		return v
	}
	return 1
}
