package pixels

import (
	"encoding/binary"
	"slices"
)

// The tags and types of TIFF 6.0 that are looked at here.
const (
	tagBitsPerSample   = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagOrientation     = 274
	tagSamplesPerPixel = 277
	tagPlanar          = 284
	tagExtraSamples    = 338
	tagICCProfile      = 34675

	typeShort     = 3
	typeLong      = 4
	typeUndefined = 7

	photometricBlackIsZero = 1
	photometricRGB         = 2
	photometricCMYK        = 5

	compressionNone       = 1
	compressionFax3       = 3
	compressionFax4       = 4
	compressionLZW        = 5
	compressionDeflate    = 8
	compressionDeflateOld = 32946
	compressionPackBits   = 32773
)

// tiffDir is the first directory of a TIFF structure, which is also what an
// Exif block is. Further directories are not followed, so none can loop.
type tiffDir struct {
	data    []byte
	order   binary.ByteOrder
	entries []byte // of 12 bytes each
	more    bool   // another directory follows
}

// readTIFFDir gives an empty directory where there is none; one that is cut
// short has the entries that are whole.
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
	if whole := int64(len(rest)) / 12; n > whole {
		n = whole
	}
	d.entries = rest[:12*n]
	if rest = rest[12*n:]; len(rest) >= 4 {
		d.more = d.order.Uint32(rest) != 0
	}
	return d
}

// entry gives the 12 bytes of a tag's entry, nil if there is none.
func (d tiffDir) entry(tag uint16) []byte {
	for e := d.entries; len(e) > 0; e = e[12:] {
		if d.order.Uint16(e) == tag {
			return e[:12]
		}
	}
	return nil
}

// number gives the first value of a tag of type SHORT or LONG; absent stands
// for a tag that is not there or is of another type.
func (d tiffDir) number(tag uint16, absent int) int {
	e := d.entry(tag)
	if e == nil {
		return absent
	}
	switch kind, n := d.order.Uint16(e[2:]), d.order.Uint32(e[4:]); {
	case kind == typeShort && n >= 1 && n <= 2:
		return int(d.order.Uint16(e[8:]))
	case kind == typeLong && n == 1:
		return int(d.order.Uint32(e[8:]))
	case kind == typeShort && n > 2:
		if at := int64(d.order.Uint32(e[8:])); at+2 <= int64(len(d.data)) {
			return int(d.order.Uint16(d.data[at:]))
		}
	}
	return absent
}

// content gives what a tag of single bytes holds.
func (d tiffDir) content(tag uint16) []byte {
	e := d.entry(tag)
	if e == nil || d.order.Uint16(e[2:]) != typeUndefined {
		return nil
	}
	n, at := int64(d.order.Uint32(e[4:])), int64(d.order.Uint32(e[8:]))
	if n <= 4 || at+n > int64(len(d.data)) {
		return nil
	}
	return d.data[at : at+n]
}

// short makes an entry that holds one number.
func (d tiffDir) short(tag, value uint16) []byte {
	e := make([]byte, 12)
	d.order.PutUint16(e, tag)
	d.order.PutUint16(e[2:], typeShort)
	d.order.PutUint32(e[4:], 1)
	d.order.PutUint16(e[8:], value)
	return e
}

// with gives the file with another first directory, at its end, in which the
// given entries stand in place of those of their tags. The pixels stay where
// they are.
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
	if len(file)%2 == 1 { // a directory begins at an even place
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
