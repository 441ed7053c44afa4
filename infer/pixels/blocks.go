package pixels

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Metadata is what a file says about its image beyond the pixels and the color profile. Encode
// writes what the format can store, as it holds for the image that is written: the orientation is
// upright, sizes are those of that image, and thumbnails, which show the image as it was, are
// dropped.
type Metadata struct {
	Exif []byte     // EXIF, a TIFF structure: camera, date, place, author, ...
	XMP  []byte     // a packet of XML in UTF-8
	IPTC []byte     // records of IPTC-IIM: caption, credit, ...
	DPI  [2]float64 // horizontal and vertical resolution in dots per inch; 0 if unknown
}

// maxMetadata limits the size of each block.
const maxMetadata = 4 << 20

const (
	xmpPrefix       = "http://ns.adobe.com/xap/1.0/\x00"
	xmpMorePrefix   = "http://ns.adobe.com/xmp/extension/\x00"
	photoshopPrefix = "Photoshop 3.0\x00"
	xmpKeyword      = "XML:com.adobe.xmp\x00"

	app0  = 0xe0
	app13 = 0xed

	metersPerInch = 0.0254
)

// readMetadata returns the metadata of a file and notes about what it ignores. Metadata never makes
// an image unreadable.
func readMetadata(format string, data []byte) (m Metadata, notes []string) {
	note := ""
	switch format {
	case "jpeg":
		m, note = jpegMetadata(data)
	case "png":
		m, note = pngMetadata(data)
	case "webp":
		m.Exif, m.XMP = find(webpChunks(data), "EXIF", ""), find(webpChunks(data), "XMP ", "")
	case "tiff":
		m, note = tiffMetadata(data)
	case "bmp":
		m = bmpMetadata(data)
	case "heic", "avif":
		m.Exif, m.XMP = heifMetadata(data)
	}
	if note != "" {
		notes = append(notes, note)
	}
	m.Exif = bytes.TrimPrefix(m.Exif, []byte(exifPrefix))
	m.XMP = bytes.TrimRight(m.XMP, "\x00")
	for _, b := range []struct {
		name  string
		block *[]byte
		valid func([]byte) bool
	}{
		{"EXIF", &m.Exif, func(b []byte) bool { return editExif(b, 1, 1) != nil }},
		{"XMP", &m.XMP, validXMP},
		{"IPTC", &m.IPTC, func(b []byte) bool { return b[0] == 0x1c }},
	} {
		switch {
		case len(*b.block) == 0:
			*b.block = nil
		case len(*b.block) > maxMetadata:
			notes = append(notes, fmt.Sprintf("the %s metadata is larger than %d MiB and is not kept", b.name, maxMetadata>>20))
			*b.block = nil
		case !b.valid(*b.block):
			notes = append(notes, fmt.Sprintf("the %s metadata is damaged and is not kept", b.name))
			*b.block = nil
		default: // a copy, so that the file's bytes can be freed
			*b.block = bytes.Clone(*b.block)
		}
	}
	if m.DPI = validDPI(m.DPI); m.DPI == ([2]float64{}) {
		m.DPI = exifDPI(m.Exif)
	}
	return m, notes
}

func jpegMetadata(data []byte) (m Metadata, note string) {
	var photoshop []byte
	for marker, body := range jpegSegments(data) {
		switch {
		case marker == app0 && bytes.HasPrefix(body, []byte("JFIF\x00")) && len(body) >= 12:
			unit := map[byte]float64{1: 1, 2: 2.54}[body[7]]
			m.DPI = [2]float64{unit * float64(binary.BigEndian.Uint16(body[8:])), unit * float64(binary.BigEndian.Uint16(body[10:]))}
		case marker == app1 && m.Exif == nil && bytes.HasPrefix(body, []byte(exifPrefix)):
			m.Exif = body
		case marker == app1 && m.XMP == nil && bytes.HasPrefix(body, []byte(xmpPrefix)):
			m.XMP = body[len(xmpPrefix):]
		case marker == app1 && bytes.HasPrefix(body, []byte(xmpMorePrefix)):
			note = "the extended part of the XMP metadata is not kept"
		case marker == app13 && bytes.HasPrefix(body, []byte(photoshopPrefix)):
			photoshop = append(photoshop, body[len(photoshopPrefix):]...)
		}
	}
	if note != "" {
		m.XMP = xmpMore.ReplaceAll(m.XMP, nil)
	}
	m.IPTC = photoshopIPTC(photoshop)
	return m, note
}

