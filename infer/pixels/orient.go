package pixels

import (
	"bytes"
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

const exifPrefix = "Exif\x00\x00"

// orientation reads the EXIF orientation of a file, and is 1 (upright) when
// there is none or it makes no sense: metadata never makes a picture unreadable.
func orientation(format string, data []byte) int {
	const app1 = 0xe1
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
