package pixels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/png"
)

// The notes of a Picture.
const (
	NoteDeep   = "16 bits per sample are rounded to 8"
	NoteFrames = "only the first frame of the animation is read"
	notePages  = "only the first of several pages is read"
	noteCMYK   = "CMYK is converted to RGB without a profile"
)

// decodeFrame decodes the first image of a file. The note says what the file has beyond it.
func decodeFrame(data []byte, info Info, lim Limits) (img image.Image, note string, err error) {
	switch {
	case info.Format == "webp" && animated(data):
		img, err = decodeFirst(data, info, lim)
		return img, NoteFrames, err
	case info.Format == "png" && find(pngChunks(data), "acTL", "") != nil:
		note = NoteFrames
	case info.Format == "tiff" && readTIFFDir(data).more:
		note = notePages
	case info.Format == "avif" && string(data[8:12]) == "avis":
		note = NoteFrames
	case info.Format == "heic":
		note = heicNote(data)
	}
	img, rest, err := decodeFormat(info.Format, data)
	if err == nil && info.Format == "gif" {
		const trailer = 0x3b
		if len(rest) > 0 && rest[0] != trailer {
			note = NoteFrames
		}
		img = onScreen(img, img.Bounds().Min, info.Width, info.Height)
	}
	return img, note, err
}

// decodeFormat returns the image and what the decoder has not read.
func decodeFormat(format string, data []byte) (img image.Image, rest []byte, err error) {
	r := bytes.NewReader(data)
	img, err = codecs[format].decode(r)
	if err == png.FormatError("too much pixel data") {
		img, err = png.Decode(bytes.NewReader(withoutSurplus(data)))
	}
	if err != nil {
		return nil, nil, fault(format, "", err)
	}
	switch format {
	case "webp":
		img = coded{img, studioToRGB}
	case "heic":
		img = heicColors(img, data)
	case "tiff":
		tiffPalette(img)
	}
	return img, data[len(data)-r.Len():], nil
}

// animated reports whether a WebP file is an animation.
func animated(data []byte) bool {
	head := find(webpChunks(data), "VP8X", "")
	return len(head) >= 1 && head[0]&2 != 0
}

// decodeFirst decodes the first frame of an animated WebP file, on its canvas.
func decodeFirst(data []byte, canvas Info, lim Limits) (image.Image, error) {
	body := find(webpChunks(data), "ANMF", "")
	if len(body) < webpFrameHeader {
		return nil, errors.New("damaged webp: the animation has no complete frame")
	}
	file := webpFrame(body)
	if _, err := open(file, lim); err != nil {
		return nil, err
	}
	img, _, err := decodeFormat("webp", file)
	if err != nil {
		return nil, err
	}
	return onScreen(img, image.Pt(2*u24(body), 2*u24(body[3:])), canvas.Width, canvas.Height), nil
}

const webpFrameHeader = 16

func u24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// webpFrame makes the content of an ANMF chunk a file of its own. A separate alpha chunk (ALPH)
// needs a header that announces it.
func webpFrame(body []byte) []byte {
	frame := body[webpFrameHeader:]
	list := []byte("WEBP")
	if find(riffChunks(frame), "ALPH", "") != nil {
		list = append(list, "VP8X\x0a\x00\x00\x00\x10\x00\x00\x00"...)
		list = append(list, body[6:12]...) // width and height
	}
	return appendRIFF(nil, "RIFF", append(list, frame...))
}

// onScreen places a frame on the logical screen. The rest of the screen is transparent. A frame
// that does not fit is returned unchanged.
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

// gifFrame returns the 8 bytes in a GIF file that place its first frame: left, top, width and
// height. It returns nil if there is none.
func gifFrame(data []byte) []byte {
	const screen, extension, frame = 13, 0x21, 0x2c
	i := screen
	if len(data) > screen {
		i += gifColors(data[10])
	}
	for i+9 <= len(data) {
		switch data[i] {
		case frame:
			return data[i+1 : i+9]
		case extension:
			if i = subBlocks(data, i+2); i < 0 {
				return nil
			}
		default:
			return nil
		}
	}
	return nil
}

// withScreen enlarges the screen of a GIF file to hold its first frame, as browsers and PIL do.
func withScreen(data []byte) []byte {
	frame := gifFrame(data)
	if frame == nil {
		return data
	}
	le := binary.LittleEndian
	right, bottom := int(le.Uint16(frame))+int(le.Uint16(frame[4:])), int(le.Uint16(frame[2:]))+int(le.Uint16(frame[6:]))
	w, h := max(int(le.Uint16(data[6:])), right), max(int(le.Uint16(data[8:])), bottom)
	if w == int(le.Uint16(data[6:])) && h == int(le.Uint16(data[8:])) || w > 0xffff || h > 0xffff {
		return data
	}
	changed := bytes.Clone(data)
	le.PutUint16(changed[6:], uint16(w))
	le.PutUint16(changed[8:], uint16(h))
	return changed
}