// xmpMore is the reference to the extended part, which a reader would look for.
var xmpMore = regexp.MustCompile(`\s[\w.-]+:HasExtendedXMP\s*=\s*("[^"]*"|'[^']*')|<[\w.-]+:HasExtendedXMP>[^<]*</[\w.-]+:HasExtendedXMP>`)

// photoshopIPTC finds the IPTC records in Photoshop's list of resources.
func photoshopIPTC(list []byte) []byte {
	even := func(n int) int { return n + n%2 }
	for len(list) >= 12 && string(list[:4]) == "8BIM" {
		id := binary.BigEndian.Uint16(list[4:])
		name := even(1 + int(list[6]))
		if len(list) < 6+name+4 {
			return nil
		}
		size := int64(binary.BigEndian.Uint32(list[6+name:]))
		list = list[6+name+4:]
		if size > int64(len(list)) {
			return nil
		}
		if id == 0x0404 {
			return list[:size]
		}
		list = list[min(even(int(size)), len(list)):]
	}
	return nil
}

func pngMetadata(data []byte) (m Metadata, note string) {
	for name, body := range pngChunks(data) {
		switch {
		case name == "pHYs" && len(body) == 9 && body[8] == 1:
			m.DPI = [2]float64{metersPerInch * float64(binary.BigEndian.Uint32(body)), metersPerInch * float64(binary.BigEndian.Uint32(body[4:]))}
		case name == "eXIf" && m.Exif == nil:
			m.Exif = body
		case name == "iTXt" && m.XMP == nil && bytes.HasPrefix(body, []byte(xmpKeyword)):
			if m.XMP = internationalText(body[len(xmpKeyword):], maxMetadata+1); m.XMP == nil {
				note = "the XMP metadata is damaged and is not kept"
			}
		}
	}
	if m.Exif == nil {
		m.Exif = pngRawProfile(data)
	}
	return m, note
}

func tiffMetadata(data []byte) (m Metadata, note string) {
	entries, lost := movable(data)
	if lost {
		note = noteMaker
	}
	m.DPI = exifDPI(data)
	if entries != nil && m.DPI != [2]float64{} {
		entries = append(resolution(m.DPI), entries...) // which WebP stores nowhere else
	}
	m.Exif = newExif(entries)
	d := readTIFFDir(data)
	m.XMP, m.IPTC = d.content(tagXMP), d.content(tagIPTC)
	if e := d.entry(tagIPTC); e != nil && d.order.Uint16(e[2:]) == typeLong { // by programs that mean bytes
		m.IPTC = littleEndian(m.IPTC, 4, d.order)
	}
	return m, note
}

const noteMaker = "the maker notes of the camera are not kept: they cannot be moved into or out of TIFF"

func bmpMetadata(data []byte) (m Metadata) {
	if at := bmpResolution; len(data) >= at+8 && binary.LittleEndian.Uint32(data[14:]) >= 40 {
		m.DPI = [2]float64{metersPerInch * float64(binary.LittleEndian.Uint32(data[at:])), metersPerInch * float64(binary.LittleEndian.Uint32(data[at+4:]))}
	}
	return m
}

// bmpResolution is the offset of the resolution in pixels per meter, after headers of 14 and 24
// bytes.
const bmpResolution = 38

