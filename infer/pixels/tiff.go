package pixels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"math/bits"
	"slices"

	"github.com/disintegration/imaging"
	"golang.org/x/image/tiff"
)

// Tags, types and values of TIFF 6.0.
const (
	tagSubfile         = 254
	tagBitsPerSample   = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagFillOrder       = 266
	tagStripOffsets    = 273
	tagOrientation     = 274
	tagSamplesPerPixel = 277
	tagStripSizes      = 279
	tagPlanar          = 284
	tagTileOffsets     = 324
	tagSubDirs         = 330
	tagTileSizes       = 325
	tagExtraSamples    = 338
	tagSampleFormat    = 339
	tagICCProfile      = 34675
	tagDNGVersion      = 50706

	typeByte      = 1
	typeShort     = 3
	typeLong      = 4
	typeUndefined = 7

	sampleSigned = 2

	photometricBlackIsZero = 1
	photometricRGB         = 2
	photometricCMYK        = 5

	compressionFax  = 2
	compressionFax3 = 3
	compressionFax4 = 4
)

// integerSizes are the sizes in bytes of the integer types. The signed ones follow 5 places later.
var integerSizes = [...]int64{typeByte: 1, typeShort: 2, typeLong: 4, typeByte + 5: 1, typeShort + 5: 2, typeLong + 5: 4}

// tiffDir is the first directory of a TIFF structure, such as a TIFF file or an Exif block. Further
// directories are ignored, so there can be no loop.
type tiffDir struct {
	data    []byte
	order   binary.ByteOrder
	entries []byte // of 12 bytes each
	more    bool   // another directory follows
}

// readTIFFDir returns an empty directory if there is none, and the complete entries of a truncated
// one.
func readTIFFDir(b []byte) tiffDir {
	d := tiffDir{data: b, order: binary.LittleEndian}
	if len(b) < 8 {
		return d
	}
	switch string(b[:4]) {
	case "II*\x00":
	case "MM\x00*":
		d.order = binary.BigEndian
	default:
		return d
	}
	at := int64(d.order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return d
	}
	n := int64(d.order.Uint16(b[at:]))
	rest := b[at+2:]
	n = min(n, int64(len(rest))/12)
	d.entries = rest[:12*n]
	if rest = rest[12*n:]; len(rest) >= 4 {
		d.more = d.order.Uint32(rest) != 0
	}
	return d
}

// entry returns the 12 bytes of a tag's entry, or nil.
func (d tiffDir) entry(tag uint16) []byte {
	for e := d.entries; len(e) > 0; e = e[12:] {
		if d.order.Uint16(e) == tag {
			return e[:12]
		}
	}
	return nil
}

// number returns the first value of a tag that holds integers, or absent.
func (d tiffDir) number(tag uint16, absent int) int {
	if all := d.numbers(tag, 1); len(all) > 0 {
		return all[0]
	}
	return absent
}

// numbers returns the values of a tag that holds integers, at most the given number.
func (d tiffDir) numbers(tag uint16, most int) []int {
	e := d.entry(tag)
	if e == nil {
		return nil
	}
	kind, count, b := d.order.Uint16(e[2:]), int64(d.order.Uint32(e[4:])), e[8:12]
	if int(kind) >= len(integerSizes) || integerSizes[kind] == 0 {
		return nil
	}
	size := integerSizes[kind]
	if size*count > 4 {
		b = d.data[min(int64(d.order.Uint32(b)), int64(len(d.data))):]
	}
	count = min(count, int64(len(b))/size, int64(most))
	all := make([]int, 0, count)
	for ; count > 0; count, b = count-1, b[size:] {
		switch size {
		case 1:
			all = append(all, int(b[0]))
		case 2:
			all = append(all, int(d.order.Uint16(b)))
		case 4:
			all = append(all, int(d.order.Uint32(b)))
		}
	}
	return all
}

// content returns the bytes of a tag's value, or nil.
func (d tiffDir) content(tag uint16) []byte {
	if e := d.entry(tag); e != nil {
		return d.value(e)
	}
	return nil
}

// short makes an entry with one number.
func (d tiffDir) short(tag, value uint16) []byte {
	e := make([]byte, 12)
	d.order.PutUint16(e, tag)
	d.set(e, typeShort, uint32(value))
	return e
}

