package pixels

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Tags of Exif 3.0 and TIFF 6.0 that are edited or moved.
const (
	tagImageWidth     = 0x0100
	tagImageLength    = 0x0101
	tagXResolution    = 0x011a
	tagYResolution    = 0x011b
	tagResolutionUnit = 0x0128
	tagThumbnail      = 0x0201
	tagThumbnailSize  = 0x0202
	tagXMP            = 0x02bc
	tagIPTC           = 0x83bb
	tagExifDir        = 0x8769
	tagGPSDir         = 0x8825
	tagMakerNote      = 0x927c
	tagPixelXDim      = 0xa002
	tagPixelYDim      = 0xa003
	tagInteropDir     = 0xa005

	typeRational = 5
)

// typeSizes are the bytes of a value of each type, and typeUnits those of its numbers, which are
// swapped when the byte order changes.
var (
	typeSizes = [...]int64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
	typeUnits = [...]int{1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4}
)

// exifLeads are the tags that lead from a directory to those below it. The tree is two levels deep,
// so no file can make a loop. Only the first entry of each tag counts: a crafted file has thousands
// of them.
var exifLeads = []uint16{tagExifDir, tagGPSDir, tagInteropDir}

// An exifDir is a directory of a TIFF structure with its place.
type exifDir struct {
	tiffDir
	start, end int64 // of its table
	next       int64 // offset of the following directory, or 0
}

// dirAt reads the directory at an offset, which may be that of any bytes. It reports false unless
// all its entries are there.
func (d tiffDir) dirAt(start int64) (exifDir, bool) {
	dir := exifDir{tiffDir: tiffDir{data: d.data, order: d.order}, start: start}
	if start < 8 || start+2 > int64(len(d.data)) {
		return dir, false
	}
	end := start + 2 + 12*int64(d.order.Uint16(d.data[start:]))
	if end+4 > int64(len(d.data)) {
		return dir, false
	}
	dir.entries, dir.end, dir.next = d.data[start+2:end], end+4, int64(d.order.Uint32(d.data[end:]))
	return dir, true
}

// firstDir reads the first directory of an EXIF block. It reports false if that is damaged or
// empty.
func firstDir(block []byte) (exifDir, bool) {
	d := readTIFFDir(block)
	if len(d.entries) == 0 {
		return exifDir{}, false
	}
	return d.dirAt(int64(d.order.Uint32(block[4:])))
}

// value returns the bytes of an entry's value, or nil if they are not in the block.
func (d tiffDir) value(e []byte) []byte {
	kind, n := d.order.Uint16(e[2:]), int64(d.order.Uint32(e[4:]))
	if int(kind) >= len(typeSizes) || typeSizes[kind] == 0 {
		return nil
	}
	if n *= typeSizes[kind]; n <= 4 {
		return e[8 : 8+n]
	}
	at := int64(d.order.Uint32(e[8:]))
	if at+n > int64(len(d.data)) {
		return nil
	}
	return d.data[at : at+n]
}

// set makes e an entry with one number.
func (d tiffDir) set(e []byte, kind uint16, value uint32) {
	d.order.PutUint16(e[2:], kind)
	d.order.PutUint32(e[4:], 1)
	d.order.PutUint32(e[8:], 0)
	if kind == typeShort {
		d.order.PutUint16(e[8:], uint16(value))
	} else {
		d.order.PutUint32(e[8:], value)
	}
}

// below returns the directories to which this one leads: Exif, GPS, and Interoperability.
func (d tiffDir) below() (dirs []exifDir) {
	for _, tag := range exifLeads {
		if e := d.entry(tag); e != nil {
			if sub, ok := d.dirAt(int64(d.order.Uint32(e[8:]))); ok {
				dirs = append(dirs, sub)
			}
		}
	}
	return dirs
}

