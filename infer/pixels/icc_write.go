package pixels

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/disintegration/imaging"
)

const app2 = 0xe2

// KeepsProfile tells whether Encode can write an ICC profile into the format.
func KeepsProfile(format string) bool {
	f, err := writer(format)
	return err == nil && (f == imaging.JPEG || f == imaging.PNG || f == imaging.TIFF)
}

// inserter writes more bytes after the first at ones that go through it.
type inserter struct {
	w    io.Writer
	at   int
	more []byte
}

func (i *inserter) Write(p []byte) (int, error) {
	if i.more == nil {
		return i.w.Write(p)
	}
	n, err := i.w.Write(p[:min(i.at, len(p))])
	i.at -= n
	if err != nil || i.at > 0 {
		return n, err
	}
	if _, err := i.w.Write(i.more); err != nil {
		return n, err
	}
	i.more = nil
	m, err := i.w.Write(p[n:])
	return n + m, err
}

// jpegProfileAfter puts the profile behind the start of the image (2 bytes).
func jpegProfileAfter(w io.Writer, p Profile) io.Writer {
	const most = 0xffff - 2 - len(jpegProfilePrefix) - 2
	count := (len(p) + most - 1) / most // at most 65, for maxProfile
	var b []byte
	for i := range count {
		part := p[i*most : min((i+1)*most, len(p))]
		b = append(b, 0xff, app2)
		b = binary.BigEndian.AppendUint16(b, uint16(2+len(jpegProfilePrefix)+2+len(part)))
		b = append(b, jpegProfilePrefix...)
		b = append(b, byte(i+1), byte(count))
		b = append(b, part...)
	}
	return &inserter{w, 2, b}
}

// pngProfileAfter puts the profile behind the signature and the header chunk.
func pngProfileAfter(w io.Writer, p Profile) io.Writer {
	var b bytes.Buffer
	b.Write([]byte{0, 0, 0, 0})
	b.WriteString("iCCPICC profile\x00\x00")
	z := zlib.NewWriter(&b)
	z.Write(p) // a bytes.Buffer takes everything
	z.Close()
	chunk := b.Bytes()
	binary.BigEndian.PutUint32(chunk, uint32(len(chunk)-8))
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	return &inserter{w, 8 + 25, chunk}
}

// tiffWithProfile gives a TIFF file another directory, with the profile.
func tiffWithProfile(file []byte, p Profile) []byte {
	if len(file)%2 == 1 {
		file = append(file, 0)
	}
	at := len(file)
	d := readTIFFDir(append(file, p...))
	e := make([]byte, 12)
	d.order.PutUint16(e, tagICCProfile)
	d.order.PutUint16(e[2:], typeUndefined)
	d.order.PutUint32(e[4:], uint32(len(p)))
	d.order.PutUint32(e[8:], uint32(at))
	return d.with(e)
}