// with returns the file with a new first directory at its end, in which the given entries replace
// those of their tags. The pixels do not move.
func (d tiffDir) with(entries ...[]byte) []byte {
	all := slices.Clone(entries)
	replaced := func(e []byte) bool {
		return slices.ContainsFunc(entries, func(n []byte) bool { return d.order.Uint16(n) == d.order.Uint16(e) })
	}
	for e := d.entries; len(e) > 0; e = e[12:] {
		if !replaced(e[:12]) {
			all = append(all, e[:12])
		}
	}
	slices.SortStableFunc(all, func(a, b []byte) int { return int(d.order.Uint16(a)) - int(d.order.Uint16(b)) })
	file := append(make([]byte, 0, len(d.data)+12*len(all)+8), d.data...)
	if len(file)%2 == 1 { // directories start at even offsets
		file = append(file, 0)
	}
	d.order.PutUint32(file[4:], uint32(len(file)))
	file = append(file, 0, 0)
	d.order.PutUint16(file[len(file)-2:], uint16(len(all)))
	for _, e := range all {
		file = append(file, e...)
	}
	return append(file, 0, 0, 0, 0)
}

// repair changes files whose kind the decoders do not support so that they can decode them: CMYK in
// TIFF and in JPEG without Adobe's marker, TIFF with a fourth sample of unknown meaning or with
// reversed bits, GIF whose first frame is larger than the screen, and PNG with odd chunks. If fix
// is not nil, the decoded image needs it.
func repair(format string, data []byte) (changed []byte, fix func(image.Image) image.Image, err error) {
	switch format {
	case "jpeg":
		return withAdobe(data), nil, nil
	case "gif":
		return withScreen(data), nil, nil
	case "png":
		return withPlainChunks(data), nil, nil
	case "tiff":
		if data, err = withBitOrder(data); err != nil {
			return nil, nil, err
		}
		return tiffInks(data)
	}
	return data, nil, nil
}

// withBitOrder reverses the bits of each byte of the pixels if the file stores them from the lowest
// bit (FillOrder 2), which the decoder respects for fax compression only.
func withBitOrder(data []byte) ([]byte, error) {
	d := readTIFFDir(data)
	compression := d.number(tagCompression, 1)
	if d.number(tagFillOrder, 1) != 2 || compression >= compressionFax && compression <= compressionFax4 {
		return data, nil
	}
	offsets, sizes := d.numbers(tagStripOffsets, len(data)), d.numbers(tagStripSizes, len(data))
	if len(offsets) == 0 {
		offsets, sizes = d.numbers(tagTileOffsets, len(data)), d.numbers(tagTileSizes, len(data))
	}
	if len(offsets) != len(sizes) {
		return nil, fault("tiff", "", tiff.UnsupportedError("reversed bits without the size of each strip"))
	}
	changed := bytes.Clone(data)
	for i, at := range offsets {
		// From data, so that strips may overlap.
		for k := at; k < min(at+sizes[i], len(data)); k++ {
			changed[k] = bits.Reverse8(data[k])
		}
	}
	return changed, nil
}

func tiffInks(data []byte) (changed []byte, fix func(image.Image) image.Image, err error) {
	d := readTIFFDir(data)
	photometric, samples, compression := d.number(tagPhotometric, -1), d.number(tagSamplesPerPixel, 1), d.number(tagCompression, 1)
	// The first directory of a camera's raw image is a thumbnail, whose other pictures are in
	// subdirectories.
	if d.entry(tagDNGVersion) != nil || d.number(tagSubfile, 0)&1 != 0 && d.entry(tagSubDirs) != nil {
		return nil, nil, &UnsupportedError{errors.New("a camera raw image")}
	}
	rgb, straight := d.short(tagPhotometric, photometricRGB), d.short(tagExtraSamples, 2)
	switch {
	case d.number(tagPlanar, 1) == 2 && samples > 1:
		// The decoder ignores the tag and would read one plane as all colors.
		return nil, nil, fault("tiff", "", tiff.UnsupportedError("separate color planes"))
	case d.number(tagSampleFormat, 1) == sampleSigned:
		// The decoder ignores the tag and would show negative values as the brightest ones.
		return nil, nil, fault("tiff", "", tiff.UnsupportedError("signed samples. Fix: add an offset to the values, such as 1024 for CT, and save them as unsigned"))
	case samples == 4 && photometric == photometricCMYK:
		return d.with(rgb, straight), func(img image.Image) image.Image {
			m := toNRGBA(img)
			return &image.CMYK{Pix: m.Pix, Stride: m.Stride, Rect: m.Rect}
		}, nil
	case samples == 4 && photometric == photometricRGB && d.number(tagExtraSamples, 0) == 0:
		return d.with(straight), func(img image.Image) image.Image { return Opaque(toNRGBA(img)) }, nil
	case photometric == photometricBlackIsZero && (compression == compressionFax3 || compression == compressionFax4):
		// The decoder shows black as white.
		return data, func(img image.Image) image.Image { return imaging.Invert(img) }, nil
	}
	return data, nil, nil
}

// tiffPalette reduces a TIFF's palette to 8 bits. Programs write 8-bit colors times 256 or times
// 257.
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

// withAdobe adds Adobe's marker, which means inverted CMYK, to a JPEG of four colors without it.
// Programs that omit it invert CMYK too.
func withAdobe(data []byte) []byte {
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
