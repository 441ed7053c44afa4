package pixels

import (
	"bytes"
	"image"
	"image/color"
	"slices"

	"golang.org/x/image/tiff"
)

// inks says what has to be done to what the TIFF decoder gives.
type inks int

const (
	asDecoded     inks = iota
	cmykAsNRGBA        // the samples are cyan, magenta, yellow and black
	unknownFourth      // the fourth sample means nothing that is known
	blackRuns          // fax runs of "white" are of value 0, which is black here; the decoder shows them white
)

// withKnownInks gives a file that the decoders of the libraries read, where they
// lack a kind of colour only: CMYK in JPEG without Adobe's marker and in TIFF,
// and TIFF with a fourth sample of unsaid meaning. Other files come back as they
// are.
func withKnownInks(data []byte) (inks, []byte, error) {
	switch sniff(data[:min(len(data), 12)]) {
	case "jpeg":
		return asDecoded, withAdobe(data), nil
	case "tiff":
		return tiffInks(data)
	}
	return asDecoded, data, nil
}

func tiffInks(data []byte) (inks, []byte, error) {
	d := readTIFFDir(data)
	photometric, samples := d.number(tagPhotometric, -1), d.number(tagSamplesPerPixel, 1)
	rgb, straight := d.short(tagPhotometric, photometricRGB), d.short(tagExtraSamples, 2)
	switch {
	case d.number(tagPlanar, 1) == 2 && samples > 1:
		// The decoder does not look, and would take one colour for all.
		return asDecoded, nil, fault("tiff", "", tiff.UnsupportedError("colours in a plane each"))
	case samples == 4 && photometric == photometricCMYK:
		return cmykAsNRGBA, d.with(rgb, straight), nil
	case samples == 4 && photometric == photometricRGB && d.number(tagExtraSamples, 0) == 0:
		return unknownFourth, d.with(straight), nil
	case photometric == photometricBlackIsZero && (d.number(tagCompression, 1) == compressionFax3 || d.number(tagCompression, 1) == compressionFax4):
		return blackRuns, data, nil
	}
	return asDecoded, data, nil
}

// apply gives the picture in its true colours.
func (k inks) apply(img image.Image) image.Image {
	switch k {
	case cmykAsNRGBA:
		m := toNRGBA(img)
		return &image.CMYK{Pix: m.Pix, Stride: m.Stride, Rect: m.Rect}
	case unknownFourth:
		return Opaque(toNRGBA(img))
	case blackRuns:
		if m, ok := img.(*image.Gray); ok {
			for i := range m.Pix {
				m.Pix[i] = 255 - m.Pix[i]
			}
		}
	}
	return img
}

// tiffPalette gives a TIFF's palette its 8-bit colours. Programs write them times
// 256 as well as times 257.
func tiffPalette(img image.Image) {
	m, ok := img.(*image.Paletted)
	if !ok {
		return
	}
	for i, c := range m.Palette {
		if c, ok := c.(color.RGBA64); ok {
			m.Palette[i] = color.NRGBA{uint8(c.R >> 8), uint8(c.G >> 8), uint8(c.B >> 8), 255}
		}
	}
}

// withAdobe adds the marker that tells inverted CMYK, which is how programs
// without it mean their files too, to a JPEG of four colours that lacks it.
func withAdobe(data []byte) []byte {
	const app14 = 0xee
	four := false
	for marker, body := range jpegSegments(data) {
		switch {
		case marker == app14 && bytes.HasPrefix(body, []byte("Adobe")):
			return data
		case marker >= 0xc0 && marker <= 0xc2:
			four = len(body) > 5 && body[5] == 4
		}
	}
	if !four {
		return data
	}
	const adobe = "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
	return slices.Concat(data[:2], []byte(adobe), data[2:])
}
