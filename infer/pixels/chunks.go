package pixels

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// jpegSegments goes through the marker segments of a JPEG file up to its first
// scan: marker and content. It ends early where a length makes no sense.
func jpegSegments(data []byte) iter.Seq2[byte, []byte] {
	const startOfScan = 0xda
	return func(yield func(byte, []byte) bool) {
		for i := 2; i+4 <= len(data) && data[i] == 0xff; {
			marker := data[i+1]
			if marker == 0xff { // fill byte
				i++
				continue
			}
			if marker == startOfScan {
				return
			}
			size := int(binary.BigEndian.Uint16(data[i+2:]))
			if size < 2 || i+2+size > len(data) || !yield(marker, data[i+4:i+2+size]) {
				return
			}
			i += 2 + size
		}
	}
}

// pngChunks goes through the chunks of a PNG file: name and content.
func pngChunks(data []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for i := 8; i+8 <= len(data); {
			size := int64(binary.BigEndian.Uint32(data[i:]))
			body := int64(i) + 8
			if body+size+4 > int64(len(data)) || !yield(string(data[i+4:i+8]), data[body:body+size]) {
				return
			}
			i = int(body + size + 4)
		}
	}
}

// riffChunks goes through a list of RIFF chunks: name and content. A WebP file
// is one from its 12th byte on.
func riffChunks(list []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for i := 0; i+8 <= len(list); {
			size := int64(binary.LittleEndian.Uint32(list[i+4:]))
			body := int64(i) + 8
			if body+size > int64(len(list)) || !yield(string(list[i:i+4]), list[body:body+size]) {
				return
			}
			i = int(body + size + size%2)
		}
	}
}

// webpChunks goes through the chunks of a WebP file.
func webpChunks(data []byte) iter.Seq2[string, []byte] {
	return riffChunks(data[min(12, len(data)):])
}

// find gives the first of the named parts, nil if there is none.
func find[K comparable](parts iter.Seq2[K, []byte], name K, prefix string) []byte {
	for k, body := range parts {
		if k == name && bytes.HasPrefix(body, []byte(prefix)) {
			return body
		}
	}
	return nil
}
