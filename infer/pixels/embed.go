package pixels

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
)

// embed returns an encoded file with a profile and metadata, as far as its format stores them.
func embed(format string, file []byte, p Profile, m Metadata) []byte {
	switch format {
	case "jpeg":
		return slices.Insert(file, 2, jpegSegmentsOf(p, m)...) // after the start of image
	case "png":
		return slices.Insert(file, 8+25, pngChunksOf(p, m)...) // after signature and header
	case "tiff":
		return tiffWith(file, p, m)
	case "webp":
		return webpFile(slices.Collect(webpParts(file)), webpExtras{Profile: p, Metadata: m})
	case "bmp":
		for i, v := range m.DPI {
			binary.LittleEndian.PutUint32(file[bmpResolution+4*i:], perMeter(v))
		}
	}
	return file
}

func perMeter(dpi float64) uint32 { return uint32(math.Round(dpi / metersPerInch)) }

// maxSegment is the most that a JPEG segment holds.
const maxSegment = 0xffff - 2

// appendSegment appends a JPEG segment, unless it is too large.
func appendSegment(b []byte, marker byte, prefix string, body []byte) []byte {
	n := len(prefix) + len(body)
	if n > maxSegment {
		return b
	}
	b = binary.BigEndian.AppendUint16(append(b, 0xff, marker), uint16(2+n))
	return append(append(b, prefix...), body...)
}

func jpegSegmentsOf(p Profile, m Metadata) (b []byte) {
	be := binary.BigEndian
	if m.DPI != [2]float64{} {
		const version, inch = "\x01\x01", "\x01"
		density := be.AppendUint16(be.AppendUint16(nil, uint16(math.Round(m.DPI[0]))), uint16(math.Round(m.DPI[1])))
		b = appendSegment(b, app0, "JFIF\x00"+version+inch, append(density, 0, 0)) // no thumbnail
	}
	if m.Exif != nil {
		b = appendSegment(b, app1, exifPrefix, m.Exif)
	}
	if m.XMP != nil {
		b = appendSegment(b, app1, xmpPrefix, m.XMP)
	}
	if m.IPTC != nil {
		resource := be.AppendUint32([]byte("8BIM\x04\x04\x00\x00"), uint32(len(m.IPTC)))
		resource = append(resource, m.IPTC...)
		b = appendSegment(b, app13, photoshopPrefix, append(resource, make([]byte, len(m.IPTC)%2)...))
	}
	return append(b, jpegProfileSegments(p)...)
}

func appendChunk(b []byte, name string, body ...[]byte) []byte {
	start := len(b)
	b = append(append(b, 0, 0, 0, 0), name...)
	for _, part := range body {
		b = append(b, part...)
	}
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-8))
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start+4:]))
}

func pngChunksOf(p Profile, m Metadata) (b []byte) {
	be := binary.BigEndian
	if p != nil {
		b = appendChunk(b, "iCCP", pngProfileChunk(p))
	}
	if m.DPI != [2]float64{} {
		b = appendChunk(b, "pHYs", append(be.AppendUint32(be.AppendUint32(nil, perMeter(m.DPI[0])), perMeter(m.DPI[1])), 1))
	}
	if m.Exif != nil {
		b = appendChunk(b, "eXIf", m.Exif)
	}
	if m.XMP != nil {
		b = appendChunk(b, "iTXt", []byte(xmpKeyword+"\x00\x00\x00\x00"), m.XMP)
	}
	return b
}

// tiffWith replaces the directory of a little-endian TIFF file with one that has the profile and
// the metadata.
func tiffWith(file []byte, p Profile, m Metadata) []byte {
	list, _ := movable(m.Exif)
	if m.DPI != [2]float64{} {
		list = append(list, resolution(m.DPI)...)
	}
	for _, x := range []metaEntry{
		{tag: tagICCProfile, kind: typeUndefined, value: p},
		{tag: tagXMP, kind: typeByte, value: m.XMP},
		{tag: tagIPTC, kind: typeUndefined, value: m.IPTC},
	} {
		if x.value != nil {
			x.count = uint32(len(x.value))
			list = append(list, x)
		}
	}
	file, entries := appendEntries(file, list)
	return readTIFFDir(file).with(entries...)
}

// A riffChunk is a chunk of a WebP file.
type riffChunk struct {
	name string
	body []byte
}

func appendRIFF(b []byte, name string, body []byte) []byte {
	b = binary.LittleEndian.AppendUint32(append(b, name...), uint32(len(body)))
	return append(append(b, body...), make([]byte, len(body)%2)...)
}

// webpParts iterates over the chunks of a still WebP file that hold the pixels.
func webpParts(file []byte) func(func(riffChunk) bool) {
	return func(yield func(riffChunk) bool) {
		for name, body := range webpChunks(file) {
			if name != "VP8X" && !yield(riffChunk{name, body}) {
				return
			}
		}
	}
}

// webpExtras are the parts of a WebP file besides its pixels.
type webpExtras struct {
	Profile
	Metadata
	animation []byte // the ANIM chunk of an animation
	// Width, height and alpha of the canvas. If width is 0, they are those of the pixels.
	width, height int
	alpha         bool
}

// webpFile joins chunks of pixels and what belongs to them to a WebP file.
func webpFile(pixels []riffChunk, x webpExtras) []byte {
	var flags byte
	var before, after []byte
	if x.Profile != nil {
		flags |= 0x20
		before = appendRIFF(before, "ICCP", x.Profile)
	}
	if x.animation != nil {
		flags |= 0x02
		before = appendRIFF(before, "ANIM", x.animation)
	}
	exif := x.Exif
	if exif == nil && x.DPI != [2]float64{} && x.DPI != [2]float64{72, 72} {
		exif = newExif(resolution(x.DPI)) // WebP has no other place for it; 72 is the default of Exif
	}
	if exif != nil {
		flags |= 0x08
		after = appendRIFF(after, "EXIF", exif)
	}
	if x.XMP != nil {
		flags |= 0x04
		after = appendRIFF(after, "XMP ", x.XMP)
	}
	if x.width == 0 {
		for _, c := range pixels {
			w, h, alpha := webpSize(c)
			x.width, x.height, x.alpha = max(x.width, w), max(x.height, h), x.alpha || alpha
		}
	}
	if x.alpha {
		flags |= 0x10
	}
	list := appendRIFF([]byte("WEBP"), "VP8X", appendU24(appendU24([]byte{flags, 0, 0, 0}, x.width-1), x.height-1))
	list = append(list, before...)
	for _, c := range pixels {
		list = appendRIFF(list, c.name, c.body)
	}
	return appendRIFF(nil, "RIFF", append(list, after...))
}

func appendU24(b []byte, v int) []byte { return append(b, byte(v), byte(v>>8), byte(v>>16)) }

// webpSize returns the size in the header of a chunk of pixels, and whether that has alpha.
func webpSize(c riffChunk) (w, h int, alpha bool) {
	le := binary.LittleEndian
	switch {
	case c.name == "ALPH":
		return 0, 0, true
	case c.name == "VP8 " && len(c.body) >= 10:
		return int(le.Uint16(c.body[6:]) & 0x3fff), int(le.Uint16(c.body[8:]) & 0x3fff), false
	case c.name == "VP8L" && len(c.body) >= 5:
		bits := le.Uint32(c.body[1:])
		return int(bits&0x3fff) + 1, int(bits>>14&0x3fff) + 1, bits>>28&1 == 1
	}
	return 0, 0, false
}
