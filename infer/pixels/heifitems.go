package pixels

import "bytes"

// heifMetadata returns the EXIF block and the XMP packet of a HEIC or AVIF file, nil where there is
// none. They are items of the file, like its images (ISO/IEC 23008-12, annex A).
func heifMetadata(data []byte) (exif, xmp []byte) {
	meta := skip(find(boxes(data), "meta", ""), 4)
	if id, ok := heifItemID(meta, "Exif"); ok {
		// It begins with the number of bytes before the block, such as those of the prefix in JPEG
		// files.
		f := fields{data: heifItem(data, meta, id)}
		f.skip(f.number(4))
		exif = f.data
	}
	if id, ok := heifItemID(meta, "mime\x00application/rdf+xml"); ok {
		xmp = heifItem(data, meta, id)
	}
	return exif, xmp
}

// fields reads numbers one after another. After the end they are 0.
type fields struct {
	data  []byte
	ended bool
}

// number reads a number of n bytes. One that does not fit into an int64 counts as missing.
func (f *fields) number(n int) (v int64) {
	if n > len(f.data) || n == 8 && f.data[0] > 0x7f {
		f.data, f.ended = nil, true
		return 0
	}
	for _, c := range f.data[:n] {
		v = v<<8 | int64(c)
	}
	f.data = f.data[n:]
	return v
}

// skip skips n bytes, or what is left.
func (f *fields) skip(n int64) { f.data = f.data[min(n, int64(len(f.data))):] }

// heifItemID returns the identifier of the first item of a type in a meta box. The type of a MIME
// item includes the content type.
func heifItemID(meta []byte, wanted string) (id int64, ok bool) {
	iinf := find(boxes(meta), "iinf", "")
	count := 2
	if len(iinf) > 0 && iinf[0] > 0 {
		count = 4
	}
	for box, infe := range boxes(skip(iinf, 4+count)) {
		if box != "infe" || len(infe) < 4 || infe[0] < 2 || infe[0] > 3 {
			continue
		}
		f := fields{data: infe[4:]}
		id := f.number(2 * (int(infe[0]) - 1)) // 2 bytes in version 2, 4 in version 3
		f.skip(2)                              // protection
		if len(f.data) < 4 {
			continue
		}
		kind := string(f.data[:4])
		if kind == "mime" {
			_, rest, _ := bytes.Cut(f.data[4:], []byte{0}) // the name
			content, _, _ := bytes.Cut(rest, []byte{0})
			kind += "\x00" + string(content)
		}
		if kind == wanted {
			return id, true
		}
	}
	return 0, false
}

// heifItem returns the content of an item, nil if it is not in the file or exceeds maxMetadata.
func heifItem(data, meta []byte, wanted int64) []byte {
	iloc := find(boxes(meta), "iloc", "")
	if len(iloc) < 4 || iloc[0] > 2 {
		return nil
	}
	version := iloc[0]
	f := fields{data: iloc[4:]}
	sizes := f.number(2) // half bytes: of an offset, a length, a base, and an index
	offsetBytes, lengthBytes, baseBytes, indexBytes := int(sizes>>12&15), int(sizes>>8&15), int(sizes>>4&15), int(sizes&15)
	if max(offsetBytes, lengthBytes, baseBytes, indexBytes) > 8 {
		return nil
	}
	idBytes := 2
	if version == 2 {
		idBytes = 4
	}
	for items := f.number(idBytes); items > 0 && !f.ended; items-- {
		id := f.number(idBytes)
		method := int64(0)
		if version > 0 {
			method = f.number(2) & 15
		} else {
			indexBytes = 0
		}
		f.skip(2) // the file that has the data
		base := f.number(baseBytes)
		source := data
		switch method {
		case 0:
		case 1:
			source = find(boxes(meta), "idat", "")
		default:
			source = nil
		}
		extents := f.number(2)
		if id != wanted {
			f.skip(extents * int64(indexBytes+offsetBytes+lengthBytes))
			continue
		}
		var content []byte
		for ; extents > 0; extents-- {
			f.skip(int64(indexBytes))
			at, length := f.number(offsetBytes), f.number(lengthBytes)
			if f.ended {
				break
			}
			from := base + at
			if from < 0 || from > int64(len(source)) {
				return nil
			}
			if rest := int64(len(source)) - from; length == 0 {
				length = rest
			} else if length > rest {
				return nil
			}
			if int64(len(content))+length > maxMetadata {
				return nil
			}
			content = append(content, source[from:from+length]...)
		}
		return content
	}
	return nil
}
