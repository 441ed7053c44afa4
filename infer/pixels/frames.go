package pixels

import (
	"encoding/binary"
	"errors"
	"image"
)

// The notes of a Picture.
const (
	noteFrames = "only the first frame of the animation is read"
	notePages  = "only the first of several pages is read"
	noteDeep   = "16 bits per sample are rounded to 8"
	noteCMYK   = "CMYK is converted to RGB without a profile"
)

// several returns the note for a file with several images, or "".
func several(format string, data []byte) string {
	switch format {
	case "gif":
		if gifFrames(data, 2) > 1 {
			return noteFrames
		}
	case "png":
		if find(pngChunks(data), "acTL", "") != nil {
			return noteFrames
		}
	case "webp":
		if animated(data) {
			return noteFrames
		}
	case "tiff":
		if readTIFFDir(data).more {
			return notePages
		}
	}
	return ""
}

// gifFrames counts the frames of a GIF file up to most, without decoding them.
func gifFrames(data []byte, most int) (n int) {
	const extension, frame = 0x21, 0x2c
	colors := func(flags byte) int { // bytes of a color table
		if flags&0x80 == 0 {
			return 0
		}
		return 3 << (flags&7 + 1)
	}
	if len(data) < 13 {
		return 0
	}
	for i := 13 + colors(data[10]); i < len(data) && n < most; {
		switch data[i] {
		case extension:
			i += 2
		case frame:
			if i+10 > len(data) {
				return n
			}
			n++
			i += 10 + colors(data[i+9]) + 1
		default:
			return n
		}
		for i < len(data) && data[i] != 0 { // blocks start with their length
			i += 1 + int(data[i])
		}
		i++
	}
	return n
}

// animated reports whether a WebP file is an animation.
func animated(data []byte) bool {
	head := find(webpChunks(data), "VP8X", "")
	return len(head) >= 1 && head[0]&2 != 0
}

// decodeFirst decodes the first frame of an animated WebP file, on its canvas.
func decodeFirst(data []byte, canvas Info, lim Limits) (image.Image, error) {
	body := find(webpChunks(data), "ANMF", "")
	const header = 16
	if len(body) < header {
		return nil, errors.New("damaged webp: the animation has no complete frame")
	}
	u24 := func(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
	at := image.Pt(2*u24(body), 2*u24(body[3:]))
	// Make the frame a file of its own. A separate alpha chunk (ALPH) needs a header that announces it.
	frame := body[header:]
	list := []byte("WEBP")
	if find(riffChunks(frame), "ALPH", "") != nil {
		list = append(list, "VP8X\x0a\x00\x00\x00\x10\x00\x00\x00"...)
		list = append(list, body[6:12]...) // width and height
	}
	list = append(list, frame...)
	file := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(list)))
	file = append(file, list...)
	if _, err := headerOf(file, lim); err != nil {
		return nil, err
	}
	img, err := decodeFormat("webp", file)
	if err != nil {
		return nil, err
	}
	return onScreen(img, at, canvas.Width, canvas.Height), nil
}

// onScreen places a frame on the logical screen. The rest of the screen is transparent. A frame that
// does not fit is returned unchanged.
func onScreen(img image.Image, at image.Point, w, h int) image.Image {
	b := img.Bounds()
	screen, place := image.Rect(0, 0, w, h), b.Sub(b.Min).Add(at)
	if place == screen || !place.In(screen) {
		return img
	}
	dst := image.NewNRGBA(screen)
	convert := rowConverter(img)
	for y := range b.Dy() {
		convert(dst.Pix[dst.PixOffset(at.X, at.Y+y):], b.Min.Y+y)
	}
	return dst
}
