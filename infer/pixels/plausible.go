package pixels

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Decoders allocate all pixels of the header before they look at the data, so a file of a few dozen
// bytes could cost hundreds of megabytes. Files of images above freePixels must therefore be at least
// as large as the format's best compression makes them; smaller files are truncated in any case.
const freePixels = 1 << 20

// The most bytes that one byte of compressed data can encode.
const (
	mostDeflate = 1032 // 258 bytes for 2 bits
	mostLZW     = 2731 // the longest string of the table, 4096, for 12 bits
	mostRuns    = 64   // PackBits: 128 bytes for 2
	// WebP has no such limit, since an image of one color needs no data. No real image of this size
	// compresses better than this.
	mostWebP = 20_000
	// mostScans limits the scans of a progressive JPEG, each of which may cover the whole image in a few
	// bytes. Encoders write about ten.
	mostScans = 200
)

// plausible returns an error if the file cannot hold the image of its header.
func plausible(data []byte, info Info) error {
	if info.Format == "jpeg" && jpegScans(data, mostScans+1) > mostScans {
		return fmt.Errorf("more than %d scans, which no encoder writes", mostScans)
	}
	if info.Width <= freePixels/info.Height {
		return nil
	}
	w, h := int64(info.Width), int64(info.Height)
	var needs int64
	switch info.Format {
	case "png":
		needs = pngLeast(data, w, h)
	case "jpeg":
		needs = jpegLeast(data, w, h)
	case "bmp":
		if len(data) >= 30 {
			needs = (w*int64(binary.LittleEndian.Uint16(data[28:])) + 7) / 8 * h
		}
	case "gif":
		needs = w * h / mostLZW
	case "tiff":
		needs = tiffLeast(data, w, h)
	case "webp":
		needs = w * h / mostWebP
	}
	if int64(len(data)) < needs {
		return fmt.Errorf("%d bytes are too few for the %dx%d pixels of the header: the file is truncated or forged", len(data), w, h)
	}
	return nil
}

func pngLeast(data []byte, w, h int64) int64 {
	head := find(pngChunks(data), "IHDR", "")
	if len(head) < 10 {
		return 0
	}
	samples := map[byte]int64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[head[9]]
	row := (w*samples*int64(head[8]) + 7) / 8
	return (row + 1) * h / mostDeflate
}

// jpegLeast counts one bit per block of 8x8 samples.
func jpegLeast(data []byte, w, h int64) int64 {
	for marker, frame := range jpegSegments(data) {
		const baseline, progressive = 0xc0, 0xc2
		if marker < baseline || marker > progressive || len(frame) < 6 {
			continue
		}
		var hs, vs []int64
		for c := frame[6:]; len(c) >= 3; c = c[3:] {
			hs, vs = append(hs, int64(c[1]>>4)), append(vs, int64(c[1]&15))
		}
		var hMost, vMost, blocks int64 = 1, 1, 0
		for i := range hs {
			hMost, vMost = max(hMost, hs[i]), max(vMost, vs[i])
		}
		for i := range hs {
			blocks += w * hs[i] / hMost / 8 * (h * vs[i] / vMost / 8)
		}
		return blocks / 8
	}
	return 0
}

// jpegScans counts the scans of a JPEG file up to most.
func jpegScans(data []byte, most int) (n int) {
	const (
		startOfScan = 0xda
		endOfImage  = 0xd9
	)
	for i := 2; i+1 < len(data) && n < most; {
		marker := data[i+1]
		switch {
		case data[i] != 0xff: // compressed data
			next := bytes.IndexByte(data[i:], 0xff)
			if next < 0 {
				return n
			}
			i += next
		case marker == 0: // data that looks like a marker
			i += 2
		case marker == 0xff: // a fill byte
			i++
		case marker >= 0xd0 && marker <= 0xd8: // restarts, alone
			i += 2
		case marker == endOfImage:
			return n
		default:
			if marker == startOfScan {
				n++
			}
			if i+4 > len(data) {
				return n
			}
			i += 2 + int(binary.BigEndian.Uint16(data[i+2:]))
		}
	}
	return n
}

func tiffLeast(data []byte, w, h int64) int64 {
	d := readTIFFDir(data)
	row := (w*int64(min(max(d.number(tagBitsPerSample, 1), 1), 64))*int64(max(d.number(tagSamplesPerPixel, 1), 1)) + 7) / 8
	switch d.number(tagCompression, compressionNone) {
	case compressionNone:
		return row * h
	case compressionLZW:
		return row * h / mostLZW
	case compressionDeflate, compressionDeflateOld:
		return row * h / mostDeflate
	case compressionPackBits:
		return row * h / mostRuns
	}
	return h / 8 // fax: a blank row takes a bit
}