// validXMP reports whether a packet is XML.
func validXMP(packet []byte) bool {
	if !utf8.Valid(packet) {
		return false
	}
	d, elements := xml.NewDecoder(bytes.NewReader(packet)), 0
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for {
		switch t, err := d.RawToken(); {
		case errors.Is(err, io.EOF):
			return elements > 0
		case err != nil:
			return false
		default:
			if _, ok := t.(xml.StartElement); ok {
				elements++
			}
		}
	}
}

// property matches a property of XMP in both of its forms, an attribute and an element. The value
// is in the second or fourth group.
func property(name string) *regexp.Regexp {
	return regexp.MustCompile(`(\s(?:` + name + `)\s*=\s*["'])([^"'<]*)|(<(?:` + name + `)\s*>)([^<]*)`)
}

var (
	xmpOrientation = property("tiff:Orientation")
	xmpWidth       = property("tiff:ImageWidth|exif:PixelXDimension")
	xmpHeight      = property("tiff:ImageLength|exif:PixelYDimension")
	xmpThumbnails  = regexp.MustCompile(`(?s)<((?:xmp|xap):Thumbnails)(\s*|\s[^>]*[^/>])>.*?</((?:xmp|xap):Thumbnails)\s*>`)
)

// editXMP does for a packet what editExif does for a block.
func editXMP(packet []byte, w, h int) []byte {
	packet = xmpThumbnails.ReplaceAll(packet, nil)
	packet = xmpOrientation.ReplaceAll(packet, []byte("${1}${3}1"))
	packet = xmpWidth.ReplaceAll(packet, fmt.Appendf(nil, "${1}${3}%d", w))
	packet = xmpHeight.ReplaceAll(packet, fmt.Appendf(nil, "${1}${3}%d", h))
	if !validXMP(packet) {
		return nil
	}
	return packet
}

// forImage returns the metadata as it holds for an upright image of w x h pixels.
func (m Metadata) forImage(w, h int) Metadata {
	if m.Exif != nil {
		m.Exif = editExif(m.Exif, w, h)
	}
	if m.XMP != nil {
		m.XMP = editXMP(m.XMP, w, h)
	}
	m.DPI = validDPI(m.DPI)
	return m
}

func (m Metadata) empty() bool {
	return m.Exif == nil && m.XMP == nil && m.IPTC == nil && m.DPI == [2]float64{}
}

// Lost returns notes about what Encode cannot write in a format.
func (m Metadata) Lost(format string) (notes []string) {
	format, err := writer(format)
	if err != nil {
		return nil
	}
	var lost []string
	add := func(name string, there bool) {
		if there {
			lost = append(lost, name)
		}
	}
	add("EXIF", m.Exif != nil && (format == "gif" || format == "bmp"))
	add("XMP", m.XMP != nil && (format == "gif" || format == "bmp"))
	add("IPTC", m.IPTC != nil && format != "jpeg" && format != "tiff")
	add("resolution", m.DPI != [2]float64{} && (format == "gif" || format == "webp" && m.Exif != nil && exifDPI(m.Exif) == [2]float64{}))
	if lost != nil {
		notes = append(notes, fmt.Sprintf("%s cannot store its %s metadata", format, strings.Join(lost, ", ")))
	}
	for _, b := range []struct {
		name string
		size int
	}{{"EXIF", len(exifPrefix) + len(m.Exif)}, {"XMP", len(xmpPrefix) + len(m.XMP)}, {"IPTC", len(photoshopPrefix) + 12 + len(m.IPTC)}} {
		if format == "jpeg" && b.size > maxSegment {
			notes = append(notes, fmt.Sprintf("jpeg cannot store its %s metadata, which is larger than 64 KiB", b.name))
		}
	}
	if _, notesLost := movable(m.Exif); notesLost && format == "tiff" {
		notes = append(notes, noteMaker)
	}
	return notes
}
