package pixels

import (
	"encoding/binary"
	"image"
	"io"
)

// encodeBMP writes a picture with alpha as programs read it back: with a header
// of version 4, whose masks tell where the alpha is. The library's encoder has
// the oldest header alone, whose fourth byte nobody takes for alpha.
func encodeBMP(w io.Writer, img *image.NRGBA) error {
	const (
		fileHeader = 14
		v4Header   = 108
		bitFields  = 3
	)
	width, height := img.Rect.Dx(), img.Rect.Dy()
	size := 4 * width * height
	le := binary.LittleEndian
	b := []byte("BM")
	b = le.AppendUint32(b, uint32(fileHeader+v4Header+size))
	b = le.AppendUint32(b, 0)
	b = le.AppendUint32(b, fileHeader+v4Header)
	b = le.AppendUint32(b, v4Header)
	b = le.AppendUint32(b, uint32(width))
	b = le.AppendUint32(b, uint32(height))
	b = le.AppendUint16(b, 1) // plane
	b = le.AppendUint16(b, 32)
	b = le.AppendUint32(b, bitFields)
	b = le.AppendUint32(b, uint32(size))
	b = append(b, make([]byte, 16)...) // resolution, palette
	for _, mask := range []uint32{0xff0000, 0xff00, 0xff, 0xff000000} {
		b = le.AppendUint32(b, mask)
	}
	b = append(b, "BGRs"...) // sRGB, its letters from behind
	b = append(b, make([]byte, fileHeader+v4Header-len(b))...)
	if _, err := w.Write(b); err != nil {
		return err
	}
	row := make([]byte, 4*width)
	for y := height - 1; y >= 0; y-- {
		for i, p := 0, img.Pix[y*img.Stride:]; i < len(row); i += 4 {
			row[i], row[i+1], row[i+2], row[i+3] = p[i+2], p[i+1], p[i], p[i+3]
		}
		if _, err := w.Write(row); err != nil {
			return err
		}
	}
	return nil
}
