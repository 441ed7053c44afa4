package pixels

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"
)

// withPlainChunks removes from a PNG file what the decoder refuses and browsers ignore: auxiliary
// chunks with a wrong checksum, a palette or transparency out of order, and a missing end. It
// returns data itself if there are none of these faults. Damaged pixels stay damaged.
func withPlainChunks(data []byte) []byte {
	const signature = 8
	var header, auxiliary, palette, transparency, pixels [][]byte
	odd, ended, at := false, false, signature
	for name, body := range pngChunks(data) {
		chunk := data[at : at+12+len(body)]
		at += len(chunk)
		intact := binary.BigEndian.Uint32(chunk[8+len(body):]) == crc32.ChecksumIEEE(chunk[4:8+len(body)])
		switch {
		case ended:
		case name == "IHDR":
			header = append(header, chunk)
		case name == "IDAT":
			pixels = append(pixels, chunk)
		case name == "IEND":
			ended = true
		case name == "PLTE":
			odd = odd || pixels != nil || transparency != nil
			palette = append(palette, chunk)
		case name == "tRNS" && intact:
			odd = odd || pixels != nil
			transparency = append(transparency, chunk)
		case intact:
			auxiliary = append(auxiliary, chunk)
		default:
			odd = true
		}
	}
	if !odd && ended || pixels == nil {
		return data
	}
	plain := slices.Concat(data[:signature], bytes.Join(slices.Concat(header, auxiliary, palette, transparency, pixels), nil))
	return appendChunk(plain, "IEND")
}

// withoutSurplus returns a PNG file without the bytes that follow the last row of pixels.
func withoutSurplus(data []byte) []byte {
	header := find(pngChunks(data), "IHDR", "")
	if len(header) < 13 {
		return data
	}
	w, h := int64(binary.BigEndian.Uint32(header)), int64(binary.BigEndian.Uint32(header[4:]))
	bits := int64(header[8]) * map[byte]int64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[header[9]]
	var size int64
	for _, pass := range pngPasses(header[12] == 1) {
		columns, rows := (w-pass[0]+pass[2]-1)/pass[2], (h-pass[1]+pass[3]-1)/pass[3]
		if columns > 0 && rows > 0 {
			size += rows * (1 + (columns*bits+7)/8)
		}
	}
	var packed, before []byte
	for name, body := range pngChunks(data) {
		switch name {
		case "IDAT":
			packed = append(packed, body...)
		case "IHDR", "PLTE", "tRNS":
			before = appendChunk(before, name, body)
		}
	}
	var again bytes.Buffer
	in, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return data
	}
	out, _ := zlib.NewWriterLevel(&again, zlib.BestSpeed) // a valid level
	if _, err := io.CopyN(out, in, size); err != nil {
		return data
	}
	out.Close() // a bytes.Buffer does not fail
	return appendChunk(appendChunk(slices.Concat(data[:8], before), "IDAT", again.Bytes()), "IEND")
}

// pngPasses returns the first column and row and the steps of the passes of an image.
func pngPasses(interlaced bool) [][4]int64 {
	if !interlaced {
		return [][4]int64{{0, 0, 1, 1}}
	}
	return [][4]int64{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}
}
