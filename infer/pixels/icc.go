package pixels

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

// A Profile is an ICC profile (ICC.1), which defines the colors of an image's numbers. Images
// without a profile are sRGB.
type Profile []byte

// maxProfile limits the size. Printer profiles with large tables take 1 to 3 MiB.
const maxProfile = 4 << 20

// Name returns the profile's description, such as "Display P3". It may be empty.
func (p Profile) Name() string {
	tag := p.tag("desc")
	var at, n int64
	switch be := binary.BigEndian; {
	case len(tag) >= 12 && string(tag[:4]) == "desc": // version 2: ASCII
		at, n = 12, min(int64(be.Uint32(tag[8:])), int64(len(tag)-12), maxProfileName)
	case len(tag) >= 28 && string(tag[:4]) == "mluc": // version 4: texts in UTF-16; use the first
		at, n = int64(be.Uint32(tag[24:])), min(int64(be.Uint32(tag[20:])), 2*maxProfileName)
	}
	if at+n > int64(len(tag)) {
		return ""
	}
	return printable(string(tag[at : at+n]))
}

const maxProfileName = 80

// printable removes control characters, and with them the zeros of ASCII in UTF-16.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return -1
		}
		return r
	}, s))
}

// SRGB reports whether the profile is sRGB, which images without a profile are.
func (p Profile) SRGB() bool { return p == nil || strings.Contains(p.Name(), "sRGB") }

// space returns the color space of the images: "RGB", "GRAY", "CMYK", ...
func (p Profile) space() string { return printable(string(p[16:20])) }

// tag returns the content of a tag.
func (p Profile) tag(name string) []byte {
	const header = 128
	if len(p) < header+4 {
		return nil
	}
	n := binary.BigEndian.Uint32(p[header:])
	for e := p[header+4:]; n > 0 && len(e) >= 12; n, e = n-1, e[12:] {
		if string(e[:4]) != name {
			continue
		}
		at, size := int64(binary.BigEndian.Uint32(e[4:])), int64(binary.BigEndian.Uint32(e[8:]))
		if at+size > int64(len(p)) {
			return nil
		}
		return p[at : at+size]
	}
	return nil
}

var (
	errProfile     = errors.New("the ICC profile is damaged")
	errProfileSize = errors.New("the ICC profile is larger than 4 MiB")
)

// readProfile returns a file's profile, nil if there is none. It does not read those of GIF and
// BMP.
func readProfile(format string, data []byte) (Profile, error) {
	var raw []byte
	var err error
	switch format {
	case "jpeg":
		raw, err = jpegProfile(data)
	case "png":
		raw, err = pngProfile(data)
	case "webp":
		raw = find(webpChunks(data), "ICCP", "")
	case "tiff":
		raw = readTIFFDir(data).content(tagICCProfile)
	case "heic", "avif":
		raw = heifProfile(data)
	}
	switch {
	case err != nil || raw == nil:
		return nil, err
	case len(raw) > maxProfile:
		return nil, errProfileSize
	}
	const header = 132
	if len(raw) < header || string(raw[36:40]) != "acsp" {
		return nil, errProfile
	}
	size := int64(binary.BigEndian.Uint32(raw))
	if size < header || size > int64(len(raw)) {
		return nil, errProfile
	}
	// A copy, so that the file's bytes can be freed.
	return bytes.Clone(raw[:size]), nil
}

const jpegProfilePrefix = "ICC_PROFILE\x00"

// jpegProfile joins the parts of a profile. Each part holds its number, from 1, and their count.
func jpegProfile(data []byte) ([]byte, error) {
	var parts [256][]byte
	count := 0
	for marker, body := range jpegSegments(data) {
		if marker != app2 || !bytes.HasPrefix(body, []byte(jpegProfilePrefix)) {
			continue
		}
		body = body[len(jpegProfilePrefix):]
		if len(body) < 2 || body[0] == 0 || body[0] > body[1] || parts[body[0]] != nil || count != 0 && count != int(body[1]) {
			return nil, errProfile
		}
		count, parts[body[0]] = int(body[1]), body[2:]
	}
	if count == 0 {
		return nil, nil
	}
	size := 0
	for _, p := range parts[1 : count+1] {
		if p == nil {
			return nil, errProfile
		}
		size += len(p)
	}
	if size > maxProfile {
		return nil, errProfileSize
	}
	return bytes.Join(parts[1:count+1], nil), nil
}

// pngProfile unpacks the iCCP chunk: a name, a zero, the method 0, and zlib data.
func pngProfile(data []byte) ([]byte, error) {
	chunk := find(pngChunks(data), "iCCP", "")
	if chunk == nil {
		return nil, nil
	}
	_, packed, found := bytes.Cut(chunk, []byte{0})
	if !found || len(packed) < 1 || packed[0] != 0 {
		return nil, errProfile
	}
	z, err := zlib.NewReader(bytes.NewReader(packed[1:]))
	if err != nil {
		return nil, errProfile
	}
	raw, err := io.ReadAll(io.LimitReader(z, maxProfile+1))
	if err != nil {
		return nil, errProfile
	}
	return raw, nil
}

// KeepsProfile reports whether Encode writes ICC profiles in the format.
func KeepsProfile(format string) bool {
	f, err := writer(format)
	return err == nil && f != "gif" && f != "bmp"
}

// jpegProfileSegments returns the segments of a profile, which hold up to 64 KiB each.
func jpegProfileSegments(p Profile) (b []byte) {
	const most = maxSegment - len(jpegProfilePrefix) - 2
	count := (len(p) + most - 1) / most // at most 65, by maxProfile
	for i := range count {
		part := p[i*most : min((i+1)*most, len(p))]
		b = appendSegment(b, app2, jpegProfilePrefix+string([]byte{byte(i + 1), byte(count)}), part)
	}
	return b
}

// pngProfileChunk returns the content of the iCCP chunk.
func pngProfileChunk(p Profile) []byte {
	var b bytes.Buffer
	b.WriteString("ICC profile\x00\x00")
	z := zlib.NewWriter(&b)
	z.Write(p) // a bytes.Buffer does not fail
	z.Close()
	return b.Bytes()
}
