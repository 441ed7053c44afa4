package pixels

import (
	"bytes"
	"fmt"
)

const (
	// Decoders allocate all pixels of the header before they look at the data, so a file of a few dozen
	// bytes could cost hundreds of megabytes. Files of images above freePixels must therefore have a byte
	// per pixelsPerByte, which is the most that LZW compression of black and white reaches.
	freePixels    = 1 << 20
	pixelsPerByte = 22_000
	// Each scan of a progressive JPEG may cover the whole image in a few bytes. Encoders write about ten.
	mostScans = 200
)

// plausible returns an error if the file cannot hold the image of its header.
func plausible(data []byte, info Info) error {
	if info.Format == "jpeg" {
		// Data after the image, such as a video, contains the marker by chance, once in 64 KiB.
		scans := bytes.Count(data, []byte{0xff, startOfScan})
		if scans > mostScans+len(data)>>14 {
			return fmt.Errorf("more than %d scans, which no encoder writes", mostScans)
		}
	}
	if n := int64(info.Width) * int64(info.Height); n > freePixels && n/pixelsPerByte > int64(len(data)) {
		return fmt.Errorf("%d bytes are too few for the %dx%d pixels of the header: the file is truncated or forged",
			len(data), info.Width, info.Height)
	}
	return nil
}