// editExif returns a copy of an EXIF block for an upright image of w x h pixels without a
// thumbnail, or nil if the block is damaged. Everything else keeps its place, because maker notes
// contain offsets.
func editExif(block []byte, w, h int) []byte {
	block = bytes.Clone(block)
	first, ok := firstDir(block)
	if !ok {
		return nil
	}
	dirs := append([]exifDir{first}, first.below()...)
	for _, d := range dirs[1:] {
		dirs = append(dirs, d.below()...)
	}
	block = dropThumbnail(dirs)
	for _, d := range dirs {
		for e := range slices.Chunk(d.entries, 12) {
			switch d.order.Uint16(e) {
			case tagOrientation:
				d.set(e, typeShort, 1)
			case tagImageWidth, tagPixelXDim:
				d.set(e, typeLong, uint32(w))
			case tagImageLength, tagPixelYDim:
				d.set(e, typeLong, uint32(h))
			}
		}
	}
	if _, ok := firstDir(block); !ok { // directories overlapped
		return nil
	}
	return block
}

// dropThumbnail unlinks the directory that follows the first of dirs, and removes the image that
// belongs to it, which shows the image before the conversion. The other dirs stay. It returns the
// block, which is shorter if the thumbnail was at its end.
func dropThumbnail(dirs []exifDir) []byte {
	first := dirs[0]
	block := first.data
	clear(block[first.end-4 : first.end])
	thumbnail, ok := first.dirAt(first.next)
	if !ok {
		return block
	}
	start := int64(thumbnail.number(tagThumbnail, 0))
	end := start + int64(thumbnail.number(tagThumbnailSize, 0))
	if start < 8 || end == start || end > int64(len(block)) {
		return block
	}
	last := int64(0) // where the rest ends
	for _, d := range dirs {
		parts := [][2]int64{{d.start, d.end}}
		for e := range slices.Chunk(d.entries, 12) {
			if v := d.value(e); len(v) > 4 {
				at := int64(d.order.Uint32(e[8:]))
				parts = append(parts, [2]int64{at, at + int64(len(v))})
			}
		}
		for _, p := range parts {
			if p[0] < end && start < p[1] {
				return block
			}
			last = max(last, p[1])
		}
	}
	clear(block[start:end])
	if start >= last && end+8 >= int64(len(block)) {
		block = block[:start]
	}
	return block
}

// A metaEntry is an entry that can be moved to another block. Its value is little-endian. An entry
// that leads to a directory has that instead.
type metaEntry struct {
	tag, kind uint16
	count     uint32
	value     []byte
	below     []metaEntry
}

// describing are the entries of a TIFF file's first directory that describe the image, not how its
// pixels are stored.
var describing = []uint16{
	0x010d, 0x010e, 0x010f, 0x0110, // document name, description, maker, camera
	0x0131, 0x0132, 0x013b, 0x013c, // software, date, artist, computer
	0x4746, 0x4749, 0x8298, 0x9c9b, 0x9c9c, 0x9c9d, 0x9c9e, 0x9c9f, // rating, copyright, Windows' texts
	tagExifDir, tagGPSDir,
}

// movable returns the entries of an EXIF block or a TIFF file that describe the image. Maker notes,
// which contain offsets, cannot be moved; lost reports whether there are any.
func movable(file []byte) (entries []metaEntry, lost bool) {
	d := readTIFFDir(file)
	left := int64(maxMetadata) // entries may share their values
	var read func(d tiffDir, keep func(tag uint16) bool) []metaEntry
	read = func(d tiffDir, keep func(tag uint16) bool) (list []metaEntry) {
		known := map[uint16]bool{}
		for e := range slices.Chunk(d.entries, 12) {
			x := metaEntry{tag: d.order.Uint16(e), kind: d.order.Uint16(e[2:]), count: d.order.Uint32(e[4:])}
			lost = lost || x.tag == tagMakerNote
			switch v := d.value(e); {
			case !keep(x.tag) || known[x.tag] || x.tag == tagMakerNote || v == nil || left < int64(len(v)):
			case slices.Contains(exifLeads, x.tag):
				known[x.tag] = true
				if sub, ok := d.dirAt(int64(d.order.Uint32(e[8:]))); ok {
					x.below = read(sub.tiffDir, func(tag uint16) bool {
						return tag != tagExifDir && tag != tagGPSDir && (x.tag != tagInteropDir || tag != tagInteropDir)
					})
				}
				if x.below != nil {
					x.kind, x.count = typeLong, 1
					list = append(list, x)
				}
			default:
				known[x.tag] = true
				left -= int64(len(v)) + 12
				x.value = littleEndian(v, typeUnits[x.kind], d.order)
				list = append(list, x)
			}
		}
		slices.SortFunc(list, func(a, b metaEntry) int { return int(a.tag) - int(b.tag) })
		return list
	}
	return read(d, func(tag uint16) bool { return slices.Contains(describing, tag) }), lost
}

func littleEndian(v []byte, unit int, order binary.ByteOrder) []byte {
	v = bytes.Clone(v)
	if order == binary.BigEndian {
		for number := range slices.Chunk(v, unit) {
			slices.Reverse(number)
		}
	}
	return v
}

// appendEntries appends what the entries lead to, and returns their 12 bytes each.
func appendEntries(file []byte, list []metaEntry) (longer []byte, entries [][]byte) {
	le := binary.LittleEndian
	for _, x := range list {
		e := le.AppendUint32(le.AppendUint16(le.AppendUint16(nil, x.tag), x.kind), x.count)
		if len(x.value) <= 4 && x.below == nil {
			entries = append(entries, append(e, append(x.value, 0, 0, 0, 0)[:4]...))
			continue
		}
		content := x.value
		if x.below != nil {
			var below [][]byte
			file, below = appendEntries(file, x.below)
			content = le.AppendUint16(nil, uint16(len(below)))
			content = append(append(content, bytes.Join(below, nil)...), 0, 0, 0, 0)
		}
		if len(file)%2 == 1 {
			file = append(file, 0)
		}
		entries = append(entries, le.AppendUint32(e, uint32(len(file))))
		file = append(file, content...)
	}
	return file, entries
}

// newExif returns an EXIF block with the entries, nil if there are none.
func newExif(list []metaEntry) []byte {
	if len(list) == 0 {
		return nil
	}
	slices.SortStableFunc(list, func(a, b metaEntry) int { return int(a.tag) - int(b.tag) })
	block, _ := appendEntries([]byte("II*\x00\x00\x00\x00\x00"), []metaEntry{{kind: typeLong, count: 1, below: list}})
	// The last directory that was written is the first one.
	binary.LittleEndian.PutUint32(block[4:], uint32(len(block)-(2+12*len(list)+4)))
	return block
}

// resolution returns entries for the resolution in dots per inch.
func resolution(dpi [2]float64) []metaEntry {
	rational := func(v float64) []byte {
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, uint32(v*1000+0.5)), 1000)
	}
	return []metaEntry{
		{tag: tagXResolution, kind: typeRational, count: 1, value: rational(dpi[0])},
		{tag: tagYResolution, kind: typeRational, count: 1, value: rational(dpi[1])},
		{tag: tagResolutionUnit, kind: typeShort, count: 1, value: []byte{2, 0}},
	}
}

// exifDPI returns the resolution of an EXIF block or a TIFF file in dots per inch, or zeros.
func exifDPI(block []byte) (dpi [2]float64) {
	d := readTIFFDir(block)
	inch := 1.0
	switch d.number(tagResolutionUnit, 2) {
	case 2:
	case 3:
		inch = 2.54
	default:
		return dpi
	}
	for i, tag := range []uint16{tagXResolution, tagYResolution} {
		if e := d.entry(tag); e != nil && d.order.Uint16(e[2:]) == typeRational {
			if v := d.value(e); len(v) >= 8 {
				dpi[i] = inch * float64(d.order.Uint32(v)) / float64(max(d.order.Uint32(v[4:]), 1))
			}
		}
	}
	return validDPI(dpi)
}

// validDPI returns zeros unless both values are possible.
func validDPI(dpi [2]float64) [2]float64 {
	if min(dpi[0], dpi[1]) < 1 || max(dpi[0], dpi[1]) > 60000 {
		return [2]float64{}
	}
	return dpi
}
